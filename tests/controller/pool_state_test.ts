import assert from "node:assert/strict";
import { poolContains, poolGives } from "../../lib/config/taken.ts";
import { poolOf, poolStates, reservedRange } from "../../lib/controller/pool_state.ts";
import { config, ip, ips, pool, range } from "./fixture.ts";

Deno.test("poolStates() counts what can be given, without the buggy ones to be avoided", () => {
  const sizes = (text: string, avoidBuggyIps: boolean) =>
    poolStates(config(pool("p", text, { avoidBuggyIps })))[0]?.sizes;
  assert.deepEqual(sizes("10.0.0.0/24", false), { 4: 256n, 6: 0n });
  assert.deepEqual(sizes("10.0.0.0/24", true), { 4: 254n, 6: 0n });
  assert.deepEqual(sizes("0.0.0.0-0.0.0.255", true), { 4: 254n, 6: 0n });
  assert.deepEqual(sizes("10.0.0.255-10.0.1.0", true), { 4: 0n, 6: 0n });
  assert.deepEqual(sizes("10.0.0.1-10.0.0.254", true), { 4: 254n, 6: 0n });
  assert.deepEqual(sizes("10.0.0.0/8", true), { 4: 16_777_216n - 131_072n, 6: 0n });
  assert.deepEqual(sizes("fd00::/64", true), { 4: 0n, 6: 1n << 64n });
});

Deno.test("poolOf() wants one pool for all addresses", () => {
  const pools = poolStates(config(pool("a", ["10.0.0.0/24", "fd00::/64"]), pool("b", "fd01::/64")));
  assert.equal(poolOf(pools, ips("10.0.0.0", "fd00::1"))?.name, "a");
  assert.equal(poolOf(pools, ips("10.0.0.0", "fd01::1")), undefined);
});

Deno.test("poolGives() refuses buggy addresses that poolContains() knows", () => {
  const avoid = { ...pool("a", []), ranges: [range("10.0.0.0/24")], avoidBuggyIps: true };
  assert.deepEqual([poolGives(avoid, ip("10.0.0.255")), poolContains(avoid, ip("10.0.0.255"))], [
    false,
    true,
  ]);
});

Deno.test("reservedRange() finds the reserved part of a pool in which an address lies", () => {
  const reserved = [range("10.0.0.1"), range("10.0.0.8/30")];
  const some = pool("a", "10.0.0.0/24", { reserved });
  assert.equal(reservedRange(some, ip("10.0.0.9")), reserved[1]);
  assert.equal(reservedRange(some, ip("10.0.0.2")), undefined);
  assert.equal(reservedRange(pool("a", "10.0.0.0/24"), ip("10.0.0.9")), undefined);
});
