import assert from "node:assert/strict";
import fc from "fast-check";
import type { ServiceFacts } from "../../lib/model/facts.ts";
import { readService } from "../../lib/model/service.ts";
import { parseIp } from "../../lib/net/ip.ts";

const NEWER = "metallb.io/";
const OLDER = "metallb.universe.tf/";

function read(part: {
  readonly metadata?: Record<string, unknown>;
  readonly annotations?: Record<string, unknown>;
  readonly spec?: Record<string, unknown>;
  readonly status?: unknown;
}): ServiceFacts {
  const facts = readService({
    metadata: { name: "web", namespace: "shop", annotations: part.annotations, ...part.metadata },
    spec: { type: "LoadBalancer", clusterIPs: ["10.96.0.7"], ports: [{ port: 80 }], ...part.spec },
    status: part.status,
  });
  assert.ok(facts);
  return facts;
}

Deno.test("readService() takes all that Herald reads from a complete object", () => {
  const facts = read({
    metadata: {
      uid: "u1",
      resourceVersion: "90071992547409931",
      creationTimestamp: "2024-02-29T12:30:05Z",
      deletionTimestamp: "2024-03-01T00:00:00Z",
      labels: { team: "a", odd: 7 },
    },
    annotations: {
      [`${OLDER}allow-shared-ip`]: "k",
      [`${NEWER}address-pool`]: "p",
      [`${OLDER}ip-allocated-from-pool`]: "q",
    },
    spec: {
      ipFamilyPolicy: "PreferDualStack",
      clusterIPs: ["fd00::7", "10.96.0.7"],
      loadBalancerClass: "example.org/lb",
      loadBalancerIP: "10.77.1.220",
      externalTrafficPolicy: "Local",
      selector: { tier: "front", app: "web" },
      ports: [{ port: 80 }, { port: 53, protocol: "UDP" }],
    },
    status: { loadBalancer: { ingress: [{ ip: "10.77.1.220" }, { hostname: "h" }, { ip: "x" }] } },
  });
  assert.deepEqual(facts, {
    key: "shop/web",
    namespace: "shop",
    name: "web",
    uid: "u1",
    resourceVersion: "90071992547409931",
    createdMs: 1_709_209_805_000,
    deleting: true,
    isLoadBalancer: true,
    loadBalancerClass: "example.org/lb",
    families: [6, 4],
    isHeadless: false,
    prefersDualStack: true,
    ports: [{ protocol: "TCP", port: 80 }, { protocol: "UDP", port: 53 }],
    externalTrafficPolicy: "Local",
    selector: '[["app","web"],["tier","front"]]',
    labels: new Map([["team", "a"]]),
    sharingKey: "k",
    poolRequest: "p",
    addressRequest: { kind: "addresses", ips: [parseIp("10.77.1.220")] },
    assigned: [parseIp("10.77.1.220")],
    allocatedFrom: "q",
    hasIngress: true,
    warnings: [],
    deprecated: ["allow-shared-ip"],
  });
});

const NO_SERVICE: readonly { readonly name: string; readonly object: unknown }[] = [
  { name: "null", object: null },
  { name: "a list", object: [] },
  { name: "no metadata", object: { spec: {} } },
  { name: "no name", object: { metadata: { namespace: "shop" } } },
  { name: "a numeric name", object: { metadata: { name: 7 } } },
  { name: "a name that climbs out of a folder", object: { metadata: { name: "../etc" } } },
  { name: "a null namespace", object: { metadata: { name: "web", namespace: null } } },
  {
    name: "a numeric annotation value",
    object: { metadata: { name: "web", annotations: { "metallb.io/allow-shared-ip": 7 } } },
  },
];
for (const { name, object } of NO_SERVICE) {
  Deno.test(`readService() leaves out ${name}`, () => {
    assert.equal(readService(object), undefined);
  });
}

Deno.test("readService() never throws, and gives facts whenever the name is usable", () => {
  const odd = fc.oneof(fc.anything(), fc.constant("LoadBalancer"), fc.constant([{ ip: 7 }]));
  const object = fc.record({
    metadata: fc.record({
      name: fc.constant("web"),
      uid: odd,
      resourceVersion: odd,
      creationTimestamp: odd,
      deletionTimestamp: odd,
    }),
    spec: fc.oneof(
      odd,
      fc.record({
        type: odd,
        clusterIPs: odd,
        clusterIP: odd,
        ipFamilies: odd,
        ports: fc.oneof(odd, fc.array(odd)),
        selector: odd,
        loadBalancerIP: odd,
        loadBalancerClass: odd,
      }),
    ),
    status: fc.oneof(
      odd,
      fc.record({ loadBalancer: fc.oneof(odd, fc.record({ ingress: fc.array(odd) })) }),
    ),
  });
  fc.assert(fc.property(fc.anything(), (value) => void readService(value)), { seed: 41 });
  fc.assert(
    fc.property(object, (value) => {
      assert.equal(readService(value)?.key, "default/web");
    }),
    { seed: 42, numRuns: 500 },
  );
});

const FAMILIES: readonly {
  readonly name: string;
  readonly spec: Record<string, unknown>;
  readonly families: readonly number[];
}[] = [
  { name: "an IPv4 cluster IP", spec: { clusterIPs: ["10.96.0.1"] }, families: [4] },
  {
    name: "both, the first one first",
    spec: { clusterIPs: ["fd00::1", "10.0.0.1"] },
    families: [6, 4],
  },
  {
    name: "clusterIPs before ipFamilies",
    spec: { clusterIPs: ["fd00::1"], ipFamilies: ["IPv4"] },
    families: [6],
  },
  {
    name: "the old clusterIP",
    spec: { clusterIPs: undefined, clusterIP: "10.0.0.1" },
    families: [4],
  },
  {
    name: "ipFamilies without cluster IPs",
    spec: { clusterIPs: [], ipFamilies: ["IPv6", "IPv4", "IPv6", "IPX"] },
    families: [6, 4],
  },
  { name: "none yet", spec: { clusterIPs: [""] }, families: [] },
  { name: "headless", spec: { clusterIPs: ["None"], ipFamilies: ["IPv4"] }, families: [] },
  { name: "headless, old field", spec: { clusterIPs: undefined, clusterIP: "None" }, families: [] },
  { name: "unreadable", spec: { clusterIPs: ["010.0.0.1", 7] }, families: [] },
];
for (const { name, spec, families } of FAMILIES) {
  Deno.test(`readService() reads families: ${name}`, () => {
    assert.deepEqual(read({ spec }).families, families);
  });
}

Deno.test("readService() tells equal selectors by equal texts, and others by others", () => {
  const selector = (value: unknown) => read({ spec: { selector: value } }).selector;
  assert.equal(selector({ a: "1", b: "2" }), selector({ b: "2", a: "1" }));
  assert.notEqual(selector({ a: "1", b: "2" }), selector({ a: '1","b":"2' }));
  assert.notEqual(selector({ a: "1" }), selector({}));
  assert.equal(selector({}), selector(undefined));
});

Deno.test("readService() drops ports that no packet can carry", () => {
  const ports = [{ port: 0 }, { port: 65536 }, { port: "80" }, { port: 1.5 }, null, {
    port: 443,
    protocol: "ICMP",
  }];
  assert.deepEqual(read({ spec: { ports } }).ports, []);
  assert.deepEqual(read({ spec: { ports: "80" } }).ports, []);
});

Deno.test("readService() counts one address once and knows other ingress entries", () => {
  const ingress = [{ ip: "10.0.0.1" }, { ip: "10.0.0.1" }];
  assert.equal(read({ status: { loadBalancer: { ingress } } }).assigned.length, 1);
  const named = read({ status: { loadBalancer: { ingress: [{ hostname: "h" }] } } });
  assert.deepEqual([named.assigned, named.hasIngress], [[], true]);
  assert.equal(read({}).hasIngress, false);
});
