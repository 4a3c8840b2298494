import assert from "node:assert/strict";
import { labelMoves, lostRoutes, swapMoves } from "../../lib/speaker/swap_moves.ts";
import { config, ips, pool, service, withBgp } from "../controller/fixture.ts";
import { endpoint, node, nodesOf, slice } from "../support/facts.ts";

// By sha256sum: node3, node1, node2 for 10.77.1.220.
const FACTS = service("web", { assigned: ips("10.77.1.220") });
const LOCAL = service("loc", { assigned: ips("10.77.1.220"), externalTrafficPolicy: "Local" });

const LABEL = "the node is labelled node.kubernetes.io/exclude-from-external-load-balancers";

function holding(facts: typeof FACTS, nodes: Parameters<typeof nodesOf>, on = endpoint("node3")) {
  return {
    config: config(pool("default", "10.77.1.220-10.77.1.229")),
    services: [facts],
    slices: [slice(facts.key, on)],
    nodes: nodesOf(...nodes),
    lbClass: undefined,
  };
}

function moves(facts: typeof FACTS, ...labelled: string[]) {
  const names = ["node1", "node2", "node3"];
  return labelMoves(
    holding(facts, names.map((name) => node(name, { excluded: labelled.includes(name) }))),
  );
}

Deno.test("d04: labelMoves() names the addresses that the label moves, and those it silences", () => {
  assert.deepEqual(moves(FACTS, "node3"), [
    { ip: "10.77.1.220", from: "node3", to: "node1", why: `${LABEL}; node1 announces` },
  ]);
  const [silenced] = moves(LOCAL, "node3");
  assert.deepEqual([silenced?.from, silenced?.to], ["node3", undefined]);
  assert.match(silenced?.why ?? "", /no node can announce it .*node3: the node is labelled/);
  assert.deepEqual(moves(FACTS, "node2"), [], "the owner has no label");
  assert.deepEqual(moves(FACTS), []);
  assert.deepEqual(moves(FACTS, "node1", "node2", "node3"), [], "where all have it, all serve");
});

/** node3 is the owner by the rules of all, but for what is said of it. */
const UNLIKE: readonly [string, Partial<Parameters<typeof node>[1]>, string[], RegExp][] = [
  ["the label", { excluded: true }, ["v0.10", "v0.12"], /is labelled/],
  ["no network", { networkUnavailable: true }, ["v0.10", "v0.12"], /network/i],
  ["not ready", { ready: false }, ["v0.10", "v0.12", "v0.16"], /not ready/i],
];

for (const [what, said, versions, why] of UNLIKE) {
  Deno.test(`F2, F3: swapMoves() names what moves for ${what}, from each version that overlooks it`, () => {
    // By v0.10's salt, the Service's name, node3 is first too.
    const facts = service("w1", { assigned: ips("10.77.1.220") });
    const nodes = [node("node1"), node("node2"), node("node3", said)];
    for (const version of ["v0.10", "v0.12", "v0.16"] as const) {
      const [move] = swapMoves(holding(facts, nodes), version);
      if (!versions.includes(version)) assert.equal(move, undefined, version);
      else {
        assert.deepEqual([move?.from, move?.to], ["node3", "node1"], version);
        assert.match(move?.why ?? "", why);
      }
    }
  });
}

Deno.test("F6: swapMoves() names what moves for an endpoint that ends and still serves", () => {
  const ends = [
    endpoint("node3", { ready: false, serving: true, terminating: true }),
    endpoint("node1"),
  ];
  const nodes = [node("node1"), node("node3")];
  const held = { ...holding(LOCAL, nodes), slices: [slice(LOCAL.key, ...ends)] };
  assert.deepEqual(swapMoves(held, "v0.12"), []);
  assert.deepEqual(swapMoves(held, "v0.16").map(({ from, to }) => [from, to]), [[
    "node3",
    "node1",
  ]]);
});

Deno.test("swapMoves() names what moves by v0.10's election, and counts only nodes with a speaker", () => {
  const nodes = [node("node1"), node("node2"), node("node3")];
  const everywhere = nodes.map(({ name }) => endpoint(name));
  const held = Array.from({ length: 12 }, (_, at) => {
    const facts = service(`s${at}`, { assigned: ips("10.77.1.220") });
    return { ...holding(facts, nodes), slices: [slice(facts.key, ...everywhere)] };
  });
  const moved = held.flatMap((one) => swapMoves(one, "v0.10"));
  assert.ok(moved.length > 0 && moved.length < 12, `${moved.length}`);
  for (const { to, why } of moved) {
    assert.deepEqual([to, why], ["node3", "node3 comes first in the election"]);
  }
  const speakers = new Set(["node1"]);
  for (const one of held) assert.deepEqual(swapMoves({ ...one, speakers }, "v0.10"), []);
});

Deno.test("swapMoves() names what Herald leaves alone for its class, which MetalLB up to v0.12 serves", () => {
  const nodes = [node("node1"), node("node2"), node("node3")];
  const of = (loadBalancerClass: string | undefined, lbClass: string | undefined) => ({
    ...holding(service("web", { assigned: ips("10.77.1.220"), loadBalancerClass }), nodes),
    lbClass,
  });
  for (const [has, serves] of [["x/y", undefined], [undefined, "x/y"], ["x/z", "x/y"]] as const) {
    for (const version of ["v0.10", "v0.12"] as const) {
      const [move] = swapMoves(of(has, serves), version);
      assert.deepEqual([move?.from, move?.to], ["node3", undefined], version);
      assert.match(move?.why ?? "", /Service default\/web has (no|the) loadBalancerClass/);
    }
    assert.deepEqual(swapMoves(of(has, serves), "v0.16"), [], "it knows classes");
  }
  assert.deepEqual(swapMoves(of("x/y", "x/y"), "v0.12"), []);
});

Deno.test("d09: swapMoves() names a node's own address that MetalLB announces from another", () => {
  const nodes = [node("node1", { addresses: ips("10.77.1.220") }), node("node2"), node("node3")];
  assert.deepEqual(swapMoves(holding(FACTS, nodes), "v0.12"), [{
    ip: "10.77.1.220",
    from: "node3",
    to: "node1",
    why: "it is the own address of node node1; node1 announces",
  }]);
});

Deno.test("lostRoutes() names the nodes to which BGP would route no more, and what is left", () => {
  const of = (facts: typeof FACTS, part: Partial<Parameters<typeof node>[1]>) => ({
    ...holding(facts, [node("node1"), node("node2"), node("node3", part)]),
    config: withBgp(config(), pool("default", "10.77.1.220-10.77.1.229")),
  });
  for (const [, part, versions, why] of UNLIKE) {
    for (const version of ["v0.10", "v0.12", "v0.16"] as const) {
      const [lost] = lostRoutes(of(FACTS, part ?? {}), version);
      if (!versions.includes(version)) {
        assert.equal(lost, undefined, version);
        continue;
      }
      assert.deepEqual([lost?.from, lost?.left], [["node3"], ["node1", "node2"]], version);
      assert.match(lost?.why ?? "", why);
      assert.deepEqual(swapMoves(of(FACTS, part ?? {}), version), [], "none is of layer 2");
    }
  }
  // The only endpoint is on node3.
  const [silent] = lostRoutes(of(LOCAL, { excluded: true }), "v0.12");
  assert.deepEqual([silent?.from, silent?.left], [["node3"], []]);
  assert.deepEqual(lostRoutes(of(FACTS, {}), "v0.12"), []);
  const elsewhere = { ...of(FACTS, { excluded: true }), speakers: new Set(["node1"]) };
  assert.deepEqual(lostRoutes(elsewhere, "v0.12"), [], "on node3 is no speaker");
  const other = service("web", { assigned: ips("10.77.1.220"), loadBalancerClass: "x/y" });
  const [left] = lostRoutes(of(other, {}), "v0.12");
  assert.deepEqual([left?.from, left?.left], [["node1", "node2", "node3"], []]);
  assert.match(left?.why ?? "", /has the loadBalancerClass x\/y/);
});
