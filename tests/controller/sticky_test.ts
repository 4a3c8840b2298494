import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { createBook } from "../../lib/controller/allocations.ts";
import { reconfigure } from "../../lib/controller/reconfigure.ts";
import { MAX_REMEMBERED, nextExpiry, remember } from "../../lib/controller/sticky.ts";
import { serviceKey } from "../../lib/model/facts.ts";
import {
  config,
  context,
  ips,
  pool,
  put,
  putAll,
  remove,
  requests,
  settleAll,
  statusOf,
  world,
} from "./fixture.ts";
import { ip4 } from "../support/addresses.ts";

const STICKY = config(
  pool("first", "10.0.1.1-10.0.1.9", { autoAssign: false }),
  pool("main", "10.0.0.1-10.0.0.3", { stickyMs: 60_000 }),
);

Deno.test("releaseDeleted() keeps the address for one of the same name, and for no other", () => {
  const at = world(STICKY);
  put(at, "web");
  remove(at, "web");
  assert.equal(nextExpiry(at.book), 60_000);
  put(at, "other");
  assert.equal(statusOf(at, "other"), "10.0.0.2");
  put(at, "asks", requests("10.0.0.1"));
  assert.equal(statusOf(at, "asks"), "");
  assert.match(at.book.reported.get(serviceKey("default", "asks"))?.message ?? "", /kept for that/);
  put(at, "web", { uid: "another" });
  assert.equal(statusOf(at, "web"), "10.0.0.1");
  assert.deepEqual([at.book.remembered.size, at.book.keptFor.size], [0, 0]);
});

Deno.test("expireRemembered() gives the address to who waits once the time is over", () => {
  const at = world(STICKY);
  for (const name of ["a", "b", "c"]) put(at, name);
  remove(at, "a");
  put(at, "late");
  assert.equal(statusOf(at, "late"), "");
  const told = at.book.reported.get(serviceKey("default", "late"))?.message ?? "";
  assert.match(
    told,
    /no IPv4 address of 3 is free: 1 is kept for a deleted Service \(sticky-time\)/,
  );
  at.context = context({ nowMs: 59_999 });
  settleAll(at);
  assert.equal(statusOf(at, "late"), "");
  at.context = context({ nowMs: 60_000 });
  settleAll(at);
  assert.equal(statusOf(at, "late"), "10.0.0.1");
  assert.equal(nextExpiry(at.book), undefined);
});

Deno.test("allocate() gives a returning Service its pool though another pool comes first", () => {
  const at = world(STICKY);
  put(at, "web");
  remove(at, "web");
  const [first, main] = STICKY.pools;
  assert.ok(first && main);
  at.config = config({ ...first, autoAssign: true }, main);
  reconfigure(at.book, at.config);
  put(at, "web");
  assert.equal(statusOf(at, "web"), "10.0.0.1");
  put(at, "next");
  assert.equal(statusOf(at, "next"), "10.0.1.1");
});

Deno.test("recheckRemembered() forgets what the new pools do not give or do not keep", () => {
  for (
    const next of [config(pool("main", "10.0.0.1-10.0.0.3")), config(pool("x", "10.9.0.0/24"))]
  ) {
    const at = world(STICKY);
    put(at, "web");
    remove(at, "web");
    reconfigure(at.book, next);
    assert.equal(at.book.remembered.size, 0);
    assert.equal(at.book.keptFor.size, 0);
  }
});

Deno.test("an address that others still share is not kept", () => {
  const at = world(STICKY);
  put(at, "a", { sharingKey: "k" });
  put(at, "b", { sharingKey: "k", ports: [{ protocol: "UDP", port: 53 }] });
  remove(at, "a");
  assert.equal(at.book.remembered.size, 0);
  assert.equal(statusOf(at, "b"), "10.0.0.1");
});

Deno.test("remember() is bounded: what ends first makes room", () => {
  const book = createBook(config(pool("main", "10.0.0.0/8", { stickyMs: 1 })));
  for (let index = 0; index <= MAX_REMEMBERED; index++) {
    const ip = ip4(0x0a000000 + index);
    const service = serviceKey("default", `s${index}`);
    remember(book, { service, pool: "main", ips: [ip], until: instant(index) });
  }
  assert.equal(book.remembered.size, MAX_REMEMBERED);
  assert.equal(book.keptFor.size, MAX_REMEMBERED);
  assert.ok(!book.keptFor.has(ips("10.0.0.0")[0] ?? assert.fail()));
});

Deno.test("A11 releaseDeleted() tells those that wait when not all of it is kept", () => {
  const at = world(STICKY);
  const udp = { ports: [{ protocol: "UDP", port: 53 }] } as const;
  for (const name of ["a", "b", "c"]) put(at, name, { sharingKey: name });
  put(at, "beside", { sharingKey: "a", ...udp });
  put(at, "late", { sharingKey: "a" });
  assert.equal(statusOf(at, "late"), "");
  // The address is not kept, for another uses it; its port 80/TCP is free.
  remove(at, "a");
  assert.equal(statusOf(at, "late"), "10.0.0.1");
});

Deno.test("A11 planBatch() gives on what was kept for a Service that comes back to another address", () => {
  const at = world(STICKY);
  for (const name of ["a", "b", "c"]) put(at, name);
  remove(at, "a");
  put(at, "late");
  assert.equal(statusOf(at, "late"), "");
  put(at, "a", { poolRequest: "first" });
  assert.equal(statusOf(at, "a"), "10.0.1.1");
  assert.equal(statusOf(at, "late"), "10.0.0.1");
});

Deno.test("planBatch() plans each Service a few times at most when many come back to what was kept (fault 17)", () => {
  for (const count of [50, 200]) {
    const last = `10.0.${count >> 8}.${(count - 1) & 255}`;
    const at = world(config(pool("main", `10.0.0.0-${last}`, { stickyMs: 60_000 })));
    const named = (what: string) => Array.from({ length: count }, (_, n) => `${what}${n}`);
    putAll(at, named("kept").map((name) => ({ name, part: {} })));
    for (const name of named("kept")) remove(at, name);
    putAll(at, named("waiting").map((name) => ({ name, part: {} })));
    assert.equal(at.book.waiting.size, count);
    assert.equal(at.book.pools[0]?.kept[4], count);
    const parts = named("kept").map((name) => ({ name, part: { uid: `new-${name}` } }));
    const plans = putAll(at, parts);
    assert.ok(plans.length <= 4 * count, `${plans.length} plans of ${count} Services`);
    assert.deepEqual([at.book.remembered.size, at.book.holdings.size], [0, count]);
    assert.equal(at.book.pools[0]?.kept[4], 0);
  }
});
