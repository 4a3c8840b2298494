import assert from "node:assert/strict";
import { notReadyOf } from "../../../lib/host/process/role.ts";

Deno.test("what both roles of a process wait for is told once, in the order of the roles", () => {
  const role = (...reasons: string[]) => ({ notReady: () => reasons });
  const none = "no configuration in force";
  assert.deepEqual(notReadyOf([role("objects", none), role(none, "gossip")]), [
    "objects",
    none,
    "gossip",
  ]);
  assert.deepEqual(notReadyOf([role(), role()]), []);
});
