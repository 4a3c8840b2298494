import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import {
  createStanding,
  type Knowledge,
  mayAnnounce,
  mayDecide,
  missing,
  nextChange,
  onAcquainted,
  onInterfaces,
  onLeave,
  onLost,
  type Standing,
} from "../../lib/speaker/standing.ts";

const WHOLE: Knowledge = { facts: true, config: true };
const at = (ms: number) => instant(ms);

/** A node with an interface that knows the others. */
function ready(): Standing {
  const standing = createStanding();
  onAcquainted(standing);
  onInterfaces(standing, true, at(0));
  return standing;
}

Deno.test("a node that knows everything decides and announces", () => {
  const standing = ready();
  assert.equal(mayDecide(standing, WHOLE), true);
  assert.equal(mayAnnounce(standing, WHOLE, at(0)), true);
  assert.deepEqual(missing(standing, WHOLE), []);
});

Deno.test("from half a picture a node neither decides nor announces, and says what is missing", () => {
  const strange = createStanding();
  onInterfaces(strange, true, at(0));
  const cases: [Standing, Knowledge, string[]][] = [
    [ready(), { facts: false, config: true }, ["facts"]],
    [ready(), { facts: true, config: false }, ["config"]],
    [strange, WHOLE, ["speakers"]],
    [strange, { facts: false, config: false }, ["facts", "config", "speakers"]],
  ];
  for (const [standing, knowledge, lacking] of cases) {
    assert.deepEqual(missing(standing, knowledge), lacking);
    assert.equal(mayDecide(standing, knowledge), false, lacking.join());
    assert.equal(mayAnnounce(standing, knowledge, at(0)), false, lacking.join());
  }
});

Deno.test("a node that lost the others is silent until it knows them again", () => {
  const standing = ready();
  onLost(standing);
  assert.equal(mayDecide(standing, WHOLE), false);
  assert.equal(mayAnnounce(standing, WHOLE, at(1)), false);
  onAcquainted(standing);
  assert.equal(mayDecide(standing, WHOLE), true);
  assert.equal(mayAnnounce(standing, WHOLE, at(1)), true);
});

Deno.test("a node that leaves decides nothing more, and never again", () => {
  const standing = ready();
  onLeave(standing);
  assert.equal(mayDecide(standing, WHOLE), false);
  onAcquainted(standing);
  assert.equal(mayDecide(standing, WHOLE), false);
});

Deno.test("a node that leaves is counted on no more than it was", () => {
  const standing = ready();
  onLeave(standing);
  assert.equal(mayAnnounce(standing, WHOLE, at(0), true), true, "its fellows take over by claims");
  assert.equal(mayAnnounce(standing, WHOLE, at(0), false), false);
  onInterfaces(standing, false, at(1));
  assert.equal(mayAnnounce(standing, WHOLE, at(1), true), false);
});

Deno.test("a node without an interface decides for the others' sake and does not announce", () => {
  const standing = createStanding();
  onAcquainted(standing);
  assert.equal(mayDecide(standing, WHOLE), true);
  assert.equal(mayAnnounce(standing, WHOLE, at(0)), false);
  assert.equal(nextChange(standing, at(0)), undefined, "only an interface helps");
});

Deno.test("a node whose link flapped announces when its hold-down is over (row L13)", () => {
  const standing = ready();
  onInterfaces(standing, false, at(10_000));
  onInterfaces(standing, true, at(10_100));
  assert.equal(mayAnnounce(standing, WHOLE, at(10_100)), false);
  const due = nextChange(standing, at(10_100));
  assert.equal(due, 11_100);
  assert.equal(mayAnnounce(standing, WHOLE, at(11_099)), false);
  assert.equal(mayAnnounce(standing, WHOLE, at(11_100)), true);
  assert.equal(nextChange(standing, at(11_100)), undefined);
});

Deno.test("a node whose link flapped waits no longer where nobody else serves", () => {
  const standing = ready();
  for (const ms of [10_000, 10_200, 10_400]) {
    onInterfaces(standing, false, at(ms));
    onInterfaces(standing, true, at(ms + 100), true);
  }
  assert.equal(mayAnnounce(standing, WHOLE, at(10_500)), false, "its fellows are not heard yet");
  assert.equal(nextChange(standing, at(10_500)), 11_500);
  onInterfaces(standing, true, at(11_500), true);
  assert.equal(mayAnnounce(standing, WHOLE, at(11_500)), true);
});
