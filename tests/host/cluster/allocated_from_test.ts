import assert from "node:assert/strict";
import { allocatedFrom, withAllocatedFrom } from "../../../lib/host/cluster/allocated_from.ts";

Deno.test("allocatedFrom() sets the newer spelling and takes the older one away", () => {
  assert.deepEqual(allocatedFrom("a"), {
    "metallb.io/ip-allocated-from-pool": "a",
    "metallb.universe.tf/ip-allocated-from-pool": null,
  });
  assert.deepEqual(new Set(Object.values(allocatedFrom(undefined))), new Set([null]));
});

Deno.test("withAllocatedFrom() leaves every other annotation and field alone", () => {
  const annotations = { mine: "x", "metallb.universe.tf/ip-allocated-from-pool": "old" };
  const metadata = { name: "web", annotations };
  assert.deepEqual(withAllocatedFrom(metadata, "new"), {
    name: "web",
    annotations: { mine: "x", "metallb.io/ip-allocated-from-pool": "new" },
  });
  assert.deepEqual(withAllocatedFrom(metadata, undefined), {
    name: "web",
    annotations: { mine: "x" },
  });
});
