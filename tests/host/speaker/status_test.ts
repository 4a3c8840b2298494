import assert from "node:assert/strict";
import { notReady, speakerStatus, type StatusParts } from "../../../lib/host/speaker/status.ts";
import { ALONE } from "../../../lib/host/speaker/fellows.ts";
import type { KeptPlan } from "../../../lib/host/speaker/plans.ts";
import type { Wire } from "../../../lib/speaker/announced.ts";
import { formatIp } from "../../../lib/net/ip.ts";
import { ip } from "../../controller/fixture.ts";
import { bgpPlan, layer2Plan, MAC, speakerContext } from "./parts.ts";

const PLANS = [
  layer2Plan("10.77.1.10", "node2"),
  layer2Plan("10.77.1.9", "node1"),
  bgpPlan("10.77.2.1"),
];

const CUT_OFF = new Map([["node1", []], ["node2", [{ address: ip("10.77.1.0"), length: 24 }]]]);

function wire(part: Partial<Wire> = {}): Wire {
  const well = { layer2Problem: undefined, unanswered: () => undefined, routesOf: () => [] };
  return { ...well, isTold: () => true, ...part };
}

function parts(part: Partial<StatusParts> = {}, layer2: Partial<StatusParts["layer2"]> = {}) {
  const { cluster, options } = speakerContext();
  const made: StatusParts = {
    options,
    cluster,
    facts: { readyPods: () => new Set(["node2", "node1"]), unknown: () => [] },
    keeper: { status: () => ({ state: "loaded", source: "", problems: [] }) },
    plans: { plans: new Map(PLANS.map((plan): [KeptPlan["ip"], KeptPlan] => [plan.ip, plan])) },
    layer2: {
      answersBy: () => "socket",
      backend: "ebpf",
      conflicts: () => [{ ip: ip("10.77.1.9"), mac: MAC }],
      interfaces: () => [{ name: "eth0", mac: MAC, ifindex: 2 }],
      leftOut: () => ["cni0"],
      problem: () => undefined,
      ...layer2,
    },
    bgp: {
      status: () => [],
      routesOf: (address) => [`${formatIp(address)}/32 to r1: told`],
    },
    fellows: ALONE,
    desk: { cutOff: () => CUT_OFF, judge: () => "Herald", missing: () => [] },
    wire: () => wire(),
    concerns: { standing: () => ["gossip never reached the speakers on n2"] },
    ...part,
  };
  return made;
}

Deno.test("speakerStatus() tells what is announced here, in the order of addresses", () => {
  const status = speakerStatus(parts());
  assert.equal(status.node, "node1");
  assert.deepEqual(status.live, ["node1", "node2"]);
  assert.equal(status.members, undefined);
  assert.deepEqual(status.owned, { node1: 1, node2: 1 });
  assert.deepEqual(status.interfaces, [{ name: "eth0", mac: "02:00:00:00:00:01", by: "socket" }]);
  assert.deepEqual(status.cutOff, { node2: ["10.77.1.0/24"] });
  assert.deepEqual(status.concerns, ["gossip never reached the speakers on n2"]);
  assert.deepEqual(status.leftOut, ["cni0"]);
  assert.deepEqual(status.conflicts, [{ ip: "10.77.1.9", mac: "02:00:00:00:00:01" }]);
  assert.deepEqual(
    status.addresses.map(({ ip, announcing, routes, reason }) => [ip, announcing, routes, reason]),
    [
      ["10.77.1.9", true, [], "owner"],
      ["10.77.1.10", false, [], "node2 comes first in the election"],
      ["10.77.2.1", true, ["10.77.2.1/32 to r1: told"], "routed here by BGP"],
    ],
  );
});

Deno.test("speakerStatus() calls announced what is on the wire, and tells why the rest is not", () => {
  const announcing = (part: Partial<Wire>) =>
    speakerStatus(parts({ wire: () => wire(part) })).addresses.map(({ announcing, reason }) =>
      `${announcing} ${reason}`
    );
  assert.deepEqual(announcing({ unanswered: () => "it is being probed" }), [
    "false it is being probed",
    "false node2 comes first in the election",
    "true routed here by BGP",
  ]);
  assert.deepEqual(announcing({ isTold: () => false, routesOf: () => ["r1: not established"] }), [
    "true owner",
    "false node2 comes first in the election",
    "false no BGP peer is told: r1: not established",
  ]);
});

Deno.test("speakerStatus() says that not all is known before the lists and the configuration came", () => {
  assert.equal(speakerStatus(parts()).unknown, undefined);
  const early = speakerStatus(parts({
    facts: { readyPods: () => undefined, unknown: () => ["Services"] },
    desk: { cutOff: () => CUT_OFF, judge: () => "Herald", missing: () => ["facts"] },
  }));
  assert.match(early.unknown ?? "", /^the Services of test are not all known yet$/);
});

Deno.test("notReady() says in sentences what the speaker waits for and what does not work", () => {
  assert.deepEqual(notReady(parts()), []);
  const reasons = notReady(parts({
    facts: { readyPods: () => undefined, unknown: () => ["Services", "Nodes"] },
    keeper: { status: () => ({ state: "none", source: "", problems: [], reason: "none found" }) },
    fellows: { ...ALONE, problem: () => "another speaker has the node name node1" },
    desk: {
      cutOff: () => undefined,
      judge: () => "Herald",
      missing: () => ["facts", "config", "speakers"],
    },
  }, { problem: () => "CAP_NET_RAW is missing" }));
  assert.deepEqual(reasons, [
    "the Services, Nodes of test are not all known yet",
    "no configuration in force: none found",
    "layer 2 does not work: CAP_NET_RAW is missing",
    "the other speakers are not known yet",
    "another speaker has the node name node1",
  ]);
});
