import assert from "node:assert/strict";
import type { NodeFacts, SliceFacts } from "../../lib/model/facts.ts";
import { serviceKey } from "../../lib/model/facts.ts";
import { planAddress } from "../../lib/speaker/plan.ts";
import { servingNodes } from "../../lib/speaker/candidates.ts";
import { config, ip, pool, service, withBgp } from "../controller/fixture.ts";
import { endpoint, node, nodesOf, slice, speakerView } from "../support/facts.ts";

const IP = ip("10.78.0.1");
const CONFIG = withBgp(config(), pool("routed", "10.78.0.0/24"));

function sliceOn(...nodes: string[]): SliceFacts {
  return slice(serviceKey("default", "a"), ...nodes.map((name) => endpoint(name)));
}

function announces(self: string, nodes: NodeFacts[], on: string[], local = false) {
  const view = speakerView({
    config: CONFIG,
    nodes: nodesOf(...nodes),
    liveSpeakers: new Set(["n9"]),
    self,
    election: "v0.10",
  });
  const facts = service("default/a", {
    assigned: [IP],
    externalTrafficPolicy: local ? "Local" : "Cluster",
  });
  const plan = planAddress(IP, [facts], () => [sliceOn(...on)], view);
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
  const leaving = endpoint("n2", { ready: false, serving: true, terminating: true });
  const all = { ...sliceOn(), endpoints: [endpoint("n1"), leaving] };
  assert.deepEqual(servingNodes([all]), new Set(["n1"]));
  assert.deepEqual(servingNodes([{ ...all, endpoints: [leaving] }]), new Set(["n2"]));
  assert.equal(servingNodes([]), undefined);
});
