import assert from "node:assert/strict";
import { lostAnnouncements, refusalOf } from "../../lib/speaker/withdrawals.ts";
import { config, ips, pool, service } from "../controller/fixture.ts";

const BEFORE = config(pool("main", "10.0.0.0/24"), pool("six", "fd00::/64"));

Deno.test("S11 lostAnnouncements() finds the live addresses that a new configuration has in no pool", () => {
  const services = [
    service("web", { assigned: ips("10.0.0.1", "fd00::1") }),
    service("kept", { assigned: ips("10.0.0.200") }),
    service("none"),
    service("other-class", { assigned: ips("10.0.0.2"), loadBalancerClass: "x/y" }),
    service("no-balancer", { assigned: ips("10.0.0.3"), isLoadBalancer: false }),
    service("never-announced", { assigned: ips("192.0.2.1") }),
  ];
  const after = config(pool("high", "10.0.0.128/25"));
  const lost = lostAnnouncements(services, BEFORE, after, undefined);
  assert.deepEqual(lost.map(({ service, pool }) => [service, pool]), [
    ["default/web", "main"],
    ["default/web", "six"],
  ]);
  const renamed = config(pool("all", ["10.0.0.0/8", "fd00::/16"]));
  assert.deepEqual(lostAnnouncements(services, BEFORE, renamed, undefined), []);
});

Deno.test("S11 refusalOf() names the Services that would go dark, and never refuses the first one", () => {
  const services = [service("web", { assigned: ips("10.0.0.1") })];
  const after = config(pool("high", "10.0.0.128/25"));
  assert.match(refusalOf(services, BEFORE, after, undefined) ?? "", /default\/web.*stays in force/);
  assert.equal(refusalOf(services, undefined, after, undefined), undefined);
  assert.equal(refusalOf(services, BEFORE, BEFORE, undefined), undefined);
});
