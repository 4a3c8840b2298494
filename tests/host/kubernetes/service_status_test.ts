import assert from "node:assert/strict";
import type { StatusWrite, WriteOutcome } from "../../../lib/host/cluster/cluster.ts";
import {
  createServiceStatusWriter,
  readStatusManager,
} from "../../../lib/host/kubernetes/service_status.ts";
import { serviceKey } from "../../../lib/model/facts.ts";
import { objectOr } from "../../../lib/model/json.ts";
import { parseIp } from "../../../lib/net/ip.ts";
import { recordedLog } from "../../support/log.ts";
import {
  type Answer,
  json,
  mockClient,
  service,
  startMockApi,
  status,
} from "../../support/mock_api.ts";

function write(...ips: string[]): StatusWrite {
  return {
    service: {
      key: serviceKey("default", "web"),
      namespace: "default",
      name: "web",
      uid: "uid-web",
      resourceVersion: "7",
    },
    ips: ips.flatMap((ip) => parseIp(ip) ?? []),
    pool: ips.length === 0 ? undefined : "default",
  };
}

/** Writes through a mock; gives the outcomes and what was sent. */
async function writing(
  answer: Answer,
  writes: readonly StatusWrite[],
): Promise<{ outcomes: WriteOutcome[]; requests: string[]; bodies: unknown[]; told: number }> {
  const bodies: unknown[] = [];
  const api = startMockApi(async (url, request) => {
    const text = await request.text();
    if (text !== "") bodies.push(JSON.parse(text));
    return await answer(url, request);
  });
  const stop = new AbortController();
  const log = recordedLog();
  const writer = createServiceStatusWriter(await mockClient(api.url, stop.signal), log);
  const outcomes: WriteOutcome[] = [];
  for (const one of writes) outcomes.push(await writer(one, stop.signal));
  stop.abort();
  await api.close();
  return { outcomes, requests: api.requests, bodies, told: log.lines.length };
}

Deno.test("createServiceStatusWriter() patches the ingress list, bound to the version and uid that were read", async () => {
  const { outcomes, requests, bodies } = await writing(
    (_, { headers }) =>
      headers.get("content-type") === "application/merge-patch+json"
        ? json(service("web", "8"))
        : status(415, "wrong type"),
    [write("10.77.1.220", "2001:db8::1"), write()],
  );
  assert.deepEqual(outcomes[0], { kind: "written", resourceVersion: "8" });
  assert.equal(requests[0], "PATCH /api/v1/namespaces/default/services/web/status");
  const metadata = (pool: string | null) => ({
    uid: "uid-web",
    resourceVersion: "7",
    annotations: {
      "metallb.io/ip-allocated-from-pool": pool,
      "metallb.universe.tf/ip-allocated-from-pool": null,
    },
  });
  const ingress = [{ ip: "10.77.1.220" }, { ip: "2001:db8::1" }];
  assert.deepEqual(bodies, [
    { metadata: metadata("default"), status: { loadBalancer: { ingress } } },
    { metadata: metadata(null), status: { loadBalancer: { ingress: null } } },
  ]);
});

const OUTCOMES: readonly [string, () => Response, WriteOutcome["kind"]][] = [
  ["409", () => status(409, "the object has been modified"), "conflict"],
  [
    "422 for another uid",
    () => status(422, 'Service "web" is invalid: metadata.uid: Invalid value: field is immutable'),
    "gone",
  ],
  ["404", () => status(404, "not found"), "gone"],
  ["403 from an admission rule", () => status(403, "admission webhook denied"), "refused"],
  ["422", () => status(422, "invalid"), "refused"],
  ["500", () => status(500, "etcd"), "failed"],
  ["503", () => status(503, "later", { "retry-after": "3" }), "failed"],
  ["429", () => status(429, "slow", { "retry-after": "99999" }), "failed"],
  ["HTML", () => new Response("<html>"), "failed"],
];

for (const [what, answer, kind] of OUTCOMES) {
  Deno.test(`C7: createServiceStatusWriter() takes ${what} for ${kind} and tries once`, async () => {
    const { outcomes, requests } = await writing(answer, [write("10.0.0.1")]);
    assert.equal(outcomes[0]?.kind, kind);
    assert.equal(requests.length, 1);
    if (what === "503") {
      assert.equal("retryAfterMs" in outcomes[0] && outcomes[0].retryAfterMs, 3_000);
    }
    if (what === "429") {
      assert.equal("retryAfterMs" in outcomes[0] && outcomes[0].retryAfterMs, 60_000);
    }
  });
}

/** An API server whose role has `update` but not `patch`, as in MetalLB's manifests. */
function updateOnly(present: unknown): Answer {
  return (_, { method }) =>
    method === "PATCH"
      ? status(403, 'User "x" cannot patch resource "services/status" in API group ""')
      : method === "GET"
      ? json(present)
      : json(service("web", "9"));
}

Deno.test("createServiceStatusWriter() updates where patching is forbidden, and loses no other field", async () => {
  const plain = service("web", "7");
  const older = { mine: "kept", "metallb.universe.tf/ip-allocated-from-pool": "old" };
  const present = {
    ...plain,
    metadata: { ...objectOr(plain.metadata), annotations: older },
    status: { conditions: [{ type: "Foreign" }], loadBalancer: { ingress: [{ ip: "10.0.0.9" }] } },
  };
  const { outcomes, requests, bodies, told } = await writing(
    updateOnly(present),
    [write("10.0.0.1"), write()],
  );
  assert.deepEqual(outcomes, [
    { kind: "written", resourceVersion: "9" },
    { kind: "written", resourceVersion: "9" },
  ]);
  assert.deepEqual(requests.map((request) => request.split(" ")[0]), [
    "PATCH",
    "GET",
    "PUT",
    "GET",
    "PUT",
  ]);
  assert.deepEqual(bodies[1], {
    ...present,
    metadata: {
      ...present.metadata,
      annotations: { mine: "kept", "metallb.io/ip-allocated-from-pool": "default" },
    },
    status: { conditions: [{ type: "Foreign" }], loadBalancer: { ingress: [{ ip: "10.0.0.1" }] } },
  });
  assert.deepEqual(bodies[2], {
    ...present,
    metadata: { ...present.metadata, annotations: { mine: "kept" } },
    status: { conditions: [{ type: "Foreign" }], loadBalancer: {} },
  });
  assert.equal(told, 1);
});

Deno.test("createServiceStatusWriter() updates only the very object that was planned for", async () => {
  const newer = await writing(updateOnly(service("web", "8")), [write("10.0.0.1")]);
  assert.deepEqual(newer.outcomes, [{ kind: "conflict" }]);
  const other = await writing(updateOnly(service("web", "7", "uid-2")), [write("10.0.0.1")]);
  assert.deepEqual(other.outcomes, [{ kind: "gone" }]);
  for (const { requests } of [newer, other]) {
    assert.ok(requests.every((line) => !line.includes("PUT")));
  }
});

Deno.test("createServiceStatusWriter() is refused where neither verb is allowed", async () => {
  const { outcomes } = await writing(
    (_, { method }) =>
      method === "GET" ? json(service("web", "7")) : status(403, "cannot patch resource"),
    [write("10.0.0.1")],
  );
  assert.equal(outcomes[0]?.kind, "refused");
});

Deno.test("createServiceStatusWriter() sends nothing without its permit, between reading and updating neither", async () => {
  const over = { mayBegin: () => false, withinMs: 1_000 };
  const none = await writing(() => json(service("web", "9")), [{
    ...write("10.0.0.1"),
    permit: over,
  }]);
  assert.deepEqual([none.outcomes, none.requests], [[{ kind: "not-leader" }], []]);

  let leading = true;
  const paused = await writing((_, { method }) => {
    if (method === "PATCH") return status(403, "cannot patch resource");
    leading = false;
    return json(service("web", "7"));
  }, [{ ...write("10.0.0.1"), permit: { mayBegin: () => leading, withinMs: 1_000 } }]);
  assert.deepEqual(paused.outcomes, [{ kind: "not-leader" }]);
  assert.ok(paused.requests.every((line) => !line.includes("PUT")), paused.requests.join());
});

Deno.test("readStatusManager() names who else wrote the status last, by what managers of fields tell", async () => {
  const entry = (manager: string, time: string, fields: object) => ({
    manager,
    time: `2026-01-01T00:00:${time}Z`,
    fieldsV1: fields,
  });
  const ingress = { "f:status": { "f:loadBalancer": { "f:ingress": {} } } };
  const rows: readonly (readonly [unknown, string | undefined])[] = [
    [[entry("kubectl", "09", { "f:spec": {} }), entry("herald", "02", ingress)], "herald"],
    [[entry("herald", "09", ingress), entry("servicelb", "02", ingress)], "servicelb"],
    [[entry("old", "01", ingress), entry("new", "02", ingress)], "new"],
    [[], undefined],
    [undefined, undefined],
    ["nonsense", undefined],
  ];
  for (const [managedFields, manager] of rows) {
    const api = startMockApi((url) => {
      assert.equal(url.searchParams.get("fieldSelector"), "metadata.name=web");
      return json({ items: [{ metadata: { managedFields } }] });
    });
    const stop = new AbortController();
    const client = await mockClient(api.url, stop.signal);
    assert.equal(await readStatusManager(client, write().service, stop.signal), manager);
    stop.abort();
    await api.close();
  }
});
