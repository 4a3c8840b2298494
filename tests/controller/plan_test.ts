import assert from "node:assert/strict";
import { createBook, hold } from "../../lib/controller/allocations.ts";
import { instant } from "../../lib/base/time.ts";
import { REPEAT_EVENT_MS } from "../../lib/controller/actions.ts";
import { planBatch } from "../../lib/controller/batch.ts";
import { planService, releaseService } from "../../lib/controller/plan.ts";
import { reconfigure } from "../../lib/controller/reconfigure.ts";
import { restore } from "../../lib/controller/restore.ts";
import type { ServiceFacts } from "../../lib/model/facts.ts";
import { formatIp } from "../../lib/net/ip.ts";
import {
  brief,
  config,
  context,
  eventReasons,
  ip,
  ips,
  ONE,
  pool,
  put,
  remove,
  requests,
  service,
  settleAll,
  statusOf,
  TINY,
  world,
} from "./fixture.ts";

Deno.test("A1 planService() frees and clears a Service that is no load balancer any more", () => {
  const at = world(ONE);
  put(at, "web");
  assert.deepEqual(brief(put(at, "web", { isLoadBalancer: false })), ["write web"]);
  assert.equal(at.book.users.size, 0);
  assert.deepEqual(brief(settleAll(at)), []);
});

Deno.test("A1 planService() clears after a restart what only Herald's pools can have given", () => {
  const other = { isLoadBalancer: false };
  const own = service("own", { ...other, assigned: ips("10.0.0.3") });
  const foreign = service("foreign", { ...other, assigned: ips("192.0.2.1") });
  const named = service("named", { ...other, hasIngress: true });
  const at = world(ONE, own, foreign, named, service("plain", other));
  assert.deepEqual(brief(settleAll(at)), ["write own"]);
});

Deno.test("A1 planService() clears what others wrote over the address of a former load balancer", () => {
  const at = world(ONE);
  put(at, "web");
  const plans = put(at, "web", { isLoadBalancer: false, assigned: ips("192.0.2.1") });
  assert.deepEqual(brief(plans), ["write web"]);
});

Deno.test("A2 planService() clears and waits while there is no cluster IP", () => {
  const at = world(ONE);
  put(at, "web");
  const plans = put(at, "web", { families: [] });
  assert.deepEqual(plans[0]?.decision, { kind: "notReady", lacks: "cluster-ip" });
  assert.deepEqual(brief(plans), ["write web"]);
  assert.equal(at.book.holdings.size, 0);
  put(at, "web", { families: [4] });
  assert.equal(statusOf(at, "web"), "10.0.0.1");
});

Deno.test("A2 planService() gives nothing to a headless Service or one without ports", () => {
  const at = world(ONE);
  assert.deepEqual(brief(put(at, "headless", { families: [] })), []);
  const plans = put(at, "portless", { ports: [] });
  assert.deepEqual(plans[0]?.decision, { kind: "notReady", lacks: "ports" });
  assert.equal(at.book.holdings.size, 0);
});

Deno.test("A3 planService() keeps a legal address without writing", () => {
  const at = world(ONE, service("web", { assigned: ips("10.0.0.7"), allocatedFrom: "main" }));
  const plans = settleAll(at);
  assert.deepEqual(plans[0]?.decision, { kind: "kept", pool: "main", ips: ips("10.0.0.7") });
  assert.deepEqual(brief(plans), []);
});

Deno.test("A3 planService() keeps an address of a pool without auto-assign", () => {
  const closed = config(pool("closed", "10.0.0.1-10.0.0.9", { autoAssign: false }));
  const at = world(closed, service("web", { assigned: ips("10.0.0.7"), allocatedFrom: "closed" }));
  assert.deepEqual(brief(settleAll(at)), []);
  assert.equal(at.book.holdings.size, 1);
});

Deno.test("A3 planService() clears what is in no pool and allocates anew, in one write", () => {
  const at = world(ONE, service("web", { assigned: ips("192.0.2.1") }));
  assert.deepEqual(brief(settleAll(at)), [
    "write web 10.0.0.1",
    'event web ClearAssignment: Cleared ["192.0.2.1"]: no pool holds 192.0.2.1',
    'event web IPAllocated: Assigned IP ["10.0.0.1"]',
  ]);
});

Deno.test("A3 planService() clears an address of the wrong family", () => {
  const both = config(pool("main", ["10.0.0.1-10.0.0.9", "fd00::1-fd00::9"]));
  const at = world(both, service("web", { assigned: ips("10.0.0.5"), families: [6] }));
  settleAll(at);
  assert.equal(statusOf(at, "web"), "fd00::1");
});

Deno.test("A3 planService() keeps the remaining family when the Service drops the other", () => {
  const both = config(pool("main", ["10.0.0.1-10.0.0.9", "fd00::1-fd00::9"]));
  const at = world(both, service("web", { assigned: ips("fd00::5", "10.0.0.5"), families: [4] }));
  assert.deepEqual(brief(settleAll(at)), ["write web 10.0.0.5"]);
  assert.equal(at.book.users.has(ip("fd00::5")), false);
});

Deno.test("A3 planService() moves the younger of two that may not share", () => {
  const given = { assigned: ips("10.0.0.5"), allocatedFrom: "main" };
  const old = service("old", { createdMs: 1, ...given });
  const young = service("young", { createdMs: 2, ...given });
  const at = world(ONE, young, old);
  const plans = settleAll(at);
  assert.deepEqual([statusOf(at, "old"), statusOf(at, "young")], ["10.0.0.5", "10.0.0.1"]);
  assert.match(brief(plans)[1] ?? "", /ClearAssignment: .*: default\/old uses it/);
});

const TWO = config(
  pool("first", "10.1.0.1-10.1.0.9"),
  pool("second", "10.2.0.1-10.2.0.9", { autoAssign: false }),
);

Deno.test("A4 planService() moves a Service to the pool that its annotation names", () => {
  const at = world(TWO);
  put(at, "web");
  assert.deepEqual(brief(put(at, "web", { poolRequest: "second" })), [
    "write web 10.2.0.1",
    'event web ClearAssignment: Cleared ["10.1.0.1"]: ' +
    'annotation address-pool asks for the pool "second"',
    'event web IPAllocated: Assigned IP ["10.2.0.1"]',
  ]);
  assert.equal(at.book.holdings.get(service("web").key)?.pool, "second");
});

Deno.test("A4 planService() leaves a Service without address where the pool is unknown", () => {
  const at = world(TWO);
  put(at, "web");
  assert.deepEqual(brief(put(at, "web", { poolRequest: "none-such" })), [
    "write web",
    'event web ClearAssignment: Cleared ["10.1.0.1"]: annotation address-pool names the pool ' +
    '"none-such", which does not exist',
    'event web AllocationFailed: Failed to allocate IP for "default/web": annotation ' +
    'address-pool names the pool "none-such", which does not exist; the pools are "first", ' +
    '"second"',
  ]);
});

Deno.test("A5 planService() clears an address that differs from the request, then tries", () => {
  const at = world(ONE);
  put(at, "web");
  assert.equal(brief(put(at, "web", requests("10.0.0.8")))[0], "write web 10.0.0.8");
  const plans = put(at, "web", requests("10.9.9.9"));
  assert.deepEqual(eventReasons(plans), ["ClearAssignment", "AllocationFailed"]);
  assert.equal(statusOf(at, "web"), "");
});

Deno.test("A5 planService() compares requested addresses as sets", () => {
  const both = config(pool("main", ["10.0.0.1-10.0.0.9", "fd00::1-fd00::9"]));
  const at = world(
    both,
    service("web", {
      assigned: ips("10.0.0.5", "fd00::5"),
      allocatedFrom: "main",
      families: [4, 6],
    }),
  );
  assert.deepEqual(brief(put(at, "web", requests("fd00::5", "10.0.0.5"))), []);
});

const UNREADABLE = {
  addressRequest: { kind: "invalid", event: "LoadBalancerFailed", message: "both are set" },
} as const;

Deno.test("A5 planService() tells of an unreadable request and gives nothing", () => {
  const at = world(ONE);
  assert.deepEqual(brief(put(at, "web", UNREADABLE)), [
    "event web LoadBalancerFailed: both are set",
  ]);
});

Deno.test("A5 planService() takes no address away for an unreadable request", () => {
  const at = world(ONE);
  put(at, "web");
  assert.deepEqual(brief(put(at, "web", UNREADABLE)), [
    'event web LoadBalancerFailed: both are set; the Service keeps ["10.0.0.1"]',
  ]);
  assert.deepEqual(brief(settleAll(at)), []);
});

Deno.test("A9 planService() lets a sole user change its sharing key and ports in place", () => {
  const at = world(ONE);
  put(at, "web", { sharingKey: "a" });
  const plans = put(at, "web", { sharingKey: "b", ports: [{ protocol: "UDP", port: 53 }] });
  assert.deepEqual(brief(plans), []);
  put(at, "next", { sharingKey: "b" });
  assert.equal(statusOf(at, "next"), "10.0.0.1");
});

Deno.test("A9 planService() moves only the Service that was edited away from a shared address", () => {
  const at = world(ONE);
  put(at, "a", { sharingKey: "k", ports: [{ protocol: "TCP", port: 80 }] });
  put(at, "b", { sharingKey: "k", ports: [{ protocol: "TCP", port: 443 }] });
  assert.equal(statusOf(at, "b"), "10.0.0.1");
  put(at, "a", { ports: [{ protocol: "TCP", port: 8080 }] });
  assert.equal(statusOf(at, "a"), "10.0.0.1", "still legal, so it stays");
  put(at, "a", { sharingKey: "other" });
  assert.deepEqual([statusOf(at, "a"), statusOf(at, "b")], ["10.0.0.2", "10.0.0.1"]);
  put(at, "c", { sharingKey: "k", ports: [{ protocol: "TCP", port: 443 }] });
  assert.equal(statusOf(at, "c"), "10.0.0.3", "443 of the shared address is taken");
});

Deno.test("A13 planService() serves its class alone", () => {
  const book = createBook(ONE);
  const other = service("other", { loadBalancerClass: "x/y", hasIngress: true });
  const plan = planService(other, book, context());
  assert.deepEqual(plan.decision, { kind: "notOurs", because: "class" });
  assert.deepEqual(plan.actions, []);
  const named = context({ lbClass: "x/y" });
  assert.equal(planService(other, book, named).decision.kind, "assigned");
  assert.equal(planService(service("plain"), book, named).decision.kind, "notOurs");
});

Deno.test("C11 planService() gives nobody what a Service of another class shows, with 0 writes (fault 4, field d10)", () => {
  const at = world(ONE);
  put(at, "web");
  const plans = put(at, "web", { loadBalancerClass: "x/y" });
  assert.deepEqual(brief(plans), [
    'event web AddressOfOtherClass: ["10.0.0.1"] is of a pool of Herald, and the Service\'s ' +
    'loadBalancerClass, "x/y", is not served here: nobody else gets it, and this Herald does not ' +
    "announce it",
  ]);
  put(at, "next");
  assert.equal(statusOf(at, "next"), "10.0.0.2");
  assert.deepEqual(brief(put(at, "web", { assigned: [], hasIngress: false })), []);
  put(at, "last");
  assert.equal(statusOf(at, "last"), "10.0.0.1");
});

Deno.test("two controllers of two classes give no address twice, whoever plans first (fault 4)", () => {
  for (const order of [["plain", "blue"], ["blue", "plain"]]) {
    const services = new Map<string, ServiceFacts>();
    for (const name of order) {
      const lbClass = name === "blue" ? "blue" : undefined;
      const facts = service(name, { loadBalancerClass: lbClass });
      services.set(facts.key, facts);
      const book = restore(services.values(), ONE, lbClass);
      for (const { actions } of planBatch([facts.key], services, book, context({ lbClass }))) {
        for (const action of actions) {
          if (action.kind !== "writeStatus") continue;
          services.set(facts.key, { ...facts, assigned: action.ips, hasIngress: true });
        }
      }
    }
    const given = [...services.values()].flatMap(({ assigned }) => assigned.map(formatIp));
    assert.deepEqual(given, ["10.0.0.1", "10.0.0.2"]);
  }
});

Deno.test("A14 planService() writes addresses in the order of the Service's families", () => {
  const both = config(pool("main", ["10.0.0.1-10.0.0.9", "fd00::1-fd00::9"]));
  const at = world(both);
  put(at, "web", { families: [6, 4] });
  assert.equal(statusOf(at, "web"), "fd00::1 10.0.0.1");
});

Deno.test("C11 planService() restores a status that someone cleared or edited", () => {
  const at = world(ONE);
  put(at, "first");
  put(at, "web");
  remove(at, "first");
  const cleared = put(at, "web", { assigned: [], hasIngress: false });
  assert.deepEqual(brief(cleared), ["write web 10.0.0.2"]);
  assert.deepEqual(brief(put(at, "web", { assigned: ips("10.0.0.9") })), ["write web 10.0.0.2"]);
});

Deno.test("C11 planService() gives a Service its address back by type ClusterIP and again", () => {
  const at = world(ONE);
  put(at, "web");
  put(at, "web", { isLoadBalancer: false });
  put(at, "web", { isLoadBalancer: true });
  assert.equal(statusOf(at, "web"), "10.0.0.1");
});

Deno.test("C11 planService() leaks nothing in 10,000 creations and deletions", () => {
  const at = world(ONE);
  for (let round = 0; round < 10_000; round++) {
    put(at, `web-${round % 20}`, round % 3 === 0 ? { sharingKey: "k" } : {});
    if (round % 2 === 1) remove(at, `web-${(round * 7) % 20}`);
  }
  for (let name = 0; name < 20; name++) remove(at, `web-${name}`);
  const { holdings, retiring, users, sharedIps, waiting, reported } = at.book;
  assert.deepEqual(
    [holdings.size, retiring.size, users.size, sharedIps.size, waiting.size, reported.size],
    [0, 0, 0, 0, 0, 0],
  );
});

Deno.test("planService() leaves a deleting Service what it has, and gives it nothing new", () => {
  const at = world(ONE);
  put(at, "web");
  const deleting = { deleting: true, poolRequest: "gone", assigned: [], hasIngress: false };
  assert.deepEqual(brief(put(at, "web", deleting)), []);
  assert.equal(at.book.holdings.size, 1);
  const plans = put(at, "late", { deleting: true });
  assert.deepEqual(plans[0]?.decision, { kind: "deleting" });
  remove(at, "web");
  assert.equal(at.book.users.size, 0);
});

Deno.test("planService() takes a Service created again under its name for another one", () => {
  const at = world(ONE);
  put(at, "web", requests("10.0.0.5"));
  const again = put(at, "web", {
    uid: "new",
    assigned: [],
    hasIngress: false,
    ...requests("10.0.0.6"),
  });
  assert.deepEqual(eventReasons(again), ["IPAllocated"]);
  assert.deepEqual([...at.book.users.keys()], ips("10.0.0.6"));
});

Deno.test("C12 planService() repeats the same failure event only after five minutes", () => {
  const at = world(TINY, service("a", { assigned: ips("10.0.0.1") }));
  assert.deepEqual(eventReasons(put(at, "b")), ["AllocationFailed"]);
  at.context = context({ nowMs: REPEAT_EVENT_MS - 1 });
  assert.deepEqual(eventReasons(put(at, "b")), []);
  at.context = context({ nowMs: REPEAT_EVENT_MS });
  assert.deepEqual(eventReasons(put(at, "b")), ["AllocationFailed"]);
  assert.deepEqual(eventReasons(put(at, "b", { poolRequest: "x" })), ["AllocationFailed"]);
});

Deno.test("S5 planService() gives away what a Service lost once its status is without it", () => {
  const book = createBook(TWO);
  const web = service("web");
  const plan = (facts: typeof web) => planService(facts, book, context());
  plan(web);
  const moved = { ...web, assigned: ips("10.1.0.1"), hasIngress: true, poolRequest: "second" };
  assert.equal(plan(moved).freed, false);
  const late = { ...service("late"), ...requests("10.1.0.1") };
  assert.match(brief(plan(late))[0] ?? "", /10\.1\.0\.1 is taken: default\/web uses it/);
  assert.deepEqual(brief(plan(service("other"))).slice(0, 1), ["write other 10.1.0.2"]);
  assert.equal(plan(moved).freed, false, "the status still shows the old address");
  assert.equal(plan({ ...moved, assigned: ips("10.2.0.1") }).freed, true);
  assert.equal(brief(plan(late))[0], "write late 10.1.0.1");
});

Deno.test("S5 planService() frees at once what no status shows any more", () => {
  const at = world(ONE);
  put(at, "web");
  const gone = { isLoadBalancer: false, assigned: [], hasIngress: false };
  const [plan, ...after] = put(at, "web", gone);
  assert.equal(plan?.freed, true);
  assert.deepEqual(after.flatMap(({ actions }) => actions), []);
});

Deno.test("A1 planService() takes the annotation away where the API server cleared the status itself", () => {
  const at = world(ONE);
  put(at, "web");
  const cleared = { isLoadBalancer: false, assigned: [], hasIngress: false };
  assert.deepEqual(brief(put(at, "web", cleared)), ["write web"]);
  assert.equal(at.services.get(service("web").key)?.allocatedFrom, undefined);
  // Nobody knows any more whose it was, but the pool is ours.
  put(at, "late", { ...cleared, allocatedFrom: "main" });
  assert.equal(at.services.get(service("late").key)?.allocatedFrom, undefined);
  assert.deepEqual(brief(put(at, "other", { ...cleared, allocatedFrom: "elsewhere" })), []);
});

Deno.test("planService() forgets what one of the same name had and gave up", () => {
  const at = world(TINY);
  put(at, "web");
  const facts = at.services.get(service("web").key) ?? assert.fail();
  planService({ ...facts, poolRequest: "gone" }, at.book, at.context);
  assert.equal(at.book.retiring.size, 1);
  planService({ ...service("web"), uid: "new", poolRequest: "gone" }, at.book, at.context);
  assert.equal(at.book.retiring.size, 0);
  assert.equal(at.book.users.size, 0);
});

Deno.test("S6 planService() lets a Service that becomes dual-stack keep the address it has", () => {
  const both = config(pool("main", ["10.0.0.1-10.0.0.9", "fd00::1-fd00::9"]));
  const at = world(both, service("web", { assigned: ips("10.0.0.5") }));
  put(at, "web", { families: [4, 6] });
  assert.equal(statusOf(at, "web"), "10.0.0.5 fd00::1");
});

Deno.test("planService() leaves a deleting Service its address whatever it is edited to", () => {
  const at = world(ONE);
  put(at, "a", { sharingKey: "k" });
  put(at, "b", { sharingKey: "k", ports: [{ protocol: "UDP", port: 53 }] });
  assert.deepEqual(brief(put(at, "b", { deleting: true, sharingKey: undefined })), []);
  assert.equal(statusOf(at, "b"), "10.0.0.1");
});

Deno.test("releaseService() tells whether anything came free", () => {
  const book = createBook(ONE);
  hold(book, service("web"), "main", ips("10.0.0.1"));
  assert.equal(releaseService(service("web").key, book, instant(0)), true);
  assert.equal(releaseService(service("web").key, book, instant(0)), false);
});

Deno.test("A2 planService() tells a headless Service that it gets none", () => {
  const at = world(ONE);
  const [told, ...rest] = brief(put(at, "web", { families: [], isHeadless: true }));
  assert.match(told ?? "", /^event web noclusterIPsIPFamily: .*headless/);
  assert.deepEqual(rest, []);
  assert.deepEqual(brief(settleAll(at)), []);
});

Deno.test("planService() writes the pool beside the address, and again when the pool is renamed", () => {
  const at = world(config(pool("old", "10.0.0.1")));
  put(at, "web");
  assert.equal(at.services.get(service("web").key)?.allocatedFrom, "old");
  at.config = config(pool("new", "10.0.0.1"));
  reconfigure(at.book, at.config);
  assert.deepEqual(brief(settleAll(at)), ["write web 10.0.0.1"]);
  assert.equal(at.services.get(service("web").key)?.allocatedFrom, "new");
  // What MetalLB before v0.11 gave has no annotation.
  assert.deepEqual(brief(put(at, "web", { allocatedFrom: undefined })), ["write web 10.0.0.1"]);
  assert.equal(at.services.get(service("web").key)?.allocatedFrom, "new");
  assert.deepEqual(brief(settleAll(at)), []);
});
