import assert from "node:assert/strict";
import { isNamespaceName, isObjectName } from "../../lib/model/names.ts";

const LONG = "a".repeat(253);

for (const name of ["a", "0", "node-1.example.com", LONG]) {
  Deno.test(`isObjectName() allows "${name.slice(0, 40)}"`, () => assert.ok(isObjectName(name)));
}

for (const name of ["", "A", "-a", "a-", ".a", "a/b", "a_b", "../a", "a\n", `${LONG}a`]) {
  Deno.test(`isObjectName() refuses ${JSON.stringify(name.slice(0, 40))}`, () => {
    assert.ok(!isObjectName(name));
  });
}

Deno.test("isNamespaceName() allows no dot and at most 63 characters", () => {
  for (const name of ["default", "a", "kube-system", "a".repeat(63)]) {
    assert.ok(isNamespaceName(name), name);
  }
  for (const name of ["", "a.b", "A", "-a", "a-", "a".repeat(64)]) {
    assert.ok(!isNamespaceName(name), name);
  }
});
