import assert from "node:assert/strict";
import { compareAge } from "../../lib/controller/age.ts";
import { service } from "./fixture.ts";

Deno.test("compareAge() goes by creation, then namespace and name, whatever the UIDs are (fault 22)", () => {
  const all = [
    service("a", { createdMs: 2, uid: "a" }),
    service("d", { createdMs: 1, uid: "b" }),
    service("c", { createdMs: 1, uid: "c" }),
    service("a", { createdMs: 1, uid: "d", namespace: "shop" }),
  ];
  const order = all.sort(compareAge).map(({ name, namespace }) => `${namespace}/${name}`);
  assert.deepEqual(order, ["default/c", "default/d", "shop/a", "default/a"]);
});
