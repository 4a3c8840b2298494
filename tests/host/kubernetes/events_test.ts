import assert from "node:assert/strict";
import { instant } from "../../../lib/base/time.ts";
import { type Clock, systemClock } from "../../../lib/host/process/clock.ts";
import type { ClusterEvent } from "../../../lib/host/cluster/cluster.ts";
import { startEventPublisher } from "../../../lib/host/kubernetes/events.ts";
import { objectOr } from "../../../lib/model/json.ts";
import { EVENT } from "../../../lib/model/names.ts";
import { recordedLog } from "../../support/log.ts";
import {
  type Answer,
  json,
  mockClient,
  startMockApi,
  status,
  until,
} from "../../support/mock_api.ts";

function event(name: string, message = "Assigned IP [10.0.0.1]"): ClusterEvent {
  return {
    about: { kind: "Service", namespace: "default", name, uid: `uid-${name}` },
    type: "Normal",
    reason: EVENT.ipAllocated,
    message,
    component: "metallb-controller",
  };
}

async function publishing(
  answer: Answer,
  use: (
    running: {
      publish: (event: ClusterEvent) => void;
      sent: { line: string; body: Readonly<Record<string, unknown>> }[];
      counts: Map<string, number>;
      levels: () => string[];
      pass: (ms: number) => void;
    },
  ) => Promise<void>,
): Promise<void> {
  const sent: { line: string; body: Readonly<Record<string, unknown>> }[] = [];
  const api = startMockApi(async (url, request) => {
    sent.push({ line: `${request.method} ${url.pathname}`, body: objectOr(await request.json()) });
    return await answer(url, request);
  });
  const stop = new AbortController();
  const counts = new Map<string, number>();
  const log = recordedLog();
  let passed = 0;
  const clock: Clock = { ...systemClock, now: () => instant(performance.now() + passed) };
  const publisher = startEventPublisher(
    await mockClient(api.url, stop.signal),
    "node-1",
    clock,
    log,
    (what) => counts.set(what, (counts.get(what) ?? 0) + 1),
    stop.signal,
  );
  try {
    await use({
      publish: publisher.publish,
      sent,
      counts,
      levels: () => log.lines.map(({ level }) => level),
      pass: (ms) => {
        passed += ms;
      },
    });
  } finally {
    stop.abort();
    await publisher.done;
    await api.close();
  }
}

Deno.test("publish() creates an event of the core group in the object's namespace", async () => {
  await publishing(() => json({}), async ({ publish, sent }) => {
    publish(event("web", "x".repeat(2_000)));
    await until("the event", () => sent.length === 1);
    assert.equal(sent[0]?.line, "POST /api/v1/namespaces/default/events");
    const { metadata, firstTimestamp, lastTimestamp, message, ...rest } = sent[0]?.body ?? {};
    assert.match(String(objectOr(metadata).name), /^web\.[0-9a-f]+$/);
    assert.equal(firstTimestamp, lastTimestamp);
    assert.equal(String(message).length, 1_024);
    assert.deepEqual(rest, {
      apiVersion: "v1",
      kind: "Event",
      involvedObject: {
        apiVersion: "v1",
        kind: "Service",
        namespace: "default",
        name: "web",
        uid: "uid-web",
      },
      type: "Normal",
      reason: "IPAllocated",
      source: { component: "metallb-controller", host: "node-1" },
      reportingComponent: "metallb-controller",
      reportingInstance: "node-1",
      count: 1,
    });
  });
});

Deno.test("publish() counts repetitions up for ten minutes, then creates anew", async () => {
  await publishing(() => json({}), async ({ publish, sent, pass }) => {
    for (let i = 0; i < 3; i++) publish(event("web"));
    publish(event("web", "another message"));
    await until("four requests", () => sent.length === 4);
    assert.deepEqual(sent.map(({ line }) => line.split(" ")[0]), [
      "POST",
      "PATCH",
      "PATCH",
      "POST",
    ]);
    assert.deepEqual(sent.slice(1, 3).map(({ body }) => body.count), [2, 3]);
    assert.ok(sent[1]?.line.endsWith(`/${objectOr(sent[0]?.body.metadata).name}`));
    pass(600_001);
    publish(event("web"));
    await until("the fifth", () => sent.length === 5);
    assert.ok(sent[4]?.line.startsWith("POST"));
  });
});

Deno.test("publish() counts a state up for good, with the newest message", async () => {
  await publishing(() => json({}), async ({ publish, sent, pass }) => {
    publish({ ...event("web", "older"), standing: true });
    await until("the first", () => sent.length === 1);
    assert.equal(objectOr(sent[0]?.body.metadata).name, "web.ipallocated.uid-web");
    pass(600_001);
    publish({ ...event("web", "newer"), standing: true });
    await until("the second", () => sent.length === 2);
    const path = "/api/v1/namespaces/default/events/web.ipallocated.uid-web";
    assert.equal(sent[1]?.line, `PATCH ${path}`);
    assert.deepEqual([sent[1]?.body.count, sent[1]?.body.message], [2, "newer"]);
  });
});

Deno.test("publish() goes on counting a state that another process told", async () => {
  const answer: Answer = (_, { method }) =>
    method === "POST" ? status(409, "already exists") : json({ count: 7 });
  await publishing(answer, async ({ publish, sent, counts }) => {
    publish({ ...event("web"), standing: true });
    publish({ ...event("web"), standing: true });
    await until("four requests", () => sent.length === 4);
    assert.deepEqual(
      sent.map(({ body, line }) => [line.split(" ")[0], body.count]),
      [["POST", 1], ["PATCH", undefined], ["PATCH", 8], ["PATCH", 9]],
    );
    assert.equal(counts.get("events_failed"), undefined);
  });
});

Deno.test("publish() creates an event again that somebody deleted", async () => {
  const answer: Answer = (_, { method }) => method === "PATCH" ? status(404, "gone") : json({});
  await publishing(answer, async ({ publish, sent }) => {
    publish(event("web"));
    publish(event("web"));
    await until("three requests", () => sent.length === 3);
    assert.deepEqual(sent.map(({ line }) => line.split(" ")[0]), ["POST", "PATCH", "POST"]);
  });
});

Deno.test("publish() forgets failures quietly and goes on", async () => {
  await publishing(() => status(403, "forbidden"), async ({ publish, sent, counts, levels }) => {
    publish(event("a"));
    publish(event("b"));
    await until("both", () => sent.length === 2 && counts.get("events_failed") === 2);
    assert.deepEqual(levels(), ["debug", "debug"]);
  });
});

Deno.test("publish() sends one at a time, and drops the oldest when too many wait", async () => {
  const held = Promise.withResolvers<void>();
  let underWay = 0;
  let most = 0;
  const answer: Answer = async () => {
    most = Math.max(most, ++underWay);
    await held.promise;
    underWay--;
    return json({});
  };
  await publishing(answer, async ({ publish, sent, counts }) => {
    publish(event("first"));
    await until("the first", () => sent.length === 1);
    for (let i = 0; i < 2_010; i++) publish(event(`s${i}`));
    assert.equal(counts.get("events_dropped"), 10);
    held.resolve();
    await until("the next", () => sent.length >= 3);
    assert.equal(objectOr(sent[1]?.body.involvedObject).name, "s10");
    assert.equal(most, 1);
  });
});

Deno.test("publish() drops notices before failures, and sends failures first (fault 14)", async () => {
  const held = Promise.withResolvers<void>();
  const answer: Answer = async () => {
    await held.promise;
    return json({});
  };
  await publishing(answer, async ({ publish, sent, counts }) => {
    publish(event("first"));
    await until("the first", () => sent.length === 1);
    const failure = { type: "Warning", reason: EVENT.allocationFailed } as const;
    const advice = { type: "Warning", reason: EVENT.deprecatedAnnotation } as const;
    for (let i = 0; i < 4_000; i++) publish({ ...event(`old${i}`), ...advice });
    publish({ ...event("lacks"), ...failure });
    publish(event("given"));
    assert.equal(counts.get("events_dropped"), 2_002);
    held.resolve();
    await until("four", () => sent.length >= 4);
    const names = sent.slice(1, 4).map(({ body }) => objectOr(body.involvedObject).name);
    assert.deepEqual(names, ["lacks", "given", "old2002"]);
  });
});

Deno.test("publish() tells nothing for a lead that is over by the time its turn has come", async () => {
  const held = Promise.withResolvers<void>();
  const answer: Answer = async () => {
    await held.promise;
    return json({});
  };
  await publishing(answer, async ({ publish, sent, counts }) => {
    let leading = true;
    const permit = { mayBegin: () => leading, withinMs: 5_000 };
    publish({ ...event("a"), permit });
    publish({ ...event("b"), permit });
    await until("the first", () => sent.length === 1);
    leading = false;
    held.resolve();
    await until("the second", () => counts.get("events_failed") === 1);
    assert.equal(sent.length, 1);
  });
});
