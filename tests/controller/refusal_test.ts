import assert from "node:assert/strict";
import { FOR_ALL } from "../../lib/config/types.ts";
import { createBook } from "../../lib/controller/allocations.ts";
import { closedPools, fullDetail, knownPools, shortList } from "../../lib/controller/refusal.ts";
import { config, pool, range, service } from "./fixture.ts";

const BOOK = createBook(config(
  pool("open", "10.0.0.1"),
  pool("shut", "10.0.1.1", { autoAssign: false }),
  pool("theirs", "10.0.2.1", { serviceAllocation: { ...FOR_ALL, namespaces: ["shop"] } }),
));

Deno.test("closedPools() names each pool that gives the Service nothing, and why", () => {
  const reasons = closedPools(service("web"), BOOK).map(({ pool, message }) => [pool, message]);
  assert.equal(reasons.length, 2);
  assert.match(String(reasons[0]), /^shut,.*auto-assign off/);
  assert.match(String(reasons[1]), /^theirs,.*is for other Services: .*namespace "default"/);
});

Deno.test("closedPools() speaks of no pool that the Service did not name", () => {
  assert.deepEqual(closedPools(service("web", { poolRequest: "shut" }), BOOK), []);
  const [theirs, ...others] = closedPools(service("web", { poolRequest: "theirs" }), BOOK);
  assert.equal(theirs?.pool, "theirs");
  assert.deepEqual(others, []);
});

Deno.test("fullDetail() tells how many are reserved", () => {
  const reserved = [range("10.0.0.1-10.0.0.2")];
  const [state] = createBook(config(pool("main", "10.0.0.1-10.0.0.3", { reserved }))).pools;
  assert.ok(state);
  assert.match(fullDetail(state, 4), /^no IPv4 address of 3 is free: 2 are reserved/);
});

Deno.test("knownPools() and shortList() stay short", () => {
  assert.equal(knownPools(BOOK), 'the pools are "open", "shut", "theirs"');
  assert.equal(knownPools(createBook(config())), "no pool is configured");
  const many = Array.from({ length: 7 }, (_, index) => `p${index}`);
  assert.equal(shortList(many, "; "), "p0; p1; p2; p3; p4; and 2 more");
});
