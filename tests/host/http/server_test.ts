import assert from "node:assert/strict";
import { serveHttp } from "../../../lib/host/http/server.ts";
import { logOf } from "../../support/log.ts";
import { PROCESS_STATUS as STATUS } from "../../support/status.ts";
import { openSockets } from "../../support/sockets.ts";
import { waitFor } from "../../support/wait.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import type { ProcessStatus } from "../../../lib/status/types.ts";

async function served(
  status: () => ProcessStatus,
  visit: (url: string, port: number) => Promise<void>,
  host = "127.0.0.1",
  access: Pick<Parameters<typeof serveHttp>[0], "certificate" | "guard"> = {},
): Promise<void> {
  const stop = new AbortController();
  const metrics = createMetrics();
  metrics.layer2.onScrape = () => {
    metrics.layer2.requests.reset();
    metrics.layer2.requests.inc({ ip: "10.77.1.220" }, 7);
  };
  let port = 0;
  const log = logOf({ info: (fields) => void (port = Number(fields.port)) });
  const done = serveHttp({
    host,
    port: 0,
    status,
    unhealthy: () => status().unhealthy,
    registry: metrics.registry,
    ...access,
    log,
  }, stop.signal);
  try {
    await visit(`http://127.0.0.1:${port}`, port);
  } finally {
    stop.abort();
    await done;
  }
}

async function get(url: string): Promise<{ code: number; text: string }> {
  const answer = await fetch(url);
  return { code: answer.status, text: await answer.text() };
}

Deno.test("serveHttp() says ready and healthy, or why not with 503", async () => {
  let status = STATUS;
  await served(() => status, async (url) => {
    assert.deepEqual(await get(`${url}/readyz`), { code: 200, text: "ok\n" });
    assert.deepEqual(await get(`${url}/healthz`), { code: 200, text: "ok\n" });
    status = { ...STATUS, notReady: ["no configuration"], unhealthy: ["the Worker is dead"] };
    assert.deepEqual(await get(`${url}/readyz`), { code: 503, text: "no configuration\n" });
    assert.deepEqual(await get(`${url}/healthz`), { code: 503, text: "the Worker is dead\n" });
  });
});

Deno.test("serveHttp() without a host answers both families, as a kubelet may probe either", async () => {
  await served(() => STATUS, async (url, port) => {
    assert.equal((await get(`${url}/readyz`)).code, 200);
    assert.equal((await get(`http://[::1]:${port}/readyz`)).code, 200);
  }, "");
});

Deno.test("serveHttp() gives the status as JSON and nothing for other paths or methods", async () => {
  await served(() => STATUS, async (url) => {
    assert.deepEqual(JSON.parse((await get(`${url}/status`)).text), STATUS);
    assert.equal((await get(`${url}/debug/pprof`)).code, 404);
    const posted = await fetch(`${url}/status`, { method: "POST", body: "{}" });
    await posted.body?.cancel();
    assert.equal(posted.status, 405);
  });
});

Deno.test("serveHttp() shows the metrics of its registry, read anew at each scrape", async () => {
  await served(() => STATUS, async (url) => {
    const { text } = await get(`${url}/metrics`);
    assert.match(text, /^metallb_layer2_requests_received\{ip="10\.77\.1\.220"\} 7$/m);
  });
});

/** Sends these bytes and gives what comes back until the other side ends it. */
async function exchange(port: number, text: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  const chunks: string[] = [];
  for await (const chunk of connection.readable.pipeThrough(new TextDecoderStream())) {
    chunks.push(chunk);
  }
  return chunks.join("");
}

Deno.test("fault 5: a page of another site that let its name lead here reads nothing", async () => {
  await served(() => STATUS, async (_url, port) => {
    for (const path of ["/status", "/", "/metrics", "/readyz"]) {
      const request = `GET ${path} HTTP/1.1\r\nconnection: close\r\nhost: `;
      const answer = await exchange(port, `${request}evil.example:${port}\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 403 /, path);
      assert.match(answer, /--http-names/);
      assert.match(await exchange(port, `${request}10.0.0.1:${port}\r\n\r\n`), /^HTTP\/1\.1 200 /);
    }
    const proxied = "GET /status HTTP/1.1\r\nhost: api.example\r\nsec-herald: status\r\n";
    assert.match(await exchange(port, `${proxied}connection: close\r\n\r\n`), /^HTTP\/1\.1 200 /);
  });
});

Deno.test("fault 5: five hundred connections that never finish their request keep no probe out", async () => {
  const half = new TextEncoder().encode(`GET /healthz HTTP/1.1\r\nx: ${"y".repeat(4_000)}\r\n`);
  const crowd: Deno.Conn[] = [];
  await served(() => STATUS, async (url, port) => {
    try {
      for (let at = 0; at < 500; at++) {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port });
        crowd.push(connection);
        await connection.write(half).catch(() => {});
      }
      assert.deepEqual(await get(`${url}/healthz`), { code: 200, text: "ok\n" });
      const ends = await Promise.all(
        crowd.map((connection) =>
          Promise.race([
            connection.read(new Uint8Array(10)).then(() => "ended", () => "ended"),
            get(`${url}/healthz`).then(() => "kept"),
          ])
        ),
      );
      const kept = ends.filter((end) => end === "kept").length;
      assert.ok(kept <= 64, `${kept} connections are kept`);
    } finally {
      for (const connection of crowd) connection.close();
    }
  });
});

/** Asks and asks, and takes no answer, until no further question goes out. */
async function stuff(connection: Deno.Conn): Promise<void> {
  const bytes = new TextEncoder().encode("GET /status HTTP/1.1\r\nhost: a\r\n\r\n".repeat(5_000));
  let written = 0;
  const writing = (async () => {
    while (true) written += await connection.write(bytes);
  })();
  // Its end is the end of the connection.
  writing.catch(() => {});
  let before = -1;
  let looks = 0;
  await waitFor("questions that nobody takes any more", () => {
    looks = written === before ? looks + 1 : 0;
    before = written;
    return looks === 8;
  }, { timeoutMs: 20_000, everyMs: 250 });
}

async function takeAll(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    while (await connection.read(buffer) !== null);
  } catch {
    // It was reset, or another reads.
  }
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}

Deno.test("who asks without end and takes no answer holds no stop up, and leaves nothing", async () => {
  const crowd: Deno.Conn[] = [];
  const before = openSockets();
  const long = { ...STATUS, notReady: ["x".repeat(1_000_000)] };
  const serving = served(() => long, async (_url, port) => {
    for (let times = 0; times < 2; times++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      crowd.push(connection);
      await stuff(connection);
    }
  });
  let isOver = false;
  serving.then(() => (isOver = true), () => {});
  try {
    // While they still hold what they were sent.
    await waitFor("the end of all that is served", () => isOver);
    await serving;
  } finally {
    await Promise.all(crowd.map(takeAll));
  }
  await waitFor("the end of all sockets", () => openSockets() <= before);
});
