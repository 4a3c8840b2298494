import assert from "node:assert/strict";
import { explainService, explanationText } from "../../lib/cli/explain.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import type { Snapshot } from "../../lib/host/snapshot.ts";
import { readEndpointSlice, readNode } from "../../lib/model/cluster.ts";
import { readService } from "../../lib/model/service.ts";

function service(name: string, ip?: string) {
  const facts = readService({
    metadata: { name, namespace: "default", uid: name },
    spec: { type: "LoadBalancer", clusterIPs: ["172.17.0.1"], ports: [{ port: 80 }] },
    status: { loadBalancer: { ingress: ip === undefined ? [] : [{ ip }] } },
  });
  return facts ?? assert.fail("no Service");
}

function snapshot(services: readonly ReturnType<typeof service>[], ready = true): Snapshot {
  const slice = readEndpointSlice({
    metadata: {
      name: "web-1",
      namespace: "default",
      labels: { "kubernetes.io/service-name": "web" },
    },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.244.1.5"], nodeName: "node1", conditions: { ready } }],
  });
  const nodes = ["node1", "node2"].map((name) => readNode({ metadata: { name } }) ?? assert.fail());
  return {
    description: "store /srv/lb",
    services: new Map(services.map((facts) => [facts.key, facts])),
    slices: slice === undefined ? [] : [slice],
    nodes: new Map(nodes.map((node) => [node.name, node])),
    config:
      parseConfig("address-pools: [{name: p, protocol: layer2, addresses: [10.77.1.220/32]}]", "c")
        .config,
    configReason: "",
  };
}

function explained(facts: ReturnType<typeof service>, from: Snapshot): string {
  return explanationText(explainService(facts, from, undefined));
}

Deno.test("explainService() tells address, pool, owner, the others and the endpoints", () => {
  const web = service("web", "10.77.1.220");
  const text = explained(web, snapshot([web]));
  for (
    const line of [
      /^Service default\/web \(store \/srv\/lb\)$/m,
      /^It has 10\.77\.1\.220 of pool "p":$/m,
      /^node1 announces 10\.77\.1\.220\./m,
      /^ {2}1\. node1$/m,
      /^ {2}2\. node2$/m,
      /^ {2}10\.244\.1\.5 on node1, ready$/m,
    ]
  ) {
    assert.match(text, line);
  }
});

Deno.test("explainService() tells why there is no address, and why nobody announces one", () => {
  const taken = service("other", "10.77.1.220");
  const web = service("web");
  assert.match(explained(web, snapshot([taken, web])), /^It has no address:$[^]*pool "p"/m);
  const alone = explained(web, snapshot([web], false));
  assert.match(alone, /which is not in its status yet/);
  assert.match(alone, /Nobody announces 10\.77\.1\.220: no endpoint of the Service is ready/);
});

Deno.test("explainService() says what is missing when there is no configuration", () => {
  const web = service("web");
  const from = { ...snapshot([web]), config: undefined, configReason: "there is no ConfigMap" };
  assert.throws(() => explainService(web, from, undefined), /there is no ConfigMap/);
});

Deno.test("explainService() tells which node tells which route to which peer, and why another does not", () => {
  const web = service("web", "198.51.100.10");
  const { config } = parseConfig(
    `address-pools:
- name: p
  protocol: bgp
  addresses: [198.51.100.0/24]
  bgp-advertisements: [{aggregation-length: 32}, {aggregation-length: 24}]
peers:
- {peer-address: 10.0.0.1, peer-asn: 64501, my-asn: 64500}
- peer-address: 10.0.0.2
  peer-asn: 64502
  my-asn: 64500
  node-selectors: [{match-labels: {rack: a}}]
`,
    "c",
  );
  const text = explained(web, { ...snapshot([web]), config });
  for (
    const line of [
      /^By BGP these nodes have 198\.51\.100\.10 routed to them:$/m,
      /^ {2}198\.51\.100\.10\/32, 198\.51\.100\.0\/24 from node1 to 10\.0\.0\.1 \(AS 64501\)$/m,
      /^ {2}.* from node2 to 10\.0\.0\.2 \(AS 64502\): not, by its node-selectors$/m,
    ]
  ) assert.match(text, line);
  const alone = explained(web, { ...snapshot([web], false), config });
  assert.match(alone, /Nobody announces 198\.51\.100\.10: no endpoint of the Service is ready/);
});
