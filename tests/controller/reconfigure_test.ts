import assert from "node:assert/strict";
import { checkGiven, checkReconfiguration, reconfigure } from "../../lib/controller/reconfigure.ts";
import { conflictText, STAYS } from "../../lib/model/address_conflict.ts";
import { formatIp } from "../../lib/net/ip.ts";
import {
  brief,
  config,
  ips,
  pool,
  put,
  service,
  settleAll,
  statusOf,
  type World,
  world,
} from "./fixture.ts";
import type { Config } from "../../lib/config/types.ts";

function fifty(): World {
  const at = world(config(pool("main", "10.0.0.1-10.0.0.50"), pool("other", "10.0.1.1")));
  for (let name = 1; name <= 50; name++) put(at, `web-${name}`);
  return at;
}

function check(at: World, next: Config): string[] {
  return checkReconfiguration(at.book, next).map(({ service: key, ip, pool: name }) =>
    `${key} ${formatIp(ip)} ${name}`
  );
}

Deno.test("C9 checkReconfiguration() names every Service of a pool that goes", () => {
  const at = fifty();
  const next = config(pool("other", "10.0.1.1"));
  assert.equal(check(at, next).length, 50);
  const text = conflictText(checkReconfiguration(at.book, next), STAYS);
  assert.match(text, /^new config not compatible with assigned IPs: .* of 50 Services: /);
  assert.match(text, /default\/web-1 \(10\.0\.0\.1, pool "main"\)/);
  assert.match(text, /default\/web-10 .*, and 40 more; the configuration before it stays/);
  assert.ok(!text.includes("web-11") && text.length < 1000, text);
});

Deno.test("C9 checkReconfiguration() names the one Service when a pool shrinks by its address", () => {
  const at = fifty();
  const next = config(pool("main", "10.0.0.1-10.0.0.49"));
  assert.deepEqual(check(at, next), ["default/web-50 10.0.0.50 main"]);
  assert.match(
    conflictText(checkReconfiguration(at.book, next), STAYS),
    / of 1 Service: default\/web-50 /,
  );
});

Deno.test("C9 checkReconfiguration() lets pools be reordered, renamed, split and closed", () => {
  const at = fifty();
  const split = config(
    pool("other", "10.0.1.1"),
    pool("low", "10.0.0.1-10.0.0.25", { autoAssign: false }),
    pool("high", "10.0.0.26-10.0.0.50"),
  );
  assert.deepEqual(check(at, split), []);
  reconfigure(at.book, split);
  assert.equal(at.book.holdings.get(service("web-1").key)?.pool, "low");
  assert.equal(at.book.holdings.get(service("web-50").key)?.pool, "high");
  // The annotation beside each address names its pool; the address stays.
  const written = brief(settleAll(at)).sort();
  const same = [...at.services.values()].map(({ name }) => `write ${name} ${statusOf(at, name)}`);
  assert.deepEqual(written, same.sort());
  assert.equal(at.services.get(service("web-50").key)?.allocatedFrom, "high");
  assert.deepEqual(brief(settleAll(at)), []);
  put(at, "next");
  assert.equal(statusOf(at, "next"), "10.0.1.1");
});

Deno.test("checkReconfiguration() counts buggy addresses that the new pool would avoid", () => {
  const at = world(config(pool("main", "10.0.0.0/24")));
  put(at, "web");
  const next = config(pool("main", "10.0.0.0/24", { avoidBuggyIps: true }));
  assert.deepEqual(check(at, next), ["default/web 10.0.0.0 main"]);
});

Deno.test("checkReconfiguration() counts a pool annotation that would name the wrong pool", () => {
  const at = world(config(pool("main", "10.0.0.1")));
  put(at, "web", { poolRequest: "main" });
  const [conflict] = checkReconfiguration(at.book, config(pool("renamed", "10.0.0.1")));
  assert.equal(
    conflict?.why,
    'the Service asks for the pool "main", the address would be in "renamed"',
  );
});

Deno.test("checkReconfiguration() wants both families in one pool, and names what is lost", () => {
  const at = world(config(pool("main", ["10.0.0.1", "fd00::1"])));
  put(at, "dual", { families: [4, 6] });
  assert.deepEqual(check(at, config(pool("main", "10.0.0.1"))), ["default/dual fd00::1 main"]);
  assert.equal(check(at, config(pool("a", "10.0.0.1"), pool("b", "fd00::1"))).length, 2);
});

Deno.test("reconfigure() leads to another address where no pool gives the present one", () => {
  const at = world(config(pool("main", "10.0.0.1")));
  put(at, "web");
  reconfigure(at.book, config(pool("main", "10.7.0.1-10.7.0.2")));
  settleAll(at);
  assert.equal(statusOf(at, "web"), "10.7.0.1");
  assert.deepEqual([...at.book.users.keys()], ips("10.7.0.1"));
});

Deno.test("A11 reconfigure() lets the waiting find room in a wider pool", () => {
  const at = world(config(pool("main", "10.0.0.1")));
  put(at, "a");
  put(at, "b");
  assert.equal(statusOf(at, "b"), "");
  reconfigure(at.book, config(pool("main", "10.0.0.1-10.0.0.2")));
  settleAll(at);
  assert.equal(statusOf(at, "b"), "10.0.0.2");
});

Deno.test("S11 checkGiven() finds after a start what was given and no pool gives any more", () => {
  const given = { assigned: ips("10.0.0.1"), hasIngress: true, allocatedFrom: "main" };
  const services = [
    service("web", given),
    service("inside", { ...given, assigned: ips("10.9.0.1") }),
    service("not-ours", { ...given, loadBalancerClass: "x/y" }),
    service("other-type", { ...given, isLoadBalancer: false }),
    service("going", { ...given, deleting: true }),
    service("of-others", { ...given, allocatedFrom: undefined }),
    service("overwritten", { ...given, overwritten: true }),
    // It asks for another pool by now: that is its own change.
    service("asks", { ...given, assigned: ips("10.9.0.2"), poolRequest: "other" }),
    service("has", { ...given, assigned: ips("10.9.0.3"), poolRequest: "main" }),
  ];
  const found = checkGiven(services, config(pool("new", "10.9.0.0/24")), undefined);
  assert.deepEqual(found.map(({ service, pool }) => [service, pool]), [
    ["default/web", "main"],
    ["default/has", "main"],
  ]);
  assert.deepEqual(checkGiven(services, config(pool("main", "10.0.0.0/8")), undefined), []);
});
