import assert from "node:assert/strict";
import { planBatch } from "../../lib/controller/batch.ts";
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
  remove,
  restart,
  service,
  settleAll,
  statusOf,
  world,
} from "./fixture.ts";
import { seededRandom } from "../support/random.ts";
import { ip4 } from "../support/addresses.ts";

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let at = result.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [result[at], result[other]] = [result[other] as T, result[at] as T];
  }
  return result;
}

Deno.test("restore() gives a Service again what it had before another wrote over its status", () => {
  const over = { assigned: ips("192.0.2.1"), overwritten: true } as const;
  const web = service("web", { ...over, given: ips("10.0.0.5") });
  const at = world(ONE, service("new"), web);
  assert.deepEqual(brief(settleAll(at)).filter((line) => line.startsWith("write")), [
    "write web 10.0.0.5",
    "write new 10.0.0.1",
  ]);
});

Deno.test("C1 restore() lets 1,000 Services keep their addresses in 100 restarts beside 200 waiting", () => {
  const random = seededRandom(1);
  const full = config(pool("full", "10.0.0.0-10.0.3.231"));
  const settled = Array.from(
    { length: 1000 },
    (_, at) =>
      service(`s${at}`, {
        createdMs: 1000 + at,
        assigned: [ip4(0x0a000000 + ((at * 7) % 1000))],
        allocatedFrom: "full",
      }),
  );
  const pending = Array.from({ length: 200 }, (_, at) => service(`p${at}`, { createdMs: at }));
  const at = world(full, ...settled, ...pending);
  for (let round = 0; round < 100; round++) {
    restart(at, (services) => shuffled(services, random));
    assert.deepEqual(new Set(eventReasons(settleAll(at))), new Set(["AllocationFailed"]));
    assert.equal(at.book.waiting.size, 200);
  }
  assert.equal(at.writes, 0);
  remove(at, "s500");
  assert.equal(at.services.get(service("p0").key)?.assigned.length, 1, "the oldest one waited");
});

const holders = (all: readonly ServiceFacts[], lbClass?: string) => {
  const { holdings } = restore(all, ONE, lbClass);
  return [...holdings.values()].map(({ service: key, ips }) => `${key} ${ips.map(formatIp)}`);
};

Deno.test("A12 restore() enters only what a Service may hold", () => {
  const has = { assigned: ips("10.0.0.5") };
  assert.deepEqual(holders([service("a", has)]), ["default/a 10.0.0.5"]);
  assert.deepEqual(holders([service("a", { ...has, deleting: true })]), ["default/a 10.0.0.5"]);
  assert.deepEqual(holders([service("a", { ...has, isLoadBalancer: false })]), []);
  assert.deepEqual(holders([service("a", { ...has, loadBalancerClass: "x/y" })]), []);
  assert.deepEqual(holders([service("a", has)], "x/y"), []);
  assert.deepEqual(holders([service("a", { ...has, families: [] })]), []);
  assert.deepEqual(holders([service("a", { ...has, ports: [] })]), []);
  assert.deepEqual(holders([service("a", { assigned: ips("192.0.2.1") })]), []);
});

Deno.test("A12 restore() leaves an address to the oldest, then to the first by name", () => {
  const has = { assigned: ips("10.0.0.5") };
  const old = service("z", { ...has, createdMs: 1, uid: "z" });
  const young = service("a", { ...has, createdMs: 2, uid: "a" });
  const twin = service("b", { ...has, createdMs: 1, uid: "zz" });
  assert.deepEqual(holders([young, old]), ["default/z 10.0.0.5"]);
  assert.deepEqual(holders([young, old, twin]), ["default/b 10.0.0.5"]);
});

Deno.test("A12 restore() enters all that share an address, in any order", () => {
  const shared = (name: string, port: number) =>
    service(name, {
      sharingKey: "k",
      ports: [{ protocol: "TCP", port }],
      assigned: ips("10.0.0.5"),
    });
  const all = [shared("a", 1), shared("b", 2), shared("c", 3)];
  for (const services of [all, [...all].reverse()]) {
    const book = restore(services, ONE, undefined);
    assert.equal(book.users.get(ip("10.0.0.5"))?.length, 3);
  }
});

Deno.test("A12 restore() gives to nobody what a status shows wrongly, until it is gone from there", () => {
  const tiny = config(pool("tiny", ["10.0.0.1", "fd00::1"]));
  const edited = service("edited", { families: [6], assigned: ips("10.0.0.1") });
  const at = world(tiny, edited, service("waiting", { createdMs: -1 }));
  const book = at.book;
  assert.deepEqual([...book.retiring.keys()], [edited.key]);
  const plans = planBatch(at.services.values().map(({ key }) => key), at.services, book, context());
  assert.deepEqual(brief(plans).filter((text) => text.startsWith("write")), [
    "write edited fd00::1",
  ]);
  settleAll(at);
  assert.equal(statusOf(at, "waiting"), "10.0.0.1");
  assert.equal(book.retiring.size, 0);
});

Deno.test("A12 restore() keeps others off the address of a family that a Service has no more", () => {
  const both = config(pool("tiny", ["10.0.0.1", "fd00::1"]));
  const narrowed = service("narrowed", { families: [6], assigned: ips("10.0.0.1", "fd00::1") });
  const book = restore([narrowed], both, undefined);
  assert.deepEqual(book.holdings.get(narrowed.key)?.ips, ips("fd00::1"));
  assert.ok(book.users.has(ip("10.0.0.1")));
});
