import assert from "node:assert/strict";
import { isOfGroup, isStoredKind } from "../../../lib/host/cluster/kinds.ts";

Deno.test("isStoredKind() knows what a folder holds, and no name of an object's own", () => {
  assert.deepEqual(["Service", "Secret", "Namespace"].map(isStoredKind), [true, true, true]);
  assert.deepEqual(["Pod", "Lease", "Deployment", "toString"].map(isStoredKind), [
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("isOfGroup() takes each version of a group, and of the core group v1", () => {
  assert.ok(isOfGroup("Service", "v1"));
  assert.ok(isOfGroup("EndpointSlice", "discovery.k8s.io/v1beta1"));
  assert.ok(!isOfGroup("Service", "serving.knative.dev/v1"));
  assert.ok(!isOfGroup("EndpointSlice", "discovery.k8s.io.example/v1"));
});
