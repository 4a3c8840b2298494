import assert from "node:assert/strict";
import { type Door, type Guard, openDoor } from "../../../lib/host/gossip/door.ts";
import type { Ip } from "../../../lib/net/ip.ts";
import { ip4 } from "../../support/addresses.ts";
import { virtualClock } from "../../support/clock.ts";

const [SELF, SPEAKER, LATE, STRANGER] = [1, 2, 3, 4].map((last) => ip4(0x0a00_0000 + last)) as [
  Ip,
  Ip,
  Ip,
  Ip,
];

/** A door whose guard lets by what it is told, and says what the kernel kept out. */
function scene() {
  const clock = virtualClock();
  const seen = { asked: 0, changes: 0, ended: 0, turnedAway: [] as number[], read: 0 };
  const expected: Ip[] = [SPEAKER];
  const guard = { knocks: 2, keptOut: 0, sources: undefined as ReadonlySet<Ip> | undefined };
  const opened: Guard = {
    mayKnock: () => ++seen.asked <= guard.knocks,
    sourcesChanged: () => void seen.changes++,
    takeKeptOut: () => guard.keptOut,
    [Symbol.dispose]: () => void seen.ended++,
  };
  const openGuard = (_: unknown, sources: ReadonlySet<Ip>) => {
    guard.sources = sources;
    return opened;
  };
  const bind = { address: SELF, port: 7946 };
  const household = {
    expected() {
      seen.read++;
      return expected;
    },
    onTurnedAway: (count: number) => void seen.turnedAway.push(count),
  };
  const door: Door = openDoor({ bind, clock, openGuard }, household);
  return { clock, door, expected, guard, household, seen };
}

Deno.test("speakers come in unasked, strangers as long as the guard lets them", () => {
  const { door, guard, seen } = scene();
  for (let count = 0; count < 100; count++) assert.ok(door.lets(SPEAKER));
  assert.equal(seen.asked, 0);
  assert.deepEqual([1, 2, 3, 4].map(() => door.lets(STRANGER)), [true, true, false, false]);
  assert.deepEqual([...guard.sources ?? []], [SPEAKER]);
});

Deno.test("a speaker that came meanwhile comes in, and a flood has nobody read who there is", () => {
  const { clock, door, expected, seen } = scene();
  door.lets(STRANGER);
  const { changes, read } = seen;
  for (let count = 0; count < 1_000; count++) door.lets(STRANGER);
  assert.equal(seen.read, read);
  expected.push(LATE);
  clock.advance(200);
  assert.ok(door.lets(LATE));
  assert.equal(seen.changes, changes + 1);
  assert.deepEqual([LATE, STRANGER].map(door.expects), [true, false]);
});

Deno.test("expects() knows who came a moment ago, and who went", () => {
  const { clock, door, expected } = scene();
  assert.ok(door.expects(SPEAKER));
  expected.splice(0, 1, LATE);
  assert.ok(door.expects(LATE));
  clock.advance(10_000);
  assert.ok(!door.expects(SPEAKER));
});

Deno.test("who was turned away is told about once a second, also by the kernel, until nobody is", () => {
  const { clock, door, guard, seen } = scene();
  for (let count = 0; count < 12; count++) door.lets(STRANGER);
  assert.deepEqual(seen.turnedAway, []);
  clock.advance(1_100);
  assert.deepEqual(seen.turnedAway, [10]);
  guard.keptOut = 500;
  clock.advance(1_100);
  guard.keptOut = 0;
  clock.advance(60_000);
  assert.deepEqual(seen.turnedAway, [10, 500]);
  door.lets(STRANGER);
  clock.advance(1_100);
  assert.deepEqual(seen.turnedAway, [10, 500, 1]);
});

Deno.test("a door that is gone looks no more, and ends its guard", () => {
  const { clock, door, seen } = scene();
  for (let count = 0; count < 12; count++) door.lets(STRANGER);
  door[Symbol.dispose]();
  clock.advance(60_000);
  assert.deepEqual([seen.turnedAway, seen.ended], [[], 1]);
});

Deno.test("without a guard all come in", () => {
  const { clock, household } = scene();
  const door = openDoor({ bind: { address: SELF, port: 7946 }, clock }, household);
  assert.ok(door.lets(STRANGER));
  assert.ok(!door.expects(STRANGER));
});
