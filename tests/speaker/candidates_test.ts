import assert from "node:assert/strict";
import type { NodeFacts, SliceFacts } from "../../lib/model/facts.ts";
import { serviceKey } from "../../lib/model/facts.ts";
import { formatIp } from "../../lib/net/ip.ts";
import { createElections } from "../../lib/speaker/electorate.ts";
import { planAddress } from "../../lib/speaker/plan.ts";
import { servingNodes } from "../../lib/speaker/candidates.ts";
import { type Judge, judgementOf, METALLB_VERSIONS } from "../../lib/speaker/judgement.ts";
import { config, ip, ips, pool, service, withBgp } from "../controller/fixture.ts";
import { endpoint, node, nodesOf, OWN_RULES, slice, speakerView } from "../support/facts.ts";

const IP = ip("10.78.0.1");
const CONFIG = withBgp(config(), pool("routed", "10.78.0.0/24"));

const CONFIG_L2 = config(pool("default", "10.78.0.0/24"));

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
  const serving = (...slices: SliceFacts[]) => servingNodes(slices, 4, OWN_RULES);
  assert.deepEqual(serving(all), new Set(["n1"]));
  assert.deepEqual(serving({ ...all, endpoints: [leaving] }), new Set(["n2"]));
  assert.equal(serving(), undefined);
});

Deno.test("F6: servingNodes() takes pods that terminate as the MetalLB beside it does", () => {
  const leaving = endpoint("n2", { ready: false, serving: true, terminating: true });
  const both = { ...sliceOn(), endpoints: [endpoint("n1"), leaving] };
  const last = { ...sliceOn(), endpoints: [leaving] };
  const serving = (judge: Judge, slice: SliceFacts) =>
    servingNodes([slice], 4, judgementOf(judge, false, new Map()));
  assert.deepEqual(serving("v0.12", both), new Set(["n1"]));
  assert.equal(serving("v0.12", last), undefined);
  assert.deepEqual(serving("v0.16", both), new Set(["n1", "n2"]));
  assert.deepEqual(serving("v0.16", last), new Set(["n2"]));
});

Deno.test("d11: servingNodes() takes what is ready, even while it terminates and does not serve", () => {
  const published = endpoint("n1", { ready: true, serving: false, terminating: true });
  const slice = { ...sliceOn(), endpoints: [published] };
  for (const judge of ["Herald", ...METALLB_VERSIONS] as const) {
    const rules = judgementOf(judge, false, new Map());
    assert.deepEqual(servingNodes([slice], 4, rules), new Set(["n1"]), judge);
  }
});

Deno.test("d08: each family of a Local Service is announced where kube-proxy forwards it", () => {
  const [four, six] = ips("10.77.1.220", "fd77::220");
  assert.ok(four !== undefined && six !== undefined);
  const slices: SliceFacts[] = [
    { ...sliceOn("n1"), key: "default/a-4", family: 4 },
    { ...sliceOn("n2"), key: "default/a-6", family: 6 },
  ];
  const facts = service("default/a", { assigned: [four, six], externalTrafficPolicy: "Local" });
  const pools = config(pool("default", ["10.77.1.220-10.77.1.230", "fd77::220-fd77::230"]));
  const ownersBy = (judge: Judge) => {
    const nodes = nodesOf(node("n1"), node("n2"));
    const view = speakerView({
      config: pools,
      nodes,
      judgement: judgementOf(judge, false, nodes),
    });
    return [four, six].map((address) =>
      planAddress(address, [facts], () => slices, view).announce.layer2?.owner
    );
  };
  assert.deepEqual(ownersBy("Herald"), ["n1", "n2"]);
  const nothing = { ...sliceOn(), family: 6 as const };
  assert.equal(servingNodes([...slices.slice(0, 1), nothing], 6, OWN_RULES), undefined);
  assert.deepEqual(
    servingNodes(slices.slice(0, 1), 6, OWN_RULES),
    new Set(["n1"]),
    "a manifest written by hand has no slice for the other family",
  );
  const [first, second] = ownersBy("v0.12");
  assert.equal(first, second, "MetalLB judges the Service as a whole");
});

Deno.test("d09: no node announces the own address of another", () => {
  const own = ip("10.77.0.11");
  const nodes = nodesOf(node("n1", { addresses: [own] }), node("n2"));
  const pools = withBgp(config(pool("default", "10.77.0.11/32")));
  const planned = (on: string, self: string, externalTrafficPolicy: "Local" | "Cluster") => {
    const facts = service("default/a", { assigned: [own], externalTrafficPolicy });
    const view = speakerView({ config: pools, nodes, self });
    return planAddress(own, [facts], () => [sliceOn(on)], view);
  };
  for (const self of ["n1", "n2"]) {
    const elsewhere = planned("n2", self, "Local");
    assert.equal(elsewhere.announce.layer2?.owner, undefined, "its endpoint is not on n1");
    assert.match(elsewhere.reason, /n2: it is the own address of node n1/);
    assert.equal(planned("n1", self, "Local").announce.layer2?.owner, "n1");
    assert.equal(planned("n2", self, "Cluster").announce.layer2?.owner, "n1");
  }
});

Deno.test("layer2 9: a node whose speaker sees less than others owns only what no other can serve", () => {
  const nodes = nodesOf(node("n1"), node("n2"));
  const owner = (stale: string[], on: string[]) => {
    const facts = service("default/a", { assigned: [IP], externalTrafficPolicy: "Local" });
    const config = withBgp(CONFIG_L2, pool("routed", "10.79.0.0/24"));
    const view = speakerView({ config, nodes, self: "n1", staleSpeakers: new Set(stale) });
    return planAddress(IP, [facts], () => [sliceOn(...on)], view).announce.layer2?.owner;
  };
  for (const [stale, other] of [["n1", "n2"], ["n2", "n1"]] as const) {
    assert.equal(owner([stale], ["n1", "n2"]), other);
    assert.equal(owner([stale], [stale]), stale, "dark would be worse");
  }
  assert.equal(owner(["n1", "n2"], ["n1", "n2"]), owner([], ["n1", "n2"]));
});

Deno.test("by BGP a node whose speaker sees less than others announces as before", () => {
  const facts = service("default/a", { assigned: [IP] });
  const staleSpeakers = new Set(["n1"]);
  const view = speakerView({
    config: CONFIG,
    nodes: nodesOf(node("n1"), node("n2")),
    self: "n1",
    staleSpeakers,
  });
  assert.ok(planAddress(IP, [facts], () => [sliceOn("n2")], view).announce.bgp?.here);
});

Deno.test("an address is no node's of which no interface leads to it any more, and its others are", () => {
  const nodes = nodesOf(node("n1"), node("n2"));
  const cut = { address: ip("10.78.0.0"), length: 24 };
  const owners = (address: string, cutOff: [string, typeof cut[]][]) => {
    const facts = service("default/a", { assigned: [ip(address)] });
    const view = speakerView({ config: CONFIG_L2, nodes, self: "n1", cutOff: new Map(cutOff) });
    const given = [ip(address), [facts], () => [sliceOn("n1", "n2")], view] as const;
    const whole = planAddress(...given);
    const short = planAddress(...given, createElections().open());
    assert.equal(short.announce.layer2?.owner, whole.announce.layer2?.owner);
    return whole.announce.layer2?.owner;
  };
  const address = formatIp(IP);
  const first = owners(address, []);
  const other = first === "n1" ? "n2" : "n1";
  assert.equal(owners(address, [[first ?? "", [cut]]]), other);
  assert.equal(owners(address, [[other, [cut]]]), first);
  assert.equal(owners(address, [["n1", [cut]], ["n2", [cut]]]), undefined);
  const elsewhere = { address: ip("10.99.0.0"), length: 24 };
  assert.equal(owners(address, [[first ?? "", [elsewhere]]]), first);
});
