import assert from "node:assert/strict";
import { labelMoves } from "../../lib/speaker/label_moves.ts";
import { config, ips, pool, service } from "../controller/fixture.ts";
import { endpoint, node, nodesOf, slice } from "../support/facts.ts";

// By sha256sum: node3, node1, node2 for 10.77.1.220.
const FACTS = service("web", { assigned: ips("10.77.1.220") });
const LOCAL = service("loc", { assigned: ips("10.77.1.220"), externalTrafficPolicy: "Local" });

function moves(facts: typeof FACTS, ...labelled: string[]) {
  const nodes = ["node1", "node2", "node3"].map((name) =>
    node(name, { excluded: labelled.includes(name) })
  );
  return labelMoves({
    config: config(pool("default", "10.77.1.220-10.77.1.229")),
    services: [facts],
    slices: [slice(facts.key, endpoint("node3"))],
    nodes: nodesOf(...nodes),
    lbClass: undefined,
  });
}

Deno.test("d04: labelMoves() names the addresses that the label moves, and those it silences", () => {
  assert.deepEqual(moves(FACTS, "node3"), [{ ip: "10.77.1.220", from: "node3", to: "node1" }]);
  assert.deepEqual(moves(LOCAL, "node3"), [{ ip: "10.77.1.220", from: "node3", to: undefined }]);
  assert.deepEqual(moves(FACTS, "node2"), [], "the owner has no label");
  assert.deepEqual(moves(FACTS), []);
  assert.deepEqual(moves(FACTS, "node1", "node2", "node3"), [], "where all have it, all serve");
});
