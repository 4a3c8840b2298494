import assert from "node:assert/strict";
import { announcedNow, type Wire } from "../../lib/speaker/announced.ts";
import type { KeptPlan } from "../../lib/host/speaker/plans.ts";
import type { Ip } from "../../lib/net/ip.ts";
import { bgpPlan, layer2Plan } from "../host/speaker/parts.ts";

const VIP = "198.51.100.1";
const LAYER2 = layer2Plan(VIP, "node1");
const BGP = bgpPlan(VIP);
const BOTH: KeptPlan = { ...LAYER2, announce: { ...LAYER2.announce, ...BGP.announce } };
const ELSEWHERE = layer2Plan(VIP, "node2");

const UNTOLD: Partial<Wire> = { isTold: () => false, routesOf: () => ["r1: not established"] };
const NO_PEER: Partial<Wire> = { isTold: () => false };
const DEAF: Partial<Wire> = { unanswered: () => "no interface" };
const BROKEN: Partial<Wire> = { layer2Problem: "no right", unanswered: () => "no right" };

const ROWS: readonly [plan: KeptPlan, wire: Partial<Wire>, by: string, reason: string][] = [
  [LAYER2, {}, "layer2", "owner"],
  [LAYER2, UNTOLD, "layer2", "owner"],
  [LAYER2, DEAF, "", "no interface"],
  [ELSEWHERE, DEAF, "", "node2 comes first in the election"],
  [ELSEWHERE, {}, "", "node2 comes first in the election"],
  [BGP, {}, "bgp", "routed here by BGP"],
  [BGP, DEAF, "bgp", "routed here by BGP"],
  [BGP, UNTOLD, "", "no BGP peer is told: r1: not established"],
  [BGP, NO_PEER, "", "no BGP peer is told: no peer is for this node"],
  [BOTH, {}, "layer2,bgp", "layer 2: owner; BGP: routed here by BGP"],
  [BOTH, DEAF, "bgp", "layer 2: no interface; BGP: routed here by BGP"],
  [BOTH, UNTOLD, "layer2", "layer 2: owner; BGP: no BGP peer is told: r1: not established"],
  [
    BOTH,
    { ...UNTOLD, ...DEAF },
    "",
    "layer 2: no interface; BGP: no BGP peer is told: r1: not established",
  ],
  [{ ...LAYER2, announce: {}, reason: "no endpoint" }, {}, "", "no endpoint"],
];

Deno.test("announcedNow() tells what is on the wire of a plan, and why the rest is not", () => {
  const well = {
    layer2Problem: undefined,
    unanswered: () => undefined,
    answersElsewhere: (_: Ip, planned: string | undefined) => planned,
    lingers: () => undefined,
    isTold: () => true,
    routesOf: () => [],
  };
  for (const [plan, wire, by, reason] of ROWS) {
    const announced = announcedNow(plan, { ...well, ...wire });
    assert.deepEqual([announced.by.join(), announced.reason], [by, reason]);
    assert.equal(announced.failure, undefined);
  }
  const yields = { ...well, unanswered: () => "yields to node2", answersElsewhere: () => "node2" };
  const lingers = announcedNow(ELSEWHERE, { ...well, lingers: () => "node1" });
  assert.deepEqual([lingers.by.join(), lingers.owner], ["layer2", "node1"]);
  assert.equal(lingers.reason, "answers until node2 does: node2 comes first in the election");
  assert.equal(announcedNow(LAYER2, well).owner, "node1");
  assert.equal(announcedNow(LAYER2, yields).owner, "node2");
  assert.equal(announcedNow(LAYER2, { ...well, ...DEAF }).owner, undefined, "nobody known");
  assert.equal(announcedNow(ELSEWHERE, { ...well, ...DEAF }).owner, "node2");
  const claimed = { ...well, answersElsewhere: () => "node3" };
  assert.equal(announcedNow(ELSEWHERE, claimed).owner, "node3", "it answers until node2 does");
  assert.equal(announcedNow(LAYER2, claimed).owner, "node1");
  assert.equal(announcedNow(BGP, claimed).owner, undefined, "nobody by layer 2");
  assert.equal(announcedNow(LAYER2, { ...well, ...BROKEN }).failure, "no right");
  assert.equal(announcedNow(ELSEWHERE, { ...well, ...BROKEN }).failure, undefined, "another's");
  assert.equal(announcedNow(BGP, { ...well, ...BROKEN }).failure, undefined, "BGP needs none");
});
