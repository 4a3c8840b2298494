import assert from "node:assert/strict";
import {
  decodeLease,
  encodeLease,
  encodeNewLease,
  type LeaseRecord,
  sameRecord,
} from "../../lib/lease/record.ts";

/** As kubectl shows the lease of a running kube-scheduler. */
const OBJECT = {
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: {
    name: "herald-controller",
    namespace: "metallb-system",
    resourceVersion: "812",
    uid: "5c6d",
    labels: { team: "net" },
  },
  spec: {
    holderIdentity: "master_3f0c",
    leaseDurationSeconds: 15,
    acquireTime: "2026-01-02T03:04:05.678901Z",
    renewTime: "2026-01-02T03:14:05.000000Z",
    leaseTransitions: 4,
    preferredHolder: "other",
  },
};

const RECORD: LeaseRecord = {
  holder: "master_3f0c",
  durationMs: 15_000,
  acquireTime: "2026-01-02T03:04:05.678901Z",
  renewTime: "2026-01-02T03:14:05.000000Z",
  transitions: 4,
};

Deno.test("decodeLease() reads a lease and keeps its object", () => {
  const lease = decodeLease(OBJECT);
  assert.deepEqual(lease, { resourceVersion: "812", record: RECORD, object: OBJECT });
});

const PARTIAL: readonly [string, unknown, Partial<LeaseRecord>][] = [
  ["no spec", undefined, { holder: "", durationMs: undefined, transitions: 0 }],
  ["a released one", { holderIdentity: "", leaseDurationSeconds: 1 }, {
    holder: "",
    durationMs: 1000,
  }],
  ["a duration of zero", { leaseDurationSeconds: 0 }, { durationMs: undefined }],
  ["a negative duration", { leaseDurationSeconds: -3 }, { durationMs: undefined }],
  ["a duration that is text", { leaseDurationSeconds: "15" }, { durationMs: undefined }],
  ["a broken count", { leaseTransitions: 1.5 }, { transitions: 0 }],
  ["a holder that is no text", { holderIdentity: 7 }, { holder: "" }],
];

for (const [what, spec, expected] of PARTIAL) {
  Deno.test(`decodeLease() takes ${what} as it is meant`, () => {
    const record = decodeLease({ ...OBJECT, spec })?.record;
    assert.deepEqual({ ...record, ...expected }, record);
  });
}

Deno.test("decodeLease() refuses what is no lease, or has no version to write against", () => {
  for (
    const object of [
      undefined,
      null,
      [],
      "Lease",
      {},
      { ...OBJECT, kind: "Status" },
      { ...OBJECT, metadata: { name: "x" } },
      { ...OBJECT, metadata: 5 },
    ]
  ) assert.equal(decodeLease(object), undefined);
});

Deno.test("encodeLease() changes its own fields and leaves the rest of the object alone", () => {
  const base = decodeLease(OBJECT);
  assert.ok(base);
  const next: LeaseRecord = { ...RECORD, holder: "other_1", transitions: 5 };
  assert.deepEqual(encodeLease(next, base), {
    ...OBJECT,
    spec: { ...OBJECT.spec, holderIdentity: "other_1", leaseTransitions: 5 },
  });
  const again = decodeLease(encodeLease(next, base));
  assert.deepEqual(again?.record, next);
});

Deno.test("encodeNewLease() is a lease without a version", () => {
  const object = encodeNewLease(RECORD, "metallb-system", "herald-controller");
  assert.equal(object.apiVersion, "coordination.k8s.io/v1");
  assert.deepEqual(object.metadata, { name: "herald-controller", namespace: "metallb-system" });
  const withVersion = { ...object, metadata: { resourceVersion: "1" } };
  assert.deepEqual(decodeLease(withVersion)?.record, RECORD);
});

Deno.test("sameRecord() sees each field", () => {
  assert.ok(sameRecord(RECORD, { ...RECORD }));
  const others: Partial<LeaseRecord>[] = [
    { holder: "x" },
    { durationMs: 1000 },
    { renewTime: "later" },
    { acquireTime: "later" },
    { transitions: 5 },
  ];
  for (const other of others) assert.ok(!sameRecord(RECORD, { ...RECORD, ...other }));
});
