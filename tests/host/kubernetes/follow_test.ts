import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import type { KubeClient, KubeStream } from "../../../lib/host/kubernetes/client.ts";
import type { KubeFailure } from "../../../lib/host/kubernetes/transport.ts";
import { follow } from "../../../lib/host/kubernetes/follow.ts";
import type { Outcome } from "../../../lib/host/kubernetes/reading.ts";
import { recordedLog } from "../../support/log.ts";

const TIMING = { watchMs: 1_000, silentMs: 80_000, healthyMs: 60_000 };

/** Follows from version 100; `stream` answers the request. */
async function run(
  stream: (signal: AbortSignal) => KubeStream,
  timing = TIMING,
): Promise<{ outcome: Outcome; told: string[] }> {
  const told: string[] = [];
  const client: KubeClient = {
    server: "test",
    request: () => Promise.reject(new Error("no request is expected")),
    stream: (_request, signal) => Promise.resolve(stream(signal)),
    reconnect: () => void told.push("reconnect"),
    waitToRetry: () => Promise.resolve(),
  };
  const count = (what: string) => void told.push(what);
  const host = { client, clock: systemClock, log: recordedLog(), timing, count };
  const outcome = await follow(host, { kind: "Service" }, "100", {
    onSign: () => {},
    onEvent: ({ kind, object }) => {
      if (object.spec !== undefined) throw new Error("a bug");
      told.push(kind);
    },
  }, new AbortController());
  return { outcome, told };
}

function lines(...events: readonly [type: string, version: string, more?: object][]): KubeStream {
  const text = events.map(([type, resourceVersion, more]) =>
    JSON.stringify({ type, object: { metadata: { resourceVersion }, ...more } }) + "\n"
  ).join("");
  return {
    kind: "open",
    chunks: (async function* () {
      yield await Promise.resolve(new TextEncoder().encode(text));
    })(),
  };
}

function refusal(status: number, message = "no"): KubeFailure {
  return { kind: "failure", cause: "status", status, message, retryAfterMs: undefined };
}

Deno.test("follow() tells of each object, and how far it came", async () => {
  const { outcome, told } = await run(() =>
    lines(["ADDED", "101"], ["DELETED", "102"], ["BOOKMARK", "110"], ["RENAMED", "111"])
  );
  assert.deepEqual(told, ["apply", "delete", "unknown_events"]);
  assert.equal(outcome.kind, "ended");
  assert.ok(outcome.kind === "ended");
  assert.deepEqual([outcome.reached, outcome.healthy], ["110", false]);
  assert.match(outcome.failure.message, /Cannot watch services at test: the watch ended at once/);
});

Deno.test("follow() ends before an object whose handling failed, so that it is read again", async () => {
  const { outcome, told } = await run(() =>
    lines(["ADDED", "101"], ["ADDED", "102", { spec: {} }], ["ADDED", "103"])
  );
  assert.deepEqual(told, ["apply"]);
  assert.ok(outcome.kind === "failed");
  assert.equal(outcome.reached, "101");
  assert.match(outcome.failure.message, /a bug/);
});

const REFUSALS: readonly [number, string, Outcome["kind"]][] = [
  [410, "too old", "forgotten"],
  [400, "invalid version", "forgotten"],
  [504, "Too large resource version: 9, current: 2", "forgotten"],
  [403, "cannot watch resource", "forbidden"],
  [500, "etcd", "failed"],
];

for (const [status, message, kind] of REFUSALS) {
  Deno.test(`follow() takes HTTP ${status} "${message}" for ${kind}`, async () => {
    assert.equal((await run(() => refusal(status, message))).outcome.kind, kind);
  });
}

Deno.test("follow() gives a silent watch up, and takes another connection", async () => {
  const silent = (signal: AbortSignal): KubeStream => ({
    kind: "open",
    chunks: (async function* () {
      yield new TextEncoder().encode(
        '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"101"}}}\n',
      );
      await new Promise((end) => signal.addEventListener("abort", end));
    })(),
  });
  const { outcome, told } = await run(silent, { ...TIMING, silentMs: 32 });
  assert.deepEqual(outcome, { kind: "stalled", reached: "101" });
  assert.deepEqual(told, ["stalls", "reconnect"]);
});
