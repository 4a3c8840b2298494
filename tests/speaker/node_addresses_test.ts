import assert from "node:assert/strict";
import { addressesOf, pooledAddresses } from "../../lib/speaker/node_addresses.ts";
import { config, ip, ips, pool } from "../controller/fixture.ts";
import { node } from "../support/facts.ts";

Deno.test("addressesOf() gives all nodes that show an address as their own", () => {
  const nodes = [
    node("n1", { addresses: ips("10.0.0.1", "2001:db8::1") }),
    node("n2", { addresses: ips("10.0.0.1") }),
    node("n3"),
  ];
  assert.deepEqual(
    addressesOf(nodes),
    new Map([[ip("10.0.0.1"), new Set(["n1", "n2"])], [ip("2001:db8::1"), new Set(["n1"])]]),
  );
});

Deno.test("d09: pooledAddresses() finds the nodes' own addresses that pools give out", () => {
  const pools = config(pool("a", "10.0.0.0/30"), pool("b", "10.1.0.0/30"));
  const nodes = [node("n1", { addresses: ips("10.1.0.1", "10.9.0.1") }), node("n2")];
  assert.deepEqual(pooledAddresses(pools, nodes), [{ ip: "10.1.0.1", node: "n1", pool: "b" }]);
});
