import assert from "node:assert/strict";
import { createEnding } from "../../../lib/host/process/ending.ts";
import { virtualClock } from "../../support/clock.ts";
import { recordedLog } from "../../support/log.ts";

function parts(handOver: () => Promise<void> = () => Promise.resolve()) {
  const clock = virtualClock();
  const log = recordedLog();
  const ending = createEnding(clock, log, handOver);
  let isOverdue = false;
  void ending.overdue.then(() => isOverdue = true);
  return { clock, log, ending, isOverdue: () => isOverdue };
}

Deno.test("what is asked to end hands over, and then stops", async () => {
  const handed = Promise.withResolvers<void>();
  const { clock, ending } = parts(() => handed.promise);
  ending.started();
  ending.ask();
  assert.ok(ending.leaving.aborted);
  await clock.elapse(1);
  assert.ok(!ending.stop.aborted, "handing over");
  handed.resolve();
  await clock.elapse(1);
  assert.ok(ending.stop.aborted);
});

Deno.test("what is asked to end while it starts, once or twice, stops when it has started", async () => {
  for (const times of [1, 2]) {
    let handedOver = 0;
    const { clock, ending } = parts(() => {
      handedOver++;
      return Promise.resolve();
    });
    for (let asked = 0; asked < times; asked++) ending.ask();
    await clock.elapse(100);
    assert.ok(ending.leaving.aborted);
    assert.ok(!ending.stop.aborted, "a part that starts now would not hear of it");
    assert.equal(handedOver, 0);
    ending.started();
    await clock.elapse(1);
    assert.ok(ending.stop.aborted);
    assert.equal(handedOver, 1);
  }
});

Deno.test("who asks twice does not wait for the handing over", async () => {
  const { clock, ending } = parts(() => new Promise(() => {}));
  ending.started();
  ending.ask();
  await clock.elapse(1);
  ending.ask();
  await clock.elapse(1);
  assert.ok(ending.stop.aborted);
});

Deno.test("a handing over that fails is told and keeps nothing from stopping", async () => {
  const { clock, ending, log } = parts(() => Promise.reject(new Error("no way")));
  ending.started();
  ending.ask();
  await clock.elapse(1);
  assert.ok(ending.stop.aborted);
  assert.match(JSON.stringify(log.lines), /addresses were not handed over.*no way/);
});

Deno.test("parts that do not end are named after 4 s, whoever asked for the end", async () => {
  for (const how of ["ask", "end"] as const) {
    const { clock, ending, isOverdue, log } = parts();
    void ending.part("the speaker", new Promise(() => {}));
    void ending.part("the pages", Promise.resolve());
    ending.started();
    ending[how]();
    await clock.elapse(3_999);
    assert.ok(!isOverdue());
    await clock.elapse(1);
    assert.ok(isOverdue());
    assert.match(JSON.stringify(log.lines), /not ended in time.*"the speaker"/);
    assert.doesNotMatch(JSON.stringify(log.lines), /the pages/);
  }
});

Deno.test("a start that lasts too long is left, and so is a handing over", async () => {
  const starting = parts();
  starting.ending.ask();
  await starting.clock.elapse(4_000);
  assert.ok(starting.isOverdue());
  assert.match(JSON.stringify(starting.log.lines), /the start/);
  const leaving = parts(() => new Promise(() => {}));
  leaving.ending.started();
  leaving.ending.ask();
  await leaving.clock.elapse(4_000);
  assert.ok(leaving.isOverdue());
  assert.match(JSON.stringify(leaving.log.lines), /handing over/);
});
