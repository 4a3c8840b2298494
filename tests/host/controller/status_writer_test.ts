import assert from "node:assert/strict";
import { settled, virtualClock } from "../../support/clock.ts";
import { SILENT_LOG } from "../../support/log.ts";
import type { Cluster, StatusWrite, WriteOutcome } from "../../../lib/host/cluster/cluster.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import {
  createStatusWriter,
  type StatusWriter,
} from "../../../lib/host/controller/status_writer.ts";
import { serviceKey } from "../../../lib/model/facts.ts";
import { ip4 } from "../../support/addresses.ts";

/** A cluster whose answers the test gives one by one. */
function workshop() {
  const requests: { write: StatusWrite; answer: (outcome: WriteOutcome) => void }[] = [];
  const replanned: string[] = [];
  const refused: string[] = [];
  const contested: string[] = [];
  const cluster = {
    writeStatus: (write: StatusWrite) =>
      new Promise<WriteOutcome>((answer) => requests.push({ write, answer })),
  } as Pick<Cluster, "writeStatus"> as Cluster;
  const clock = virtualClock();
  const stop = new AbortController();
  const writer: StatusWriter = createStatusWriter({
    cluster,
    log: SILENT_LOG,
    metrics: createMetrics(),
    clock,
    signal: stop.signal,
  }, {
    replan: (key) => replanned.push(key),
    onContested: ({ service }) => void contested.push(service.key),
    onRefused: ({ service }, error) => refused.push(`${service.key}: ${error}`),
  });
  return { writer, requests, clock, replanned, refused, contested, stop };
}

function write(name: string, version: string, last: number): StatusWrite {
  const key = serviceKey("default", name);
  return {
    service: { key, namespace: "default", name, uid: name, resourceVersion: version },
    ips: [ip4(0x0a4d0100 + last)],
    pool: "default",
  };
}

Deno.test("createStatusWriter() sends one request and does not repeat it before the watch brings it back", async () => {
  const { writer, requests } = workshop();
  writer.ask(write("a", "1", 220));
  requests[0]?.answer({ kind: "written", resourceVersion: "2" });
  await settled();
  writer.ask(write("a", "1", 220));
  assert.equal(requests.length, 1, "the same facts asked for the same again");
  writer.ask(write("a", "3", 220));
  assert.equal(requests.length, 2, "someone took the address away: version 3 does not show it");
});

Deno.test("createStatusWriter() has one request for a Service under way, and sends the latest wish after it", async () => {
  const { writer, requests } = workshop();
  writer.ask(write("a", "1", 220));
  writer.ask(write("a", "2", 221));
  writer.ask(write("a", "3", 222));
  writer.ask(write("b", "1", 230));
  assert.deepEqual(requests.map(({ write }) => write.service.name), ["a", "b"]);
  requests[0]?.answer({ kind: "conflict" });
  await settled();
  assert.equal(requests.length, 3);
  assert.equal(requests[2]?.write.service.resourceVersion, "3");
});

Deno.test("C7: createStatusWriter() plans again after a conflict, a failure and a refusal, each at its pace", async () => {
  const rows: readonly (readonly [WriteOutcome, notBeforeMs: number, byMs: number])[] = [
    [{ kind: "conflict" }, 500, 3_000],
    [{ kind: "failed", error: "503" }, 200, 30_000],
    [{ kind: "failed", error: "429", retryAfterMs: 7_000 }, 7_000, 8_000],
    [{ kind: "refused", error: "403" }, 30_000, 30_001],
    // Where it is gone indeed there is nothing to plan by then.
    [{ kind: "gone" }, 30_000, 30_001],
  ];
  for (const [outcome, notBeforeMs, byMs] of rows) {
    const { writer, requests, clock, replanned, refused } = workshop();
    writer.ask(write("a", "1", 220));
    requests[0]?.answer(outcome);
    await settled();
    // C7: a person is told of what will not go by itself.
    assert.deepEqual(refused, outcome.kind === "refused" ? ["default/a: 403"] : []);
    await clock.elapse(notBeforeMs - 1);
    assert.deepEqual(replanned, [], outcome.kind);
    await clock.elapse(byMs - notBeforeMs + 1);
    assert.deepEqual(replanned, ["default/a"], outcome.kind);
  }
});

Deno.test("createStatusWriter() waits longer after each failure", async () => {
  const { writer, requests, clock, replanned } = workshop();
  const waits: number[] = [];
  for (let attempt = 0; attempt < 4; attempt++) {
    writer.ask(write("a", "1", 220));
    requests[attempt]?.answer({ kind: "failed", error: "unreachable" });
    const since = clock.now();
    while (replanned.length <= attempt) await clock.elapse(100);
    waits.push(clock.now() - since);
  }
  assert.deepEqual(waits, [...waits].sort((a, b) => a - b));
  assert.ok((waits[3] ?? 0) > (waits[0] ?? 0));
});

Deno.test("createStatusWriter() writes nothing for a Service that is gone, nor after the signal", async () => {
  const { writer, requests, clock, replanned, stop } = workshop();
  writer.ask(write("b", "1", 221));
  writer.forget(serviceKey("default", "b"));
  requests[0]?.answer({ kind: "failed", error: "late" });
  await settled();
  assert.equal(clock.pending(), 0, "nothing is tried again");
  writer.ask(write("c", "1", 222));
  requests[1]?.answer({ kind: "conflict" });
  await settled();
  assert.equal(clock.pending(), 1);
  stop.abort();
  await clock.elapse(60_000);
  assert.deepEqual([replanned, requests.length], [[], 2]);
});

Deno.test("createStatusWriter() drops a wish that was not sent because the lead is over", async () => {
  const { writer, requests, clock } = workshop();
  writer.ask(write("a", "1", 220));
  requests[0]?.answer({ kind: "not-leader" });
  await settled();
  assert.equal(clock.pending(), 0);
  writer.ask(write("a", "1", 220));
  assert.equal(requests.length, 2, "it is a new wish when it leads again");
});

Deno.test("forgetAll() leaves nothing of an earlier term, neither wishes nor what was written", async () => {
  const { writer, requests, clock } = workshop();
  writer.ask(write("a", "1", 220));
  requests[0]?.answer({ kind: "written", resourceVersion: "2" });
  writer.ask(write("b", "1", 221));
  writer.ask(write("b", "1", 222));
  await settled();
  writer.forgetAll();
  requests[1]?.answer({ kind: "failed", error: "late" });
  await settled();
  assert.deepEqual([requests.length, clock.pending()], [2, 0]);
  writer.ask(write("a", "1", 220));
  assert.equal(requests.length, 3, "whether the first write came through, the list will tell");
});

Deno.test("idle() waits for every request under way, those of before forgetAll() too", async () => {
  const { writer, requests } = workshop();
  let idle = false;
  await writer.idle();
  writer.ask(write("a", "1", 220));
  writer.ask(write("b", "1", 221));
  writer.forgetAll();
  const waiting = writer.idle().then(() => idle = true);
  requests[0]?.answer({ kind: "written", resourceVersion: "2" });
  await settled();
  assert.ok(!idle);
  requests[1]?.answer({ kind: "conflict" });
  await waiting;
});

Deno.test("createStatusWriter() puts a status right at once twice, then after longer and longer pauses (fault 10)", async () => {
  const { writer, requests, clock, replanned, contested } = workshop();
  let version = 0;
  /** Another writer's status is seen, whenever it is looked at. */
  const meddle = async () => {
    const before = requests.length;
    writer.ask(write("a", `${++version}`, 220));
    if (requests.length > before) {
      requests.at(-1)?.answer({ kind: "written", resourceVersion: `${++version}` });
    }
    await settled();
  };
  for (let ms = 0; ms < 60_000; ms += 100) {
    await meddle();
    if (ms < 100) assert.equal(requests.length, 1);
    await clock.advance(100);
  }
  assert.equal(requests.length, 8, "of a minute in which another writes ten times a second");
  assert.deepEqual([replanned.length, contested], [5, ["default/a"]]);
  await clock.advance(10 * 60_000);
  await meddle();
  await meddle();
  assert.equal(requests.length, 10, "who has let it be is forgotten");
});

Deno.test("createStatusWriter() counts another's write too that is seen before the answer to its own (fault 10)", async () => {
  const { writer, requests, clock, replanned, contested } = workshop();
  let answered = 0;
  for (let ms = 0; ms < 60_000; ms += 100) {
    writer.ask(write("a", `${ms}`, 220));
    const due = requests.slice(answered);
    answered = requests.length;
    // The other one has written over it by the time its answer comes.
    writer.ask(write("a", `${ms}.`, 220));
    for (const { answer } of due) answer({ kind: "written", resourceVersion: `${ms}` });
    await settled();
    await clock.advance(100);
  }
  assert.ok(requests.length <= 10, `${requests.length} writes in the first minute`);
  assert.deepEqual([contested, replanned.length], [["default/a"], 5]);
});

Deno.test("createStatusWriter() writes another wish at once, whoever writes over the one before", async () => {
  const { writer, requests } = workshop();
  for (let version = 1; version <= 5; version++) {
    writer.ask(write("a", `${version}`, 220));
    requests.at(-1)?.answer({ kind: "written", resourceVersion: `${version}.` });
    await settled();
  }
  const before = requests.length;
  assert.equal(before, 3);
  writer.ask(write("a", "9", 221));
  assert.equal(requests.length, before + 1);
});
