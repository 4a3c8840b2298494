import assert from "node:assert/strict";
import { addressesTaken, poolGiving } from "../../lib/config/taken.ts";
import { formatIp } from "../../lib/net/ip.ts";
import { config, ips, pool, service } from "../controller/fixture.ts";

const WEB = service("web").key;
const given = (addresses: string[], from = "main", poolRequest?: string) => [
  { service: WEB, ips: ips(...addresses), pool: from, poolRequest },
];

Deno.test("addressesTaken() names what no single pool gives, and a request that would name the wrong one", () => {
  const next = config(
    pool("low", "10.0.0.0/25", { avoidBuggyIps: true }),
    pool("six", "fd00::/64"),
  );
  for (
    const [has, from, asks, taken] of [
      [["10.0.0.1"], "main", undefined, []],
      [["10.0.0.0"], "main", undefined, ["10.0.0.0"]],
      [["10.0.0.200"], "main", undefined, ["10.0.0.200"]],
      [["10.0.0.1", "fd00::1"], "main", undefined, ["10.0.0.1", "fd00::1"]],
      [["10.0.0.1", "fd01::1"], "main", undefined, ["fd01::1"]],
      [["10.0.0.1"], "main", "main", ["10.0.0.1"]],
      [["10.0.0.1"], "low", "low", []],
    ] as const
  ) {
    const found = addressesTaken(given([...has], from, asks), next);
    assert.deepEqual(found.map(({ ip }) => formatIp(ip)), taken, `${has} ${from} ${asks}`);
  }
});

Deno.test("poolGiving() finds the first pool that gives all of them", () => {
  const { pools } = config(pool("a", "10.0.0.0/24"), pool("b", ["10.1.0.0/24", "fd00::/64"]));
  assert.equal(poolGiving(pools, ips("10.1.0.1", "fd00::1"))?.name, "b");
  assert.equal(poolGiving(pools, ips("10.0.0.1", "fd00::1")), undefined);
});
