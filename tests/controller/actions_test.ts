import assert from "node:assert/strict";
import { after, instant } from "../../lib/base/time.ts";
import {
  failureEvent,
  ipList,
  REPEAT_EVENT_MS,
  statusWrite,
} from "../../lib/controller/actions.ts";
import { createBook } from "../../lib/controller/allocations.ts";
import { config, ips, pool, service } from "./fixture.ts";

const given = ips("10.0.0.1");

for (
  const [what, part, wanted, writes] of [
    ["no address where none shall be", {}, [], false],
    ["a hostname where none shall be", { hasIngress: true }, [], true],
    // As MetalLB before v0.11 leaves it.
    ["the address, without annotation", { assigned: given }, given, true],
    ["the address and the pool", { assigned: given, allocatedFrom: "main" }, given, false],
    ["the address and another pool", { assigned: given, allocatedFrom: "old" }, given, true],
    ["another address", { assigned: ips("10.0.0.2"), allocatedFrom: "main" }, given, true],
  ] as const
) {
  Deno.test(`statusWrite() ${writes ? "writes over" : "leaves"} ${what}`, () => {
    const actions = statusWrite(service("web", part), wanted, wanted.length ? "main" : undefined);
    assert.equal(actions.length, writes ? 1 : 0);
  });
}

Deno.test("failureEvent() tells a failure once in its time, another failure at once", () => {
  const book = createBook(config(pool("main", "10.0.0.1")));
  const tell = (message: string, ms: number) =>
    failureEvent(service("web"), "AllocationFailed", message, book, instant(ms)).length;
  assert.deepEqual([tell("full", 0), tell("full", 1), tell("gone", 2), tell("gone", 3)], [
    1,
    0,
    1,
    0,
  ]);
  assert.equal(tell("gone", after(instant(2), REPEAT_EVENT_MS)), 1);
});

Deno.test("ipList() writes addresses as MetalLB's events do", () => {
  assert.equal(ipList(ips("10.0.0.1", "fd00::1")), '["10.0.0.1" "fd00::1"]');
});
