import assert from "node:assert/strict";
import { settled } from "../../support/clock.ts";
import { openRequestGate } from "../../../lib/host/kubernetes/request_gate.ts";

/** Asks for a place and notes the name when it is given. */
function asker(places: number) {
  const gate = openRequestGate(places);
  const entered: string[] = [];
  const leaves = new Map<string, () => void>();
  const ask = (name: string, background = false, signal = new AbortController().signal) =>
    gate.enter(background, signal).then((leave) => {
      entered.push(leave ? name : `${name} gave up`);
      if (leave) leaves.set(name, leave);
    });
  return { ask, entered, leave: (name: string) => leaves.get(name)?.() };
}

Deno.test("enter() lets in as many as there are places, in their order", async () => {
  const { ask, entered, leave } = asker(2);
  for (const name of ["a", "b", "c", "d"]) void ask(name);
  await settled();
  assert.deepEqual(entered, ["a", "b"]);
  leave("b");
  leave("a");
  await settled();
  assert.deepEqual(entered, ["a", "b", "c", "d"]);
});

Deno.test("enter() keeps half of the places from background work, and lets others go first", async () => {
  const { ask, entered, leave } = asker(4);
  for (const name of ["b1", "b2", "b3"]) void ask(name, true);
  for (const name of ["f1", "f2", "f3"]) void ask(name);
  await settled();
  assert.deepEqual(entered, ["b1", "b2", "f1", "f2"]);
  leave("b1");
  await settled();
  assert.deepEqual(entered.slice(4), ["f3"]);
  for (const name of ["b2", "f1"]) leave(name);
  await settled();
  assert.deepEqual(entered.slice(4), ["f3"]);
  leave("f2");
  await settled();
  assert.deepEqual(entered.slice(4), ["f3", "b3"]);
});

Deno.test("enter() gives up with its signal and leaves its turn to the next", async () => {
  const { ask, entered, leave } = asker(1);
  const stop = new AbortController();
  void ask("a");
  void ask("b", false, stop.signal);
  void ask("c");
  void ask("d", false, AbortSignal.abort());
  stop.abort();
  await settled();
  assert.deepEqual(new Set(entered), new Set(["a", "b gave up", "d gave up"]));
  leave("a");
  await settled();
  assert.equal(entered.at(-1), "c");
});

Deno.test("enter() listens once to a signal for all who wait with it, and no more once they are in", async () => {
  const { ask, entered, leave } = asker(1);
  const { signal, abort } = countedSignal();
  void ask("a");
  for (const name of ["b", "c", "d"]) void ask(name, false, signal);
  await settled();
  assert.equal(signal.listeners(), 1);
  leave("a");
  await settled();
  leave("b");
  await settled();
  assert.deepEqual([entered.at(-1), signal.listeners()], ["c", 1]);
  abort();
  await settled();
  assert.deepEqual([entered.at(-1), signal.listeners()], ["d gave up", 0]);
});

/** A signal that tells how many listen to it. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const { addEventListener, removeEventListener } = signal;
  return {
    abort: () => controller.abort(),
    signal: Object.assign(signal, {
      listeners: () => count,
      addEventListener: (...given: Parameters<typeof addEventListener>) => {
        count++;
        addEventListener.apply(signal, given);
      },
      removeEventListener: (...given: Parameters<typeof removeEventListener>) => {
        count--;
        removeEventListener.apply(signal, given);
      },
    }),
  };
}
