import assert from "node:assert/strict";
import { negotiate, openFor, type SessionTerms } from "../../lib/bgp/negotiate.ts";
import { capabilitiesOf, type Capability, decodeOpen, type Open } from "../../lib/bgp/open.ts";
import { ip4 } from "../support/addresses.ts";

const ME = ip4(0x0a000001);
const TERMS: SessionTerms = {
  myAsn: 64500,
  peerAsn: 64501,
  holdTimeMs: 90_000,
  keepaliveTimeMs: 30_000,
  gracefulRestart: false,
};
const FOUR: Capability = { kind: "four-octet-as", asn: 64501 };

function peer(part: Partial<Open> = {}, ...capabilities: Capability[]): Open {
  return {
    kind: "open",
    version: 4,
    myAs: 64501,
    holdTimeSeconds: 90,
    routerId: ip4(0x0a000002),
    parameters: [[FOUR, ...capabilities]],
    ...part,
  };
}

function agreed(open: Open, terms: Partial<SessionTerms> = {}) {
  const found = negotiate(open, { ...TERMS, ...terms }, ME);
  assert.ok(!("answer" in found), JSON.stringify(found));
  return found;
}

function refusal(open: Open, terms: Partial<SessionTerms> = {}): string {
  const found = negotiate(open, { ...TERMS, ...terms }, ME);
  assert.ok("answer" in found);
  return `${found.answer.code}/${found.answer.subcode}`;
}

function sent(terms: Partial<SessionTerms>, restarting = false): Open {
  const open = decodeOpen(openFor({ ...TERMS, ...terms }, ME, restarting));
  assert.ok(open.kind === "open");
  return open;
}

Deno.test("B11: what is wrong with a peer's OPEN has its code", () => {
  assert.equal(refusal(peer({ routerId: ip4(0) })), "2/3");
  assert.equal(
    refusal(peer({ myAs: 64500, parameters: [], routerId: ME }), { peerAsn: 64500 }),
    "2/3",
  );
  assert.equal(refusal(peer({ parameters: [], myAs: 64999 })), "2/2");
  assert.equal(refusal(peer({}), { peerAsn: 64502 }), "2/2");
  assert.equal(refusal(peer({ myAs: 23456, parameters: [] }), { peerAsn: 4_200_000_000 }), "2/2");
  assert.equal(refusal(peer({ parameters: [] }), { myAsn: 4_200_000_000 }), "2/2");
  // Another AS may have our identifier (RFC 6286).
  agreed(peer({ routerId: ME }));
});

Deno.test("B12: hold times 1 and 2 are 2/6 with the time as data, the smaller one holds, 0 turns both off", () => {
  for (const holdTimeSeconds of [1, 2]) {
    assert.equal(refusal(peer({ holdTimeSeconds })), "2/6");
    const found = negotiate(peer({ holdTimeSeconds }), TERMS, ME);
    assert.ok("answer" in found);
    assert.deepEqual([...found.answer.data], [0, holdTimeSeconds]);
  }
  const rows: readonly (readonly [peer: number, mine: number, hold: number, keepalive: number])[] =
    [
      [90, 90_000, 90_000, 30_000],
      [9, 90_000, 9_000, 3_000],
      [90, 3_000, 3_000, 1_000],
      [0, 90_000, 0, 0],
      [90, 0, 0, 0],
    ];
  for (const [holdTimeSeconds, holdTimeMs, hold, keepalive] of rows) {
    const found = agreed(peer({ holdTimeSeconds }), { holdTimeMs });
    assert.deepEqual([found.holdTimeMs, found.keepaliveTimeMs], [hold, keepalive]);
  }
  assert.equal(agreed(peer(), { keepaliveTimeMs: 5_000 }).keepaliveTimeMs, 5_000);
  assert.equal(agreed(peer({ holdTimeSeconds: 3 }), { keepaliveTimeMs: 1 }).keepaliveTimeMs, 1_000);
});

Deno.test("capabilities of the peer set what is agreed upon", () => {
  const bare = agreed(peer({ parameters: [] }));
  assert.deepEqual(
    [bare.asnBytes, [...bare.families], bare.extendedNextHop],
    [2, [4], false],
  );
  const full = agreed(peer(
    {},
    { kind: "multiprotocol", afi: 2, safi: 1 },
    { kind: "route-refresh" },
    { kind: "enhanced-route-refresh" },
    { kind: "extended-next-hop", entries: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
  ));
  assert.deepEqual(
    [full.asnBytes, [...full.families], full.enhancedRefresh],
    [4, [6], true],
  );
  assert.equal(full.extendedNextHop, true);
});

Deno.test("our OPEN offers both families, four octets, refreshes and 23456 for a large AS", () => {
  const open = sent({ myAsn: 4_200_000_000 });
  assert.deepEqual([open.myAs, open.holdTimeSeconds, open.routerId], [23456, 90, ME]);
  assert.deepEqual(capabilitiesOf(open).map(({ kind }) => kind), [
    "multiprotocol",
    "multiprotocol",
    "route-refresh",
    "extended-next-hop",
    "graceful-restart",
    "four-octet-as",
    "enhanced-route-refresh",
  ]);
  assert.equal(sent({}).myAs, 64500);
});

Deno.test("B14: only graceful-restart asks the peer to keep routes, and R stands only after a start", () => {
  const graceful = (open: Open) => {
    const found = capabilitiesOf(open).find((one) => one.kind === "graceful-restart");
    assert.ok(found);
    return [found.restarting, found.restartTimeSeconds, found.families.length];
  };
  assert.deepEqual(graceful(sent({}, true)), [false, 0, 0]);
  assert.deepEqual(graceful(sent({ gracefulRestart: true }, true)), [true, 120, 2]);
  assert.deepEqual(graceful(sent({ gracefulRestart: true }, false)), [false, 120, 2]);
  const helper: Capability = {
    kind: "graceful-restart",
    restarting: false,
    notification: false,
    restartTimeSeconds: 60,
    families: [],
  };
  assert.deepEqual([...agreed(peer({}, helper)).keptOnRestart], []);
  assert.deepEqual([...agreed(peer({}, helper), { gracefulRestart: true }).keptOnRestart], [4, 6]);
  const listed = { ...helper, families: [{ afi: 1, safi: 1, flags: 0 }] };
  assert.deepEqual([...agreed(peer({}, listed), { gracefulRestart: true }).keptOnRestart], [4]);
  assert.deepEqual([...agreed(peer(), { gracefulRestart: true }).keptOnRestart], []);
});
