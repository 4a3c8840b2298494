import assert from "node:assert/strict";
import { startFrr } from "../support/routers/frr.ts";
import { waitFor } from "../support/wait.ts";
import { configMap } from "../support/folder.ts";
import { makeStage, MANIFEST, type Stage } from "./stage.ts";

const ROUTER = "10.77.1.1";
const NODES = ["10.77.1.11", "10.77.1.12"];

/** The article's four configurations; its peer's address is the router's here. */
const PEER = `peers:
- peer-address: ${ROUTER}
  peer-asn: 64501
  my-asn: 64500
`;
const PLAIN = `${PEER}address-pools:
- name: default
  protocol: bgp
  addresses:
  - 192.168.10.0/24
`;
const ATTRIBUTES = `${PEER}address-pools:
- name: default
  protocol: bgp
  addresses:
  - 198.51.100.0/24
  bgp-advertisements:
  - aggregation-length: 32
    localpref: 100
    communities:
    - no-advertise
  - aggregation-length: 24
bgp-communities:
  no-advertise: 65535:65282
`;
const SELECTED = `${PEER}  node-selectors:
  - match-labels:
      rack: frontend
    match-expressions:
    - key: network-speed
      operator: NotIn
      values: [slow]
  - match-expressions:
    - key: kubernetes.io/hostname
      operator: In
      values: [hostA, hostB]
${PLAIN.slice(PEER.length)}`;
const SOURCE = `${PEER}  source-address: 10.77.1.111
  node-selectors:
  - match-labels: { kubernetes.io/hostname: node1 }
${PLAIN.slice(PEER.length)}`;

async function configure({ kube }: Stage, config: string): Promise<void> {
  await kube.kubectl(
    ["apply", "-f", "-"],
    JSON.stringify(configMap(config)),
  );
}

/** A new Service each time: an address of the pool before would keep that pool in force. */
async function expose({ kube }: Stage, name: string): Promise<void> {
  const labels = { "kubernetes.io/service-name": name };
  const objects = [{
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
  }, {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${name}-1`, labels },
    addressType: "IPv4",
    endpoints: [{
      addresses: ["10.244.1.5"],
      nodeName: "node1",
      conditions: { ready: true, serving: true, terminating: false },
    }],
    ports: [{ port: 80 }],
  }];
  await kube.kubectl(
    ["apply", "-f", "-"],
    objects.map((one) => JSON.stringify(one)).join("\n---\n"),
  );
}

Deno.test("the article's four BGP configurations give on FRR the table that it describes", async () => {
  await using stage = await makeStage();
  const { kube } = stage;
  const [node1, node2] = stage.nodes;
  assert.ok(node1 && node2);
  await node1.must("ip", "addr", "add", "10.77.1.111/24", "dev", "eth0");
  const router = await stage.lan.addHost("router", { addresses: [`${ROUTER}/24`] });
  await using frr = await startFrr(router, {
    asn: 64501,
    routerId: ROUTER,
    neighbors: [...NODES, "10.77.1.111"].map((address) => ({ address, asn: 64500 })),
  });
  await kube.kubectl(["apply", "-f", MANIFEST]);
  await using controller = await stage.herald("controller", stage.master);
  await using one = await stage.herald("speaker", node1, "--node-name=node1");
  await using two = await stage.herald("speaker", node2, "--node-name=node2");
  const expect = async (what: string, wanted: readonly unknown[]) => {
    let found: unknown;
    await waitFor(what, async () => {
      found = await frr.rib();
      return JSON.stringify(found) === JSON.stringify(wanted);
    }).catch((error) => {
      const logs = [controller, one, two].map((part) => part.output().slice(-3000)).join("\n");
      throw new Error(`${JSON.stringify(found, null, 1)}\n${logs}`, { cause: error });
    });
  };
  const path = (prefix: string, nextHop: string, communities: string[] = []) => ({
    prefix,
    nextHop,
    asPath: [64500],
    origin: "incomplete",
    communities,
    largeCommunities: [],
  });

  await configure(stage, PLAIN);
  await expose(stage, "plain");
  await expect("the plain pool", NODES.map((node) => path("192.168.10.0/32", node)));

  await kube.kubectl(["delete", "service", "plain"]);
  await configure(stage, ATTRIBUTES);
  await expose(stage, "attributes");
  await expect("/32 with no-advertise beside /24", [
    ...NODES.map((node) => path("198.51.100.0/24", node)),
    ...NODES.map((node) => path("198.51.100.0/32", node, ["noAdvertise"])),
  ]);

  await kube.kubectl(["delete", "service", "attributes"]);
  await configure(stage, SELECTED);
  await expose(stage, "selected");
  await expect("no node selected", []);
  await kube.kubectl(["label", "node", "node2", "rack=frontend"]);
  await expect("node2 by its label", [path("192.168.10.0/32", "10.77.1.12")]);
  await kube.kubectl(["label", "node", "node2", "network-speed=slow"]);
  await expect("node2 no more", []);

  await configure(stage, SOURCE);
  await expect("the source address", [path("192.168.10.0/32", "10.77.1.111")]);
});
