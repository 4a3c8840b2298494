import assert from "node:assert/strict";
import { createDeprecations } from "../../../lib/host/controller/deprecations.ts";
import { service } from "../../controller/fixture.ts";

Deno.test("createDeprecations() tells once for each Service, and again for another one of its name", () => {
  const { forget, messageFor } = createDeprecations();
  const old = service("web", { deprecated: ["address-pool"] });
  assert.equal(
    messageFor(old),
    "metallb.universe.tf/address-pool is deprecated; write metallb.io/address-pool",
  );
  assert.equal(messageFor(old), undefined);
  assert.equal(messageFor({ ...old, resourceVersion: "2" }), undefined);
  assert.ok(messageFor({ ...old, uid: "another" }));
  forget(old.key);
  assert.ok(messageFor({ ...old, uid: "another" }));
  assert.equal(messageFor(service("new")), undefined);
  assert.match(
    messageFor(service("two", { deprecated: ["address-pool", "allow-shared-ip"] })) ?? "",
    / are deprecated; write metallb\.io\/address-pool, metallb\.io\/allow-shared-ip$/,
  );
});
