import assert from "node:assert/strict";
import { collectionPath, objectPath } from "../../../lib/host/kubernetes/paths.ts";

Deno.test("collectionPath() names every kind's resource, cluster-wide or in a namespace", () => {
  const kinds = ["Service", "EndpointSlice", "Node", "ConfigMap", "Pod"] as const;
  assert.deepEqual(kinds.map((kind) => collectionPath({ kind }, { limit: "5" })), [
    "/api/v1/services?limit=5",
    "/apis/discovery.k8s.io/v1/endpointslices?limit=5",
    "/api/v1/nodes?limit=5",
    "/api/v1/configmaps?limit=5",
    "/api/v1/pods?limit=5",
  ]);
  assert.equal(
    collectionPath({ kind: "Pod", namespace: "a", name: "b", labelSelector: "c=d,e" }, {}),
    "/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Db&labelSelector=c%3Dd%2Ce",
  );
});

Deno.test("paths escape what would change them", () => {
  assert.equal(objectPath("Service", "a/b", "c?d"), "/api/v1/namespaces/a%2Fb/services/c%3Fd");
  assert.equal(
    objectPath("Lease", "a/b", "c"),
    "/apis/coordination.k8s.io/v1/namespaces/a%2Fb/leases/c",
  );
  assert.equal(objectPath("Event", "default"), "/api/v1/namespaces/default/events");
});
