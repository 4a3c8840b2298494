import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { createBook, hold } from "../../lib/controller/allocations.ts";
import { enterShown, followShown, usedBy } from "../../lib/controller/shown.ts";
import type { ServiceFacts } from "../../lib/model/facts.ts";
import { formatIp } from "../../lib/net/ip.ts";
import { ips, ONE, service } from "./fixture.ts";

const shown = { assigned: ips("192.0.2.1", "10.0.0.5"), hasIngress: true };

function taken(facts: ServiceFacts): string[] {
  const book = createBook(ONE);
  hold(book, service("other"), "main", ips("10.0.0.1"));
  enterShown(facts, book);
  return [...book.users.keys()].map(formatIp).filter((text) => text !== "10.0.0.1");
}

Deno.test("enterShown() takes the addresses of our pools that a status shows", () => {
  assert.deepEqual(taken(service("web", shown)), ["10.0.0.5"]);
  assert.deepEqual(taken(service("web", { assigned: ips("10.0.0.1") })), [], "another holds it");
});

Deno.test("enterShown() takes what a Service of another class shows, whoever wrote it (fault 4)", () => {
  assert.deepEqual(taken(service("web", { ...shown, loadBalancerClass: "x/y" })), ["10.0.0.5"]);
});

Deno.test("followShown() frees what a Service of another class shows no more", () => {
  const book = createBook(ONE);
  const web = service("web", { ...shown, loadBalancerClass: "x/y" });
  assert.equal(followShown(web, book, instant(0)), false);
  assert.deepEqual(usedBy(book, web.key).map(formatIp), ["10.0.0.5"]);
  assert.equal(followShown(web, book, instant(0)), false);
  assert.equal(book.retiring.get(web.key)?.length, 1);
  assert.equal(followShown({ ...web, assigned: ips("10.0.0.6") }, book, instant(0)), true);
  assert.deepEqual(usedBy(book, web.key).map(formatIp), ["10.0.0.6"]);
  assert.equal(followShown({ ...web, assigned: [] }, book, instant(0)), true);
  assert.equal(book.users.size, 0);
});

Deno.test("followShown() keeps others off what a Service of another class had before somebody wrote over it", () => {
  const book = createBook(ONE);
  const over = { assigned: ips("192.0.2.1"), hasIngress: true, overwritten: true } as const;
  const web = service("web", { ...over, loadBalancerClass: "x/y", given: ips("10.0.0.5") });
  followShown(web, book, instant(0));
  assert.deepEqual(usedBy(book, web.key).map(formatIp), ["10.0.0.5"]);
});

Deno.test("enterShown() leaves the statuses of others alone", () => {
  assert.deepEqual(taken(service("web", { ...shown, isLoadBalancer: false })), []);
  const own = { isLoadBalancer: false, assigned: ips("10.0.0.5") };
  assert.deepEqual(taken(service("web", own)), ["10.0.0.5"]);
});

Deno.test("enterShown() enters nothing twice, and nothing that the Service holds", () => {
  const book = createBook(ONE);
  const web = service("web", shown);
  hold(book, web, "main", ips("10.0.0.5"));
  enterShown(web, book);
  assert.equal(book.retiring.size, 0);
  const late = service("late", { assigned: ips("10.0.0.6") });
  enterShown(late, book);
  enterShown(late, book);
  assert.equal(book.retiring.get(late.key)?.length, 1);
});

Deno.test("enterShown() enters beside a holder only what both may share", () => {
  const use = { sharingKey: "k", assigned: ips("10.0.0.5") };
  const udp = { ...use, ports: [{ protocol: "UDP", port: 53 }] } as const;
  for (const [shows, count] of [[service("web", udp), 2], [service("web", use), 1]] as const) {
    const book = createBook(ONE);
    hold(book, service("holder", use), "main", ips("10.0.0.5"));
    enterShown(shows, book);
    assert.equal([...book.users.values()][0]?.length, count);
  }
});
