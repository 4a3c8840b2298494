import assert from "node:assert/strict";
import type { EndpointFacts, NodeFacts } from "../../lib/model/facts.ts";
import { planAddress } from "../../lib/speaker/plan.ts";
import type { SpeakerView } from "../../lib/speaker/view.ts";
import { config, ip, pool, service } from "../controller/fixture.ts";
import { endpoint, node, nodesOf, slice, speakerView } from "../support/facts.ts";

const IP = ip("10.77.1.220");
const POOLS = config(pool("default", "10.77.1.220-10.77.1.229"));

interface Case {
  readonly nodes: readonly NodeFacts[];
  readonly endpoints: readonly EndpointFacts[];
  readonly view: Partial<SpeakerView>;
}

/** Whom node1 takes for the owner of an address that only nodes with an endpoint can serve. */
function ownerOf({ endpoints = [], nodes, view }: Partial<Case>): string | undefined {
  const facts = service("nginx", { assigned: [IP], externalTrafficPolicy: "Local" });
  const known = nodesOf(...nodes ?? ["node1", "node2", "node3"].map((name) => node(name)));
  const seen = speakerView({ config: POOLS, nodes: known, self: "node1", ...view });
  const plan = planAddress(IP, [facts], (key) => [slice(key, ...endpoints)], seen);
  return plan.announce.layer2?.owner;
}

Deno.test("layer2 9: what nobody claims falls to the next that can serve it, without those that leave it", () => {
  const all = ["node1", "node2", "node3"].map((name) => endpoint(name));
  const owner = (
    left: readonly string[],
    one: Partial<Case> = {},
    part: Partial<SpeakerView> = {},
  ) =>
    ownerOf({
      endpoints: all,
      ...one,
      view: {
        liveSpeakers: new Set(["node1", "node2", "node3"]),
        unclaimed: new Map([[IP, new Set(left)]]),
        ...part,
      },
    });
  // By sha256sum: node3, node1, node2.
  assert.equal(owner([]), "node3");
  assert.equal(owner(["node3"]), "node1");
  const [on2, on3] = [[endpoint("node2")], [endpoint("node3"), endpoint("node2")]];
  assert.equal(owner(["node3"], { endpoints: on3 }), "node3", "node2 is the next, and to claim it");
  assert.equal(owner(["node2", "node3"], { endpoints: on2 }), "node2", "this node cannot serve it");
  const isStale = { staleSpeakers: new Set(["node1"]) };
  assert.equal(
    owner(["node2", "node3"], { endpoints: on2 }, isStale),
    "node1",
    "this node's view is stale: they know that it can",
  );
  assert.equal(owner(["node2"], { endpoints: on2 }, isStale), "node2", "node3 has not said so");
  const excluded = [node("node1", { excluded: true }), node("node2"), node("node3")];
  assert.equal(owner(["node2", "node3"], { nodes: excluded }, isStale), "node1");
  assert.equal(owner(["node2", "node3"], { nodes: excluded }), "node3", "its view is current");
  const [prefix] = [{ address: ip("10.77.1.0"), length: 24 }];
  const cutOff = new Map([["node1", [prefix]]]);
  assert.equal(owner(["node2", "node3"], {}, { ...isStale, cutOff }), "node3", "nobody can ask it");
  const kept = { unclaimed: new Map([[IP, "kept" as const]]) };
  assert.equal(owner([], {}, kept), "node1");
  assert.equal(owner([], {}, { ...kept, ...isStale }), "node1");
  assert.equal(owner([], { endpoints: on2 }, kept), "node2", "it can serve it no more");
  const dead = { liveSpeakers: new Set(["node2", "node3"]) };
  assert.equal(owner([], {}, { ...kept, ...isStale, ...dead }), "node3", "it cannot announce");
});
