import assert from "node:assert/strict";
import { isOverwritten, readStatusManagers, statusSince } from "../../lib/model/status_manager.ts";

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
    assert.equal(statusSince(object), undefined);
  }
  assert.equal(statusSince({ metadata: { managedFields } }), Date.UTC(2026, 0, 1, 0, 0, 2));
});

const POOL = { "f:annotations": { "f:metallb.io/ip-allocated-from-pool": {} } };
const OLDER_POOL = { "f:annotations": { "f:metallb.universe.tf/ip-allocated-from-pool": {} } };
const ADDRESSES = { "f:loadBalancer": { "f:ingress": {} } };

for (
  const [what, giver, giverAt, writer, writerAt, expected] of [
    ["nobody but Herald wrote", "herald", 1, "herald", 1, false],
    ["another wrote after Herald", "herald", 1, "k3s", 2, true],
    ["another wrote within the second", "herald", 1, "k3s", 1, true],
    ["another Herald wrote", "herald", 1, "herald-alone-a", 2, false],
    ["MetalLB wrote both", "controller", 1, "controller", 1, false],
    ["Herald took over what MetalLB gave", "herald", 2, "controller", 1, false],
    ["another wrote over what MetalLB gave", "controller", 1, "k3s", 2, true],
  ] as const
) {
  for (const pool of [POOL, OLDER_POOL]) {
    Deno.test(`isOverwritten() where ${what}: ${expected} (${Object.keys(pool["f:annotations"])})`, () => {
      const at = (second: number) => `2026-01-01T00:00:0${second}Z`;
      const managedFields = giver === writer && giverAt === writerAt
        ? [{
          manager: giver,
          time: at(giverAt),
          fieldsV1: { "f:metadata": pool, "f:status": ADDRESSES },
        }]
        : [
          { manager: giver, time: at(giverAt), fieldsV1: { "f:metadata": pool } },
          entry(writer, at(writerAt), ADDRESSES),
        ];
      assert.equal(isOverwritten({ metadata: { managedFields } }), expected);
    });
  }
}

Deno.test("isOverwritten() is so where nobody has written the status, for somebody cleared it", () => {
  const metadata = { managedFields: [{ manager: "herald", fieldsV1: { "f:metadata": POOL } }] };
  const shown = { loadBalancer: { ingress: [{ ip: "10.77.1.10" }] } };
  for (const status of [undefined, {}, { loadBalancer: {} }, { loadBalancer: { ingress: [] } }]) {
    assert.equal(isOverwritten({ metadata, status }), true);
  }
  assert.equal(isOverwritten({ metadata, status: shown }), false, "nobody is noted");
});

Deno.test("isOverwritten() is not so where nobody is noted", () => {
  for (const object of [undefined, {}, { metadata: { managedFields: [] } }]) {
    assert.equal(isOverwritten(object), false);
  }
});
