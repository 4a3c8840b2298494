import assert from "node:assert/strict";
import { readStatusManagers } from "../../lib/model/status_manager.ts";

const entry = (manager: string, time: string, status: unknown) => ({
  manager,
  time,
  fieldsV1: { "f:status": status },
});

Deno.test("readStatusManagers() gives who wrote addresses, the last one first, and nobody for other parts", () => {
  const written = { "f:loadBalancer": { "f:ingress": {} } };
  const managedFields = [
    entry("herald", "2026-01-01T00:00:02Z", written),
    entry("servicelb", "2026-01-01T00:00:01Z", written),
    entry("kubectl", "2026-01-01T00:00:09Z", { "f:conditions": {} }),
    { manager: "broken" },
    "broken",
  ];
  assert.deepEqual(readStatusManagers({ metadata: { managedFields } }), [
    { name: "herald", time: "2026-01-01T00:00:02Z" },
    { name: "servicelb", time: "2026-01-01T00:00:01Z" },
  ]);
  for (const object of [undefined, {}, { metadata: { managedFields: "x" } }]) {
    assert.deepEqual(readStatusManagers(object), []);
  }
});
