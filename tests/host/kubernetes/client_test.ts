import assert from "node:assert/strict";
import { instant } from "../../../lib/base/time.ts";
import type { Clock } from "../../../lib/host/process/clock.ts";
import { systemClock } from "../../../lib/host/process/clock.ts";
import { type KubeAnswer, openKubeClient } from "../../../lib/host/kubernetes/client.ts";
import type { KubeFailure } from "../../../lib/host/kubernetes/transport.ts";
import { CA, CERTIFICATE, KEY, OTHER_CA } from "../../support/certificates.ts";
import { recordedLog } from "../../support/log.ts";
import {
  type Answer,
  fedWatch,
  json,
  mockClient,
  mockSettings,
  startMockApi,
  status,
  until,
} from "../../support/mock_api.ts";
import { pause } from "../../support/wait.ts";
import { HURRIED_CLOCK } from "../../support/clock.ts";

const GET = { operation: "list services", method: "GET", path: "/api/v1/services" } as const;

/** Runs a test against a mock, with a client that is closed at the end. */
async function withMock(
  answer: Answer,
  use: (api: ReturnType<typeof startMockApi>, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const api = startMockApi(answer);
  const stop = new AbortController();
  try {
    await use(api, stop.signal);
  } finally {
    stop.abort();
    await api.close();
  }
}

function failureOf(answer: KubeAnswer): KubeFailure {
  assert.equal(answer.kind, "failure");
  if (answer.kind !== "failure") throw new Error("unreachable");
  return answer;
}

const ANSWERS: readonly [string, () => Response, Partial<KubeFailure>, RegExp][] = [
  [
    "HTML with status 200",
    () => new Response("<html>Login</html>", { headers: { "content-type": "text/html" } }),
    { cause: "answer" },
    /text\/html and no Kubernetes object/,
  ],
  ["cut JSON", () => new Response('{"kind": "Ser'), { cause: "answer" }, /no Kubernetes object/],
  ["a JSON list", () => json([]), { cause: "answer" }, /no Kubernetes object/],
  [
    "a redirect",
    () => new Response(null, { status: 307, headers: { location: "http://127.0.0.2:9/" } }),
    { cause: "answer", status: 307 },
    /307 sends elsewhere/,
  ],
  [
    "403",
    () => status(403, "services is forbidden"),
    { status: 403 },
    /403: services is forbidden/,
  ],
  [
    "500 without JSON",
    () => new Response("oh\n no", { status: 500 }),
    { status: 500 },
    /500: oh no/,
  ],
  [
    "429 with an absurd Retry-After",
    () => status(429, "slow", { "retry-after": "99999" }),
    { status: 429, retryAfterMs: 60_000 },
    /429: slow/,
  ],
  [
    "503 with Retry-After",
    () => status(503, "later", { "retry-after": "2" }),
    { status: 503, retryAfterMs: 2_000 },
    /later/,
  ],
];

for (const [what, answer, expected, message] of ANSWERS) {
  Deno.test(`request() takes ${what} for a failure that says what and where`, async () => {
    await withMock(answer, async (api, signal) => {
      const failure = failureOf(await (await mockClient(api.url, signal)).request(GET, signal));
      for (const [field, value] of Object.entries(expected)) {
        assert.equal(failure[field as keyof KubeFailure], value);
      }
      assert.match(failure.message, message);
      assert.ok(failure.message.startsWith(`Cannot list services at ${api.url}: `));
      assert.ok(!failure.message.includes("secret-token"));
      assert.equal(api.requests.length, 1);
    });
  });
}

Deno.test("C3: request() tells of a server that is away", async () => {
  const api = startMockApi(() => json({}));
  await api.close();
  const stop = new AbortController();
  const failure = failureOf(
    await (await mockClient(api.url, stop.signal)).request(GET, stop.signal),
  );
  assert.equal(failure.cause, "network");
  assert.match(failure.message, /Connection refused/);
  stop.abort();
});

Deno.test("C3: request() gives up in time on a server that accepts and is silent", async () => {
  const never = Promise.withResolvers<Response>();
  await withMock(() => never.promise, async (api, signal) => {
    const client = await mockClient(api.url, signal);
    const failure = failureOf(await client.request({ ...GET, timeoutMs: 50 }, signal));
    assert.equal(failure.cause, "timeout");
    assert.match(failure.message, /no answer within 0.05 s/);
    never.resolve(json({}));
  });
});

Deno.test("request() ends at once when its signal fires", async () => {
  const never = Promise.withResolvers<Response>();
  await withMock(() => never.promise, async (api, signal) => {
    const client = await mockClient(api.url, signal);
    const stop = new AbortController();
    const answer = client.request(GET, stop.signal);
    await until("the request", () => api.requests.length === 1);
    stop.abort();
    assert.equal(failureOf(await answer).cause, "stopped");
    assert.equal(failureOf(await client.request(GET, stop.signal)).cause, "stopped");
    never.resolve(json({}));
  });
});

Deno.test("request() reads the token again after a 401 and tries once more", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "old\n");
  const answer: Answer = (_, { headers }) =>
    headers.get("authorization") === "Bearer new" ? json({ ok: true }) : status(401, "expired");
  await withMock(answer, async (api, signal) => {
    const client = await mockClient(api.url, signal, { kind: "file", path });
    assert.equal(failureOf(await client.request(GET, signal)).status, 401);
    assert.deepEqual(api.authorizations, ["Bearer old"]);
    await Deno.writeTextFile(path, "new\n");
    assert.deepEqual(await client.request(GET, signal), { kind: "ok", body: { ok: true } });
    assert.deepEqual(api.authorizations, ["Bearer old", "Bearer old", "Bearer new"]);
    await Deno.remove(path);
    // Without its file the token in use stays in use.
    assert.equal((await client.request(GET, signal)).kind, "ok");
  });
});

Deno.test("C14: request() uses a rotated token within a minute, without a 401", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "one");
  let now = 0;
  const clock: Clock = { ...systemClock, now: () => instant(now) };
  await withMock(() => json({}), async (api, signal) => {
    const client = await mockClient(api.url, signal, { kind: "file", path }, clock);
    await Deno.writeTextFile(path, "two");
    for (now = 0; now <= 60_000; now += 10_000) await client.request(GET, signal);
    assert.equal(api.authorizations[0], "Bearer one");
    assert.equal(api.authorizations.at(-1), "Bearer two");
    await Deno.remove(path);
  });
});

Deno.test("request() has at most 50 requests under way, and background ones only half of them", async () => {
  let underWay = 0;
  let most = 0;
  const held: (() => void)[] = [];
  await withMock(async () => {
    most = Math.max(most, ++underWay);
    await new Promise<void>((resolve) => held.push(resolve));
    underWay--;
    return json({});
  }, async (api, signal) => {
    const client = await mockClient(api.url, signal);
    const background = Array.from(
      { length: 40 },
      () => client.request({ ...GET, background: true }, signal),
    );
    await until("the background requests", () => underWay === 25);
    const others = Array.from({ length: 100 }, () => client.request(GET, signal));
    await until("50 requests", () => underWay === 50);
    const release = setInterval(() => held.splice(0).forEach((resolve) => resolve()), 1);
    const answers = await Promise.all([...background, ...others]);
    clearInterval(release);
    assert.ok(answers.every(({ kind }) => kind === "ok"));
    assert.equal(most, 50);
  });
});

Deno.test("stream() is not counted among the requests and outlives reconnect()", async () => {
  const watches = Array.from({ length: 60 }, () => fedWatch());
  let opened = 0;
  await withMock(() => watches[opened++]?.response ?? json({}), async (api, signal) => {
    const client = await mockClient(api.url, signal);
    const stop = new AbortController();
    const streams = await Promise.all(watches.map(() => client.stream(GET, stop.signal)));
    assert.ok(streams.every(({ kind }) => kind === "open"));
    client.reconnect();
    assert.equal((await client.request(GET, signal)).kind, "ok");
    const [first] = streams;
    if (first?.kind !== "open") throw new Error("unreachable");
    const chunks = first.chunks[Symbol.asyncIterator]();
    watches[0]?.sendBytes(Uint8Array.of(1, 2));
    assert.deepEqual((await chunks.next()).value, Uint8Array.of(1, 2));
    stop.abort();
    await chunks.next().catch(() => {});
    for (const stream of streams.slice(1)) {
      // They end, by themselves or by the abort: they do not hang.
      if (stream.kind === "open") {
        await stream.chunks[Symbol.asyncIterator]().next().catch(() => {});
      }
    }
  });
});

Deno.test("C3: waitToRetry() ends soon after a server that was away is back", async () => {
  const first = startMockApi(() => json({}));
  await first.close();
  const port = Number(new URL(first.url).port);
  const stop = new AbortController();
  const settings = mockSettings(first.url, undefined);
  const client = await openKubeClient(settings, HURRIED_CLOCK, recordedLog(), stop.signal);
  const failure = failureOf(await client.request(GET, stop.signal));
  let ended = 0;
  // The hurried clock makes an hour 36 s: more than the test would wait.
  const waits = Array.from({ length: 5 }, async () => {
    await client.waitToRetry(3_600_000, failure, stop.signal);
    ended++;
  });
  await pause(50);
  assert.equal(ended, 0);
  const second = startMockApi(() => json({}), port);
  await Promise.all(waits);
  stop.abort();
  await second.close();
});

/** A TLS server that needs no client certificate. */
function startTlsApi() {
  const stop = new AbortController();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    cert: CERTIFICATE,
    key: KEY,
    signal: stop.signal,
    onListen: () => {},
  }, () => json({ tls: true }));
  return {
    url: `https://127.0.0.1:${server.addr.port}`,
    async close() {
      stop.abort();
      await server.finished;
    },
  };
}

Deno.test("C14: request() refuses a server of another authority, and trusts it once the CA file is renewed", async () => {
  const api = startTlsApi();
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, OTHER_CA);
  const stop = new AbortController();
  let now = 0;
  const clock: Clock = { ...systemClock, now: () => instant(now) };
  const log = recordedLog();
  const client = await openKubeClient(
    { ...mockSettings(api.url, undefined), authority: { kind: "file", path } },
    clock,
    log,
    stop.signal,
  );
  const failure = failureOf(await client.request(GET, stop.signal));
  assert.equal(failure.cause, "network");
  assert.match(failure.message, /UnknownIssuer/);
  // Caught half-written, the file changes nothing.
  await Deno.writeTextFile(path, CA.slice(0, 100));
  now += 60_000;
  assert.equal((await client.request(GET, stop.signal)).kind, "failure");
  assert.deepEqual(log.lines.map(({ level, msg }) => [level, msg]), [
    ["warn", "cannot renew credentials, keeping the old ones"],
  ]);
  await Deno.writeTextFile(path, CA);
  now += 60_000;
  assert.deepEqual(await client.request(GET, stop.signal), { kind: "ok", body: { tls: true } });
  stop.abort();
  await Deno.remove(path);
  await api.close();
});

Deno.test("request() asks its permit last of all, and sends nothing when it is over", async () => {
  const first = Promise.withResolvers<void>();
  await withMock(async () => {
    await first.promise;
    return json({});
  }, async (api, signal) => {
    const client = await mockClient(api.url, signal);
    let leading = true;
    const permit = { mayBegin: () => leading, withinMs: 10_000 };
    const asked = Array.from({ length: 60 }, () => client.request({ ...GET, permit }, signal));
    await until("all that have a place", () => api.requests.length === 50);
    // As after a pause: those behind the gate were asked for while it led.
    leading = false;
    first.resolve();
    const answers = await Promise.all(asked);
    assert.equal(answers.filter(({ kind }) => kind === "ok").length, 50);
    const late = answers.filter((answer) => answer.kind === "failure");
    assert.deepEqual(new Set(late.map(({ cause }) => cause)), new Set(["not-leader"]));
    assert.equal(api.requests.length, 50);
  });
});

Deno.test("request() takes its permit's time for its own", async () => {
  const never = Promise.withResolvers<Response>();
  await withMock(() => never.promise, async (api, signal) => {
    const client = await mockClient(api.url, signal);
    const permit = { mayBegin: () => true, withinMs: 40 };
    const failure = failureOf(await client.request({ ...GET, permit }, signal));
    assert.match(failure.message, /no answer within 0.04 s/);
    never.resolve(json({}));
  });
});

Deno.test("request() goes past those that wait when it is urgent", async () => {
  const open = Promise.withResolvers<void>();
  await withMock(async (url) => {
    if (url.pathname !== "/urgent") await open.promise;
    return json({});
  }, async (api, signal) => {
    const client = await mockClient(api.url, signal);
    const burst = Array.from({ length: 70 }, () => client.request(GET, signal));
    const urgent = await client.request({ ...GET, path: "/urgent", urgent: true }, signal);
    assert.equal(urgent.kind, "ok");
    open.resolve();
    await Promise.all(burst);
  });
});
