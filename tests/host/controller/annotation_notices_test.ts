import assert from "node:assert/strict";
import { createAnnotationNotices } from "../../../lib/host/controller/annotation_notices.ts";
import { EVENT } from "../../../lib/model/names.ts";
import { service } from "../../controller/fixture.ts";

Deno.test("createAnnotationNotices() tells once for each Service, and again for another one of its name", () => {
  const { about, forget } = createAnnotationNotices();
  const old = service("web", { deprecated: ["address-pool"] });
  assert.deepEqual(about(old), [{
    reason: EVENT.deprecatedAnnotation,
    message: "metallb.universe.tf/address-pool is deprecated; write metallb.io/address-pool",
  }]);
  assert.deepEqual(about(old), []);
  assert.deepEqual(about({ ...old, resourceVersion: "2" }), []);
  assert.equal(about({ ...old, uid: "another" }).length, 1);
  forget(old.key);
  assert.equal(about({ ...old, uid: "another" }).length, 1);
  assert.deepEqual(about(service("new")), []);
  assert.match(
    about(service("two", { deprecated: ["address-pool", "allow-shared-ip"] }))[0]?.message ?? "",
    / are deprecated; write metallb\.io\/address-pool, metallb\.io\/allow-shared-ip$/,
  );
});

Deno.test("createAnnotationNotices() tells of what has no effect, and again when that is another", () => {
  const { about } = createAnnotationNotices();
  const told = (...warnings: string[]) =>
    about(service("web", { warnings })).map(({ message, reason }) => `${reason} ${message}`);
  assert.deepEqual(told("a", "b"), ["annotationIgnored a; b"]);
  assert.deepEqual(told("a", "b"), []);
  assert.deepEqual(told("c"), ["annotationIgnored c"]);
});
