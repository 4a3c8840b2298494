import assert from "node:assert/strict";
import { identityOf, keyOf } from "../../../lib/host/cluster/identity.ts";

Deno.test("identityOf() refuses what is no object that could be kept", () => {
  const metadata = { name: "a" };
  for (
    const value of [
      null,
      [],
      "a",
      {},
      { metadata: {} },
      { metadata: { name: 5 } },
      { metadata: { name: "" } },
      { metadata: { ...metadata, annotations: { port: 5 } } },
      { metadata: { ...metadata, labels: { on: true } } },
      { metadata: { ...metadata, labels: [] } },
    ]
  ) assert.equal(identityOf(value), undefined, JSON.stringify(value));
  assert.equal(identityOf({ metadata })?.name, "a");
});

Deno.test("identityOf() keeps versions byte for byte", () => {
  const resourceVersion = "9007199254740993007";
  assert.equal(
    identityOf({ metadata: { name: "a", resourceVersion } })?.resourceVersion,
    resourceVersion,
  );
});

Deno.test("keyOf() serves objects with and without a namespace", () => {
  assert.equal(keyOf({ namespace: "ns", name: "a" }), "ns/a");
  assert.equal(keyOf({ namespace: undefined, name: "a" }), "a");
  assert.equal(identityOf({ metadata: { name: "a", namespace: "" } })?.namespace, undefined);
});
