import assert from "node:assert/strict";
import fc from "fast-check";
import {
  readEndpointSlice,
  readGossipKey,
  readNode,
  readPod,
  sharingSliceReader,
} from "../../lib/model/cluster.ts";
import type { EndpointFacts } from "../../lib/model/facts.ts";
import { parseIp } from "../../lib/net/ip.ts";

function slice(part: Record<string, unknown> = {}): unknown {
  return {
    metadata: {
      name: "nginx-x7k2p",
      namespace: "shop",
      labels: { "kubernetes.io/service-name": "nginx" },
    },
    addressType: "IPv4",
    endpoints: [],
    ...part,
  };
}

function endpoint(object: unknown): EndpointFacts {
  const [found] = readEndpointSlice(slice({ endpoints: [object] }))?.endpoints ?? [];
  assert.ok(found);
  return found;
}

Deno.test("sharingSliceReader() reads the same but for addresses, and equal endpoints once", () => {
  const read = sharingSliceReader();
  const states = [{}, { ready: false }, { ready: false, serving: true }, { terminating: true }];
  const endpoints = ["node1", "node2", undefined].flatMap((nodeName) =>
    states.map((conditions) => ({ addresses: ["10.1.0.1"], nodeName, conditions }))
  );
  const whole = readEndpointSlice(slice({ endpoints }));
  const [first, second] = [read(slice({ endpoints })), read(slice({ endpoints }))];
  const without = whole?.endpoints.map((one) => ({ ...one, addresses: [] }));
  assert.deepEqual(first, { ...whole, endpoints: without });
  assert.equal(new Set([...first?.endpoints ?? [], ...second?.endpoints ?? []]).size, 12);
  assert.equal(read({ kind: "EndpointSlice" }), undefined);
});

Deno.test("readEndpointSlice() takes the Service from the label and the endpoints in order", () => {
  const facts = readEndpointSlice(slice({
    endpoints: [
      {
        addresses: ["10.1.0.1", "10.1.0.2"],
        nodeName: "node1",
        conditions: { ready: true, serving: true, terminating: false },
      },
      { addresses: ["10.1.0.3"], nodeName: "node2", conditions: { ready: false } },
    ],
  }));
  assert.deepEqual(facts, {
    key: "shop/nginx-x7k2p",
    service: "shop/nginx",
    family: 4,
    endpoints: [
      {
        addresses: ["10.1.0.1", "10.1.0.2"],
        nodeName: "node1",
        ready: true,
        serving: true,
        terminating: false,
      },
      {
        addresses: ["10.1.0.3"],
        nodeName: "node2",
        ready: false,
        serving: false,
        terminating: false,
      },
    ],
  });
});

Deno.test("readEndpointSlice() takes unset conditions for ready, and serving for what ready is", () => {
  for (
    const [conditions, ready, serving, terminating] of [
      [undefined, true, true, false],
      [null, true, true, false],
      [{}, true, true, false],
      [{ ready: null }, true, true, false],
      [{ ready: false }, false, false, false],
      [{ ready: false, serving: true, terminating: true }, false, true, true],
      [{ ready: true, serving: false }, true, false, false],
      [{ ready: false, serving: null, terminating: null }, false, false, false],
      ["rubbish", true, true, false],
    ] as const
  ) {
    const found = endpoint({ addresses: [], conditions });
    assert.deepEqual(
      [found.ready, found.serving, found.terminating],
      [ready, serving, terminating],
      JSON.stringify(conditions),
    );
  }
});

Deno.test("readEndpointSlice() finds the node of old objects in their topology", () => {
  const topology = { "kubernetes.io/hostname": "node2" };
  assert.equal(endpoint({ topology }).nodeName, "node2");
  assert.equal(endpoint({ topology, nodeName: "node1" }).nodeName, "node1");
  assert.equal(endpoint({}).nodeName, undefined);
});

Deno.test("readEndpointSlice() leaves out what belongs to no Service or names no addresses", () => {
  assert.equal(readEndpointSlice(slice({ metadata: { name: "x" } })), undefined);
  assert.equal(readEndpointSlice(slice({ metadata: { name: "x", labels: {} } })), undefined);
  assert.equal(readEndpointSlice(slice({ addressType: "FQDN" })), undefined);
  assert.equal(readEndpointSlice(slice({ metadata: {} })), undefined);
  assert.equal(readEndpointSlice(slice({ addressType: "IPv6" }))?.family, 6);
  assert.equal(readEndpointSlice(slice({ addressType: undefined }))?.family, undefined);
});

Deno.test("readEndpointSlice() takes a slice without endpoints, which is how Kubernetes has it", () => {
  for (const endpoints of [undefined, null, [], "rubbish", [null, 7, "x"]]) {
    assert.deepEqual(readEndpointSlice(slice({ endpoints }))?.endpoints, []);
  }
});

Deno.test("readEndpointSlice() takes the default namespace where none is written", () => {
  const facts = readEndpointSlice({
    metadata: { name: "web-1", labels: { "kubernetes.io/service-name": "web" } },
  });
  assert.deepEqual([facts?.key, facts?.service], ["default/web-1", "default/web"]);
});

Deno.test("readNode() takes name, labels, conditions and the exclude label whatever its value", () => {
  for (const value of ["", "true", "false"]) {
    const labels = { zone: "a", "node.kubernetes.io/exclude-from-external-load-balancers": value };
    assert.deepEqual(
      readNode({
        metadata: { name: "node1", labels },
        status: {
          addresses: [
            { type: "Hostname", address: "node1" },
            { type: "InternalIP", address: "10.77.0.11" },
            { type: "ExternalIP", address: "2001:db8::11" },
            { type: "ExternalDNS", address: "10.0.0.1" },
            { type: "InternalIP", address: "none" },
            { type: "InternalIP" },
          ],
          conditions: [
            { type: "MemoryPressure", status: "False" },
            { type: "NetworkUnavailable", status: "True" },
            { type: "Ready", status: "True" },
          ],
        },
      }),
      {
        name: "node1",
        labels: new Map(Object.entries(labels)),
        ready: true,
        networkUnavailable: true,
        excluded: true,
        addresses: [parseIp("10.77.0.11"), parseIp("2001:db8::11")],
      },
    );
  }
});

Deno.test("readNode() takes only True for ready, and a Node without that condition", () => {
  for (
    const [conditions, ready] of [
      [[{ type: "Ready", status: "True" }], true],
      [[{ type: "Ready", status: "False" }], false],
      [[{ type: "Ready", status: "Unknown" }], false],
      [[{ type: "Ready", status: true }], false],
      [[], true],
      [undefined, true],
      [[null, "x"], true],
    ] as const
  ) {
    const facts = readNode({ metadata: { name: "n" }, status: { conditions } });
    assert.equal(facts?.ready, ready, JSON.stringify(conditions));
    assert.equal(facts?.networkUnavailable, false);
    assert.equal(facts?.excluded, false);
  }
  assert.equal(readNode({ metadata: { name: "n" } })?.ready, true);
});

Deno.test("readPod() is ready only while it is, and not any more once it is being deleted", () => {
  const pod = (metadata: unknown, conditions: unknown) => ({
    metadata: { name: "speaker-1", namespace: "lb", ...metadata as Record<string, unknown> },
    spec: { nodeName: "node1" },
    status: { podIP: "10.0.0.7", conditions },
  });
  const ready = [{ type: "Initialized", status: "True" }, { type: "Ready", status: "True" }];
  assert.deepEqual(readPod(pod({}, ready)), {
    key: "lb/speaker-1",
    nodeName: "node1",
    ip: "10.0.0.7",
    pagePort: undefined,
    pageTls: false,
    ready: true,
  });
  assert.equal(readPod(pod({ deletionTimestamp: "2026-01-01T00:00:00Z" }, ready))?.ready, false);
  assert.equal(readPod(pod({}, [{ type: "Ready", status: "False" }]))?.ready, false);
  assert.equal(readPod(pod({}, undefined))?.ready, false);
  const pending = readPod({ metadata: { name: "p" } });
  const unknown = { nodeName: undefined, ip: undefined, pagePort: undefined, pageTls: false };
  assert.deepEqual(pending, { key: "default/p", ...unknown, ready: false });
});

Deno.test("readPod() finds the page at the port that the pod names so", () => {
  const pod = (...ports: readonly unknown[]) =>
    readPod({ metadata: { name: "p" }, spec: { containers: [{ name: "beside" }, { ports }] } });
  const gossip = { name: "gossip-tcp", containerPort: 7946 };
  assert.equal(pod(gossip, { name: "monitoring", containerPort: 9120 })?.pagePort, 9120);
  assert.equal(pod(gossip)?.pagePort, undefined);
  assert.equal(pod({ name: "monitoring", containerPort: "9120" })?.pagePort, undefined);
});

Deno.test("readPod() sees by the probes whether the page speaks TLS", () => {
  const ports = [{ name: "monitoring", containerPort: 9120 }];
  const pod = (readinessProbe: unknown) =>
    readPod({ metadata: { name: "p" }, spec: { containers: [{ ports, readinessProbe }] } })
      ?.pageTls;
  assert.equal(pod({ httpGet: { port: "monitoring", scheme: "HTTPS" } }), true);
  assert.equal(pod({ httpGet: { port: 9120, scheme: "HTTPS" } }), true);
  assert.equal(pod({ httpGet: { port: 17472, scheme: "HTTPS" } }), false);
  assert.equal(pod({ httpGet: { port: "monitoring" } }), false);
  assert.equal(pod("HTTPS"), false);
});

Deno.test("the readers are total: no value throws", () => {
  const readers = [readEndpointSlice, readNode, readPod];
  for (const value of [undefined, null, 0, "", [], {}, { metadata: 1 }, { metadata: [] }]) {
    for (const read of readers) assert.equal(read(value), undefined, JSON.stringify(value));
  }
  const field = (value: fc.Arbitrary<unknown>) => fc.option(value, { nil: undefined });
  const object = fc.record({
    metadata: fc.record({
      name: fc.oneof(fc.string(), fc.anything()),
      namespace: field(fc.anything()),
      labels: field(fc.dictionary(fc.string(), fc.anything())),
    }),
    endpoints: field(fc.array(fc.anything())),
    status: field(fc.record({
      conditions: field(fc.array(fc.anything())),
      addresses: field(fc.array(fc.anything())),
    })),
    spec: field(fc.anything()),
  });
  fc.assert(
    fc.property(fc.oneof(fc.anything(), object), (value) => {
      for (const read of readers) read(value);
    }),
    { seed: 70, numRuns: 2_000 },
  );
});

Deno.test("the readers take __proto__ and constructor for names like others", () => {
  const labels = JSON.parse('{"__proto__": {"x": 1}, "constructor": "c"}');
  const facts = readNode({ metadata: { name: "constructor", labels } });
  assert.deepEqual(facts?.labels, new Map([["constructor", "c"]]));
  assert.equal(Object.hasOwn(Object.prototype, "x"), false);
  assert.equal(readEndpointSlice({ metadata: { name: "a", labels: {} } }), undefined);
});

Deno.test("readGossipKey() takes the key as a server gives it or a file has it, and nothing else", () => {
  assert.equal(readGossipKey({ data: { secretkey: btoa(" key\n") } }), "key");
  assert.equal(readGossipKey({ stringData: { secretkey: "key" } }), "key");
  for (const data of [{}, { secretkey: "" }, { secretkey: "%" }, { secretkey: 7 }, []]) {
    assert.equal(readGossipKey({ data }), undefined);
  }
  assert.equal(readGossipKey(undefined), undefined);
});
