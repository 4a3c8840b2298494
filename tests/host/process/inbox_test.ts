import assert from "node:assert/strict";
import { instant } from "../../../lib/base/time.ts";
import { LONGEST_TIMER_MS } from "../../../lib/host/process/clock.ts";
import { type Inbox, openInbox } from "../../../lib/host/process/inbox.ts";
import { virtualClock } from "../../support/clock.ts";

function bench(during: Readonly<Record<string, (inbox: Inbox<string>) => void>> = {}) {
  const clock = virtualClock();
  const stop = new AbortController();
  const seen: string[] = [];
  const inbox = openInbox<string>(clock, stop.signal);
  const desk = {
    take(event: string) {
      seen.push(event);
      during[event]?.(inbox);
    },
    decide: () => void seen.push(`decide at ${clock.now()}`),
  };
  return { clock, desk, inbox, seen, stop };
}

Deno.test("post() is decided once for all that comes in one turn", () => {
  const { clock, desk, inbox, seen } = bench();
  inbox.open(desk);
  clock.advance(0);
  seen.length = 0;
  inbox.post("a");
  inbox.post("b");
  assert.deepEqual(seen, []);
  clock.advance(0);
  assert.deepEqual(seen, ["a", "b", "decide at 0"]);
  clock.advance(1_000);
  assert.equal(seen.length, 3);
});

Deno.test("open() takes what was posted before it, in its order", () => {
  const { clock, desk, inbox, seen } = bench();
  inbox.post("a");
  inbox.now("b");
  clock.advance(10);
  assert.deepEqual(seen, []);
  inbox.open(desk);
  clock.advance(0);
  assert.deepEqual(seen, ["a", "b", "decide at 10"]);
});

Deno.test("open() decides though nothing was posted", () => {
  const { clock, desk, inbox, seen } = bench();
  inbox.open(desk);
  clock.advance(0);
  assert.deepEqual(seen, ["decide at 0"]);
});

Deno.test("now() takes what waits and then its own event before it returns, and nothing twice", () => {
  const { clock, desk, inbox, seen } = bench();
  inbox.open(desk);
  inbox.post("a");
  inbox.now("b");
  assert.deepEqual(seen, ["a", "b", "decide at 0"]);
  clock.advance(10);
  assert.equal(seen.length, 3);
});

Deno.test("what the desk posts while it decides is for the next turn", () => {
  const { clock, desk, inbox, seen } = bench({
    a: (own) => own.post("b"),
    b: (own) => own.now("c"),
  });
  inbox.open(desk);
  inbox.now("a");
  assert.deepEqual(seen, ["a", "decide at 0"]);
  clock.advance(0);
  assert.deepEqual(seen, ["a", "decide at 0", "b", "decide at 0", "c", "decide at 0"]);
});

Deno.test("wakeAt() decides again at that time, once, and takes a new time in place of the old", () => {
  const { clock, desk, inbox, seen } = bench();
  inbox.open(desk);
  clock.advance(0);
  seen.length = 0;
  inbox.wakeAt(instant(100));
  inbox.wakeAt(instant(50));
  clock.advance(60);
  assert.deepEqual(seen, ["decide at 50"]);
  clock.advance(100);
  assert.deepEqual(seen, ["decide at 50"]);
  inbox.wakeAt(instant(200));
  inbox.wakeAt(undefined);
  clock.advance(100);
  assert.deepEqual(seen, ["decide at 50"]);
});

Deno.test("wakeAt() waits for a time that is further off than any timer reaches", () => {
  const { clock, desk, inbox, seen } = bench();
  inbox.open(desk);
  clock.advance(0);
  seen.length = 0;
  inbox.wakeAt(instant(3 * LONGEST_TIMER_MS));
  clock.advance(3 * LONGEST_TIMER_MS - 1);
  assert.deepEqual(seen, []);
  clock.advance(1);
  assert.deepEqual(seen, [`decide at ${3 * LONGEST_TIMER_MS}`]);
});

Deno.test("an inbox is silent after its signal", () => {
  const { clock, desk, inbox, seen, stop } = bench();
  inbox.open(desk);
  inbox.post("a");
  inbox.wakeAt(instant(20));
  stop.abort();
  inbox.post("b");
  inbox.now("c");
  inbox.wakeAt(instant(30));
  clock.advance(100);
  assert.deepEqual(seen, []);
  assert.equal(clock.pending(), 0);
});

Deno.test("an event that cannot be taken costs neither the others of its turn nor the decision", () => {
  const { clock, desk, inbox, seen } = bench({
    bad: () => {
      throw new Error("broken");
    },
  });
  inbox.open(desk);
  clock.advance(0);
  seen.length = 0;
  inbox.post("bad");
  inbox.post("a");
  assert.throws(() => clock.advance(0), /broken/);
  assert.deepEqual(seen, ["bad", "a", "decide at 0"]);
  assert.throws(() => inbox.now("bad"), /broken/);
  inbox.now("good");
  assert.deepEqual(seen.slice(3), ["bad", "decide at 0", "good", "decide at 0"]);
});
