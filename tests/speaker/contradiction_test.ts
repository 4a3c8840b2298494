import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import {
  contradict,
  counter,
  isOurs,
  lastWordSoon,
  putRight,
  type Said,
} from "../../lib/speaker/contradiction.ts";
import type { Held } from "../../lib/speaker/ownership_state.ts";
import { ip4 } from "../support/addresses.ts";

const VIP = ip4(0x0a4d01dc);

function heldHere(): Held {
  return {
    wish: { ip: VIP, salt: "s", own: true, owner: "a", canLinger: true },
    since: instant(0),
    yielded: undefined,
    lingersUntil: undefined,
    counteredAt: instant(-Infinity),
    counterDue: undefined,
    againAt: instant(-Infinity),
    againDue: undefined,
    givenUpAt: undefined,
    returnedDue: undefined,
    restsUntil: undefined,
  };
}

/** What is said in this long, when this happens each millisecond: claims and announcements. */
function saidIn(ms: number, happen: (held: Held, now: number, said: Said) => void): number[] {
  const held = heldHere();
  const counts = [0, 0];
  for (let now = 0; now < ms; now++) {
    const said: Said = { claims: new Set(), releases: new Set(), again: new Set(), resumed: [] };
    happen(held, now, said);
    contradict(held, instant(now), said);
    counts[0] = (counts[0] ?? 0) + said.claims.size;
    counts[1] = (counts[1] ?? 0) + said.again.size;
  }
  return counts;
}

Deno.test("counter() says it at most once a second and announces once in five, however many claim", () => {
  const always = saidIn(10_000, (held, now, said) => counter(held, instant(now), said));
  assert.deepEqual(always, [10, 2]);
  const once = saidIn(10_000, (held, now, said) => now === 0 && counter(held, instant(0), said));
  assert.deepEqual(once, [1, 2], "at once, and neighbours once more when it is quiet");
});

Deno.test("putRight() announces at once and once more, and claims nothing", () => {
  const once = saidIn(20_000, (held, now, said) => now === 7 && putRight(held, instant(7), said));
  assert.deepEqual(once, [0, 2]);
});

Deno.test("the last announcement comes when nobody contradicts any more, whenever that was", () => {
  for (const last of [0, 100, 3_000, 4_900, 5_100, 9_000]) {
    const announced: number[] = [];
    saidIn(30_000, (held, now, said) => {
      if (now <= last) counter(held, instant(now), said);
      if (said.again.size > 0 || now === held.againDue) announced.push(now);
    });
    assert.ok((announced.at(-1) ?? 0) >= last + 1_500, `${last}: ${announced}`);
    announced.forEach((at, index) => assert.ok(at - (announced[index - 1] ?? -5_000) >= 5_000));
  }
});

Deno.test("what another gave up is told within a second, and once more when its last frame has passed", () => {
  for (const given of [0, 1, 300, 800, 999, 1_200, 3_000, 6_000]) {
    const announced: number[] = [];
    saidIn(30_000, (held, now, said) => {
      if (now === 0) counter(held, instant(now), said);
      if (now === given) {
        putRight(held, instant(now), said);
        lastWordSoon(held, instant(now));
      }
      contradict(held, instant(now), said);
      if (said.again.size > 0) announced.push(now);
    });
    const [first = Infinity] = announced.filter((ms) => ms >= given);
    assert.ok(first <= given + 1_000, `given up at ${given}: ${announced}`);
    assert.ok((announced.at(-1) ?? 0) >= given + 500, `given up at ${given}: ${announced}`);
    assert.ok(announced.length <= 4, `given up at ${given}: ${announced}`);
  }
});

Deno.test("contradict() says nothing of what has been left to another meanwhile", () => {
  const said = saidIn(10_000, (held, now, said) => {
    if (now < 2) counter(held, instant(now), said);
    if (now === 3) held.yielded = { to: "b", askAt: instant(0), until: instant(0), asked: false };
    assert.equal(isOurs(held), now < 3);
  });
  assert.deepEqual(said, [1, 1]);
});
