import assert from "node:assert/strict";
import { after, instant } from "../../lib/base/time.ts";
import type { Peer } from "../../lib/heartbeat/monitor_state.ts";
import {
  onRefused,
  onSignOfLife,
  probeAt,
  suspectAt,
  wasHeardLately,
} from "../../lib/heartbeat/silence.ts";

const HEARD = instant(1_000);

function peer(of: Partial<Peer> = {}): Peer {
  return {
    name: "a",
    boot: 1,
    state: "up",
    heardAt: HEARD,
    sequence: 1,
    intervalMs: 50,
    multiplier: 3,
    canAnnounce: true,
    asking: undefined,
    vouched: false,
    refused: false,
    distrustedUntil: instant(-Infinity),
    isProbed: false,
    notices: new Map(),
    spoken: new Map(),
    beatUntil: instant(-Infinity),
    missedBy: new Map(),
    sayings: 0,
    missing: false,
    ringed: false,
    stale: false,
    inRing: false,
    ...of,
  };
}

Deno.test("whom this node suspects, no other that heard the same last beat still vouches for", () => {
  for (const refused of [false, true]) {
    const one = peer({ refused });
    const asked = suspectAt(one);
    assert.ok(asked < after(HEARD, 50 * 3) || !refused, "a refusal is quicker");
    // Where the beat came a bit later the kernel has been asked too, and has refused.
    const late = instant(asked - 12);
    const other = peer({ refused: refused && probeAt(peer()) <= late });
    assert.ok(!wasHeardLately(other, late), `${refused}`);
  }
  assert.ok(wasHeardLately(peer(), after(HEARD, 60)));
  assert.ok(!wasHeardLately(peer({ refused: true }), after(HEARD, 1)));
});

Deno.test("a late beat is asked for once, before anybody is suspected, and not where it is known", () => {
  const late = probeAt(peer());
  assert.ok(late > after(HEARD, 50) && late < suspectAt(peer({ refused: true })));
  assert.equal(probeAt(peer({ isProbed: true })), Infinity);
  assert.equal(probeAt(peer({ refused: true })), Infinity);
});

Deno.test("a refusal counts until the peer is heard, and then no more for a minute", () => {
  const one = peer();
  onRefused(one, after(HEARD, 10));
  assert.equal(one.refused, true);
  onSignOfLife(one, after(HEARD, 20));
  onRefused(one, after(HEARD, 30));
  assert.equal(one.refused, false, "a filter refuses, and the peer lives");
  onRefused(one, after(HEARD, 60_020));
  assert.equal(one.refused, true);
});

Deno.test("a refusal from before the peer was up says nothing against later ones", () => {
  const one = peer({ state: "new" });
  onRefused(one, HEARD);
  onSignOfLife(one, after(HEARD, 10));
  one.state = "up";
  onRefused(one, after(HEARD, 20));
  assert.equal(one.refused, true);
});
