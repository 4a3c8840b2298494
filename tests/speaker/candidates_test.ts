import assert from "node:assert/strict";
import type { NodeFacts, SliceFacts } from "../../lib/model/facts.ts";
import { serviceKey } from "../../lib/model/facts.ts";
import { planAddress } from "../../lib/speaker/plan.ts";
import type { SpeakerView } from "../../lib/speaker/view.ts";
import { servingNodes } from "../../lib/speaker/candidates.ts";
import { config, ip, pool, service, withBgp } from "../controller/fixture.ts";

const IP = ip("10.78.0.1");
const CONFIG = withBgp(config(), pool("routed", "10.78.0.0/24"));

function node(name: string, part: Partial<NodeFacts> = {}): [string, NodeFacts] {
  const plain = { ready: true, networkUnavailable: false, excluded: false };
  return [name, { name, labels: new Map(), ...plain, ...part }];
}

function slice(...nodes: string[]): SliceFacts {
  const conditions = { ready: true, serving: true, terminating: false };
  return {
    key: "default/a-1",
    service: serviceKey("default", "a"),
    endpoints: nodes.map((nodeName) => ({ addresses: ["10.1.0.1"], nodeName, ...conditions })),
  };
}

function announces(self: string, nodes: [string, NodeFacts][], on: string[], local = false) {
  const view: SpeakerView = {
    config: CONFIG,
    nodes: new Map(nodes),
    liveSpeakers: new Set(["n9"]),
    self,
    election: "v0.10",
    ignoreExcludeLabel: false,
    lbClass: undefined,
  };
  const facts = service("default/a", {
    assigned: [IP],
    externalTrafficPolicy: local ? "Local" : "Cluster",
  });
  const plan = planAddress(IP, [facts], () => [slice(...on)], view);
  assert.equal(plan.announce.layer2, undefined, "by BGP nobody owns an address");
  return plan.announce.bgp?.here;
}

Deno.test("by BGP every ready node announces a Cluster address, wherever the endpoints are", () => {
  const nodes = [node("n1"), node("n2")];
  assert.deepEqual(["n1", "n2"].map((self) => announces(self, nodes, ["n2"])), [true, true]);
  assert.equal(announces("n1", nodes, []), false, "no endpoint");
});

Deno.test("by BGP a Local address is announced where a ready endpoint is", () => {
  const nodes = [node("n1"), node("n2")];
  const on = (self: string) => announces(self, nodes, ["n2"], true);
  assert.deepEqual(["n1", "n2"].map(on), [false, true]);
});

Deno.test("by BGP a node that is not ready, excluded or without network announces nothing", () => {
  for (const part of [{ ready: false }, { excluded: true }, { networkUnavailable: true }]) {
    assert.equal(announces("n1", [node("n1", part), node("n2")], ["n2"]), false);
  }
  // Where no node is ready it is the report that is wrong, more likely than all nodes at once.
  assert.equal(announces("n1", [node("n1", { ready: false })], ["n1"]), true);
});

Deno.test("servingNodes() takes pods that terminate only where no other is ready", () => {
  const [endpoint] = slice("n1").endpoints;
  assert.ok(endpoint);
  const leaving = { ...endpoint, nodeName: "n2", ready: false, terminating: true };
  const all = { ...slice(), endpoints: [endpoint, leaving] };
  assert.deepEqual(servingNodes([all]), new Set(["n1"]));
  assert.deepEqual(servingNodes([{ ...all, endpoints: [leaving] }]), new Set(["n2"]));
  assert.equal(servingNodes([]), undefined);
});
