import assert from "node:assert/strict";
import {
  createBook,
  endRetirement,
  hold,
  lowestFree,
  release,
  retire,
  sameIps,
} from "../../lib/controller/allocations.ts";
import { config, ip, ips, pool, service } from "./fixture.ts";

const POOL = pool("main", "10.0.0.1-10.0.0.4");

Deno.test("hold() replaces what the Service held before", () => {
  const book = createBook(config(POOL));
  hold(book, service("web", { sharingKey: "k" }), "main", ips("10.0.0.1"));
  hold(book, service("web"), "main", ips("10.0.0.2"));
  assert.deepEqual([...book.users.keys()], ips("10.0.0.2"));
  assert.equal(book.sharedIps.size, 0);
});

Deno.test("hold() leaves an equal holding untouched", () => {
  const book = createBook(config(POOL));
  hold(book, service("web"), "main", ips("10.0.0.1"));
  const before = book.holdings.get(service("web").key);
  hold(book, service("web", { resourceVersion: "2" }), "main", ips("10.0.0.1"));
  assert.equal(book.holdings.get(service("web").key), before);
  hold(book, service("web", { externalTrafficPolicy: "Local" }), "main", ips("10.0.0.1"));
  assert.notEqual(book.holdings.get(service("web").key), before);
});

Deno.test("release() keeps a shared address for those who still use it", () => {
  const book = createBook(config(POOL));
  hold(book, service("a", { sharingKey: "k" }), "main", ips("10.0.0.1"));
  hold(book, service("b", { sharingKey: "k" }), "main", ips("10.0.0.1"));
  assert.equal(release(book, service("a").key), true);
  assert.deepEqual(book.users.get(ip("10.0.0.1"))?.map((user) => user.service), ["default/b"]);
  assert.deepEqual([...book.sharedIps.get("k") ?? []], ips("10.0.0.1"));
  release(book, service("b").key);
  assert.deepEqual([book.users.size, book.sharedIps.size], [0, 0]);
  assert.equal(release(book, service("b").key), false);
});

Deno.test("retire() keeps others off until endRetirement(), and hold() does not end it", () => {
  const book = createBook(config(POOL));
  const web = service("web");
  hold(book, web, "main", ips("10.0.0.1"));
  retire(book, web.key);
  hold(book, web, "main", ips("10.0.0.2"));
  assert.deepEqual([...book.users.keys()], ips("10.0.0.1", "10.0.0.2"));
  assert.equal(endRetirement(book, web.key), true);
  assert.equal(endRetirement(book, web.key), false);
  assert.deepEqual([...book.users.keys()], ips("10.0.0.2"));
  retire(book, web.key);
  assert.equal(release(book, web.key), true);
  assert.deepEqual([book.users.size, book.retiring.size], [0, 0]);
});

Deno.test("lowestFree() finds what was released below, and the end of the range", () => {
  const book = createBook(config(POOL));
  const state = book.pools[0]?.ranges[0];
  assert.ok(state);
  for (const last of ["1", "2", "3", "4"]) {
    assert.equal(lowestFree(book, POOL, state), ip(`10.0.0.${last}`));
    hold(book, service(last), "main", ips(`10.0.0.${last}`));
  }
  assert.equal(lowestFree(book, POOL, state), undefined);
  release(book, service("3").key);
  release(book, service("2").key);
  assert.equal(lowestFree(book, POOL, state), ip("10.0.0.2"));
});

Deno.test("lowestFree() stops at the last address of a family", () => {
  for (const text of ["255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]) {
    const last = pool("last", text);
    const book = createBook(config(last));
    hold(book, service("web"), "last", ips(text));
    const state = book.pools[0]?.ranges[0];
    assert.ok(state);
    assert.equal(lowestFree(book, last, state), undefined);
  }
});

Deno.test("sameIps() minds the order and the length", () => {
  assert.equal(sameIps(ips("10.0.0.1", "fd00::1"), ips("10.0.0.1", "fd00::1")), true);
  assert.equal(sameIps(ips("10.0.0.1", "fd00::1"), ips("fd00::1", "10.0.0.1")), false);
  assert.equal(sameIps(ips("10.0.0.1"), ips("10.0.0.1", "fd00::1")), false);
});
