import assert from "node:assert/strict";
import { planBatch } from "../../lib/controller/batch.ts";
import { formatIp } from "../../lib/net/ip.ts";
import {
  brief,
  config,
  context,
  eventReasons,
  ips,
  ONE,
  pool,
  put,
  putAll,
  remove,
  service,
  settleAll,
  statusOf,
  TINY,
  world,
} from "./fixture.ts";

Deno.test("the same requests get the same addresses on every cluster, whatever UIDs it makes (fault 22)", () => {
  const given = Array.from({ length: 5 }, (_, cluster) => {
    const at = world(ONE);
    const uid = (name: number) => `${(name * 7 + cluster * 5) % 11}`;
    const parts = [0, 1, 2].map((name) => ({ name: `${name}`, part: { uid: uid(name) } }));
    putAll(at, cluster % 2 === 0 ? parts : parts.toReversed());
    return [0, 1, 2].map((name) => statusOf(at, `${name}`)).join(" ");
  });
  assert.deepEqual(new Set(given), new Set(["10.0.0.1 10.0.0.2 10.0.0.3"]));
});

Deno.test("C12 planBatch() gives a freed address to the oldest of 50 that wait, and tells no one else", () => {
  const at = world(TINY);
  put(at, "holder");
  for (let name = 0; name < 50; name++) {
    const part = { createdMs: name === 17 || name === 33 ? 5 : 10 + name, uid: `uid-${name}` };
    assert.deepEqual(eventReasons(put(at, `${name}`, part)), ["AllocationFailed"]);
  }
  assert.equal(at.book.waiting.size, 50);
  // Created together with 33, 17 comes first by its name.
  assert.deepEqual(brief(remove(at, "holder")), [
    "write 17 10.0.0.1",
    'event 17 IPAllocated: Assigned IP ["10.0.0.1"]',
  ]);
  assert.equal(at.book.waiting.size, 49);
});

Deno.test("A11 planBatch() serves the waiting before a new Service of the same batch", () => {
  const at = world(TINY);
  put(at, "holder");
  put(at, "waiting", { createdMs: 1 });
  const fresh = service("fresh", { createdMs: 2 });
  at.services.delete(service("holder").key);
  at.services.set(fresh.key, fresh);
  const keys = [fresh.key, service("holder").key];
  const plans = planBatch(keys, at.services, at.book, context());
  assert.equal(brief(plans)[0], "write waiting 10.0.0.1");
  assert.deepEqual(eventReasons(plans), ["IPAllocated", "AllocationFailed"]);
});

Deno.test("A11 planBatch() tries the waiting again when an edit frees an address or allows sharing", () => {
  const at = world(TINY);
  put(at, "holder", { createdMs: 1 });
  put(at, "waiting", { createdMs: 2, sharingKey: "k", ports: [{ protocol: "UDP", port: 53 }] });
  put(at, "holder", { sharingKey: "k" });
  assert.equal(statusOf(at, "waiting"), "10.0.0.1");
  put(at, "third", { createdMs: 3 });
  put(at, "waiting", { families: [] });
  put(at, "holder", { isLoadBalancer: false });
  assert.equal(statusOf(at, "third"), "10.0.0.1");
});

Deno.test("A11 planBatch() forgets those that waited and are gone when it tries the waiting again", () => {
  const at = world(TINY, service("a", { assigned: ips("10.0.0.1") }));
  put(at, "b");
  put(at, "c");
  at.services.delete(service("c").key);
  remove(at, "a");
  assert.equal(statusOf(at, "b"), "10.0.0.1");
  assert.equal(at.book.waiting.size, 0);
});

Deno.test("A11 planBatch() gives one Service what a younger one of the same batch gives up", () => {
  const at = world(config(pool("a", "10.0.0.1"), pool("b", "10.0.1.1")));
  put(at, "old", { createdMs: 1 });
  put(at, "young", { createdMs: 2 });
  putAll(at, [
    { name: "old", part: { poolRequest: "b" } },
    { name: "young", part: { families: [] } },
  ]);
  assert.deepEqual([statusOf(at, "old"), statusOf(at, "young")], ["10.0.1.1", ""]);
});

Deno.test("planBatch() lets a status that came from elsewhere count before new allocations", () => {
  const at = world(config(pool("main", "10.0.0.1-10.0.0.2")));
  const fresh = service("fresh", { createdMs: 1 });
  const moved = service("moved", { createdMs: 2, assigned: ips("10.0.0.1") });
  at.services.set(fresh.key, fresh).set(moved.key, moved);
  settleAll(at);
  assert.deepEqual([statusOf(at, "fresh"), statusOf(at, "moved")], ["10.0.0.2", "10.0.0.1"]);
});

Deno.test("planBatch() forgets a Service that is gone, and takes a key twice for once", () => {
  const at = world(TINY);
  const { key } = service("web");
  put(at, "web");
  at.services.delete(key);
  assert.deepEqual(planBatch([key, key], at.services, at.book, context()), []);
  assert.equal(at.book.users.size, 0);
});

Deno.test("planBatch() gives a burst of Services their addresses by age, whatever the order", () => {
  const at = world(config(pool("main", "10.0.0.1-10.0.0.99")));
  for (const createdMs of [5, 3, 9, 1]) {
    const facts = service(`${createdMs}`, { createdMs });
    at.services.set(facts.key, facts);
  }
  settleAll(at);
  const found = [1, 3, 5, 9].map((name) => statusOf(at, `${name}`));
  assert.deepEqual(found, ips("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4").map(formatIp));
});
