import assert from "node:assert/strict";
import { type Instant, instant } from "../../../lib/base/time.ts";
import { type Machine, runMachine } from "../../../lib/host/process/machine.ts";
import { virtualClock } from "../../support/clock.ts";

/** A machine that notes each step and action; `replies` are fed while an action is performed. */
function bench(replies: Readonly<Record<string, readonly string[]>> = {}, failing?: string) {
  const clock = virtualClock();
  const stop = new AbortController();
  const seen: string[] = [];
  const state: { due: Instant | undefined; broken: boolean } = { due: undefined, broken: false };
  const machine: Machine<string> = runMachine<string, string>({
    step(event, now) {
      seen.push(`step ${event} at ${now}`);
      if (event === "tick" && state.broken) throw new Error("broken tick");
      if (event === "tick") state.due = undefined;
      if (event === "break") throw new Error("broken");
      return [`a-${event}`, `b-${event}`];
    },
    nextDeadline: () => state.due,
    perform(action) {
      seen.push(action);
      if (action === failing) throw new Error(`${action} fails`);
      for (const event of replies[action] ?? []) machine.feed(event);
      if (action === "a-stop") stop.abort();
    },
    tick: "tick",
    beforeTick: () => seen.push("before"),
    after: (actions) => seen.push(`after ${actions.length}`),
    clock,
    signal: stop.signal,
  });
  return { clock, machine, seen, state, stop };
}

Deno.test("feed() steps and performs before it returns", () => {
  const { machine, seen } = bench();
  machine.feed("x");
  assert.deepEqual(seen, ["step x at 0", "a-x", "b-x", "after 2"]);
});

Deno.test("feed() never enters a step while the actions of another are performed", () => {
  const { machine, seen } = bench({ "a-x": ["y", "z"] });
  machine.feed("x");
  assert.deepEqual(seen, [
    "step x at 0",
    "a-x",
    "b-x",
    "step y at 0",
    "a-y",
    "b-y",
    "step z at 0",
    "a-z",
    "b-z",
    "after 6",
  ]);
});

Deno.test("a machine ticks once at its deadline, and never before it", () => {
  const { clock, machine, seen, state } = bench();
  state.due = instant(10.4);
  machine.feed("x");
  clock.advance(10);
  assert.equal(seen.length, 4);
  clock.advance(1);
  assert.deepEqual(seen.slice(4), ["before", "step tick at 11", "a-tick", "b-tick", "after 2"]);
  clock.advance(1_000);
  assert.equal(seen.length, 9);
  assert.equal(clock.pending(), 0);
});

Deno.test("a machine has one timer, for the deadline of its newest state", () => {
  const { clock, machine, seen, state } = bench();
  state.due = instant(100);
  machine.feed("x");
  state.due = instant(5);
  machine.feed("y");
  assert.equal(clock.pending(), 1);
  clock.advance(5);
  assert.equal(seen.filter((line) => line.startsWith("step tick")).length, 1);
  clock.advance(200);
  assert.equal(seen.filter((line) => line.startsWith("step tick")).length, 1);
});

Deno.test("a deadline beyond what timers take does not fire at once", () => {
  const { clock, machine, seen, state } = bench();
  state.due = instant(2 ** 40);
  machine.feed("x");
  clock.advance(1_000_000);
  assert.equal(seen.length, 4);
});

Deno.test("a machine is silent after its signal, also amid its actions", () => {
  const { clock, machine, seen, state, stop } = bench({ "b-stop": ["never"] });
  state.due = instant(10);
  machine.feed("x");
  machine.feed("stop");
  assert.deepEqual(seen.slice(4), ["step stop at 0", "a-stop"]);
  machine.feed("y");
  clock.advance(100);
  assert.equal(seen.length, 6);
  assert.equal(clock.pending(), 0);
  assert.ok(stop.signal.aborted);
});

Deno.test("feed() throws what a step throws, after all that its event was fed with", () => {
  const { machine, seen } = bench({ "a-x": ["break", "kept"] });
  assert.throws(() => machine.feed("x"), /broken/);
  assert.deepEqual(seen.slice(-4), ["step kept at 0", "a-kept", "b-kept", "after 4"]);
  machine.feed("y");
  assert.deepEqual(seen.slice(-4), ["step y at 0", "a-y", "b-y", "after 2"]);
});

Deno.test("an action that fails costs no other action, and the machine keeps its deadline (layer 2, fault 13)", () => {
  const { clock, machine, seen, state } = bench({}, "a-x");
  state.due = instant(10);
  assert.throws(() => machine.feed("x"), /a-x fails/);
  assert.deepEqual(seen.slice(-2), ["b-x", "after 2"]);
  clock.advance(10);
  assert.equal(seen.at(-1), "after 2");
  assert.ok(seen.includes("step tick at 10"));
});

Deno.test("a tick that fails and keeps its deadline is tried once a second, not without end", () => {
  const { clock, machine, seen, state } = bench();
  state.broken = true;
  state.due = instant(10);
  machine.feed("x");
  for (let second = 0; second < 3; second++) {
    assert.throws(() => clock.advance(1_010), /broken tick/);
  }
  assert.equal(seen.filter((line) => line.startsWith("step tick")).length, 3);
  state.broken = false;
  clock.advance(2_000);
  assert.equal(clock.pending(), 0);
});
