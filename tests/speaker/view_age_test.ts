import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import {
  createViewAge,
  nextAge,
  OLD_MS,
  onAge,
  type ViewAge,
  whoIsStale,
} from "../../lib/speaker/view_age.ts";

const at = (ms: number) => instant(ms);
const look = (age: ViewAge, ms: number, heardMs: number, othersCurrent: boolean) =>
  onAge(age, { heardAt: at(heardMs), othersCurrent }, at(ms));

Deno.test("a view is stale once others are current for as long as it takes to be old beside them", () => {
  const age = createViewAge();
  assert.equal(look(age, OLD_MS - 1, 0, true), false);
  assert.equal(age.state, "current");
  assert.equal(look(age, OLD_MS, 0, true), true);
  assert.equal(age.state, "old");
  assert.equal(look(age, 2 * OLD_MS - 1, 0, true), false);
  assert.equal(look(age, 2 * OLD_MS, 0, true), true);
  assert.equal(age.state, "stale");
  assert.equal(look(age, 2 * OLD_MS + 1, 0, false), false, "what was missed stays missed");
  assert.equal(look(age, 2 * OLD_MS + 2, 2 * OLD_MS + 1, false), true);
  assert.equal(age.state, "current");
});

Deno.test("a server that is away for all makes no view stale, however unlike they heard it last", () => {
  const age = createViewAge();
  for (let ms = 0; ms < 10 * OLD_MS; ms += 1_000) {
    // The others heard it a minute later; and it answers one of them again before this node.
    look(age, ms, 0, ms < OLD_MS + 60_000 || ms > 9.9 * OLD_MS);
    assert.notEqual(age.state, "stale", `${ms} ms`);
  }
});

Deno.test("who is stale says so itself; an old view is looked at again each second", () => {
  const age = createViewAge();
  const stale = () => [...whoIsStale(age, "n1", new Set(["n2"]))].join();
  assert.equal(stale(), "n2");
  look(age, OLD_MS, 0, true);
  assert.equal(stale(), "n2", "it may be old for all");
  assert.equal(nextAge(age, at(0), at(OLD_MS)), OLD_MS + 1_000);
  look(age, 2 * OLD_MS, 0, true);
  assert.equal(stale(), "n2,n1");
  const back = 2 * OLD_MS + 10_000;
  look(age, back, back, true);
  assert.equal(stale(), "n2");
  assert.equal(nextAge(age, at(back), at(back)), back + OLD_MS);
});
