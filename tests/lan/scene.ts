import { fileURLToPath } from "node:url";
import { type Host, type Lan, makeLan } from "../support/lan.ts";
import { must, type RunningProcess } from "../support/process.ts";
import { addPod, POD_IP, POD_IP6 } from "../support/pod.ts";
import { replaceFile, statusAddresses, statusFile } from "../support/folder.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const HERALD = `${ROOT}dist/herald`;
export const SERVICE_IP = "10.77.1.220";

/** The article's cluster without Kubernetes: a store, two nodes, a client, a pod that serves a page. */
export interface Scene extends AsyncDisposable {
  readonly lan: Lan;
  readonly store: string;
  readonly nodes: readonly Host[];
  readonly client: Host;
  readonly pod: Host;
  /** Writes a manifest into the store; the same name replaces it. */
  write(name: string, manifest: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Starts `herald run` with these flags on a node; all it prints comes with `output()`. */
  herald(host: Host, ...flags: string[]): RunningProcess;
  /** Does kube-proxy's work for one Service on every node: sends its address and port to the pod. */
  forward(ip: string, port: number): Promise<void>;
  /** The addresses in the status that the controller wrote for `default/NAME`. */
  statusIps(name: string): Promise<string[]>;
  statusFile(name: string): string;
}

export const CONFIG_MANIFEST = `apiVersion: v1
kind: ConfigMap
metadata:
  namespace: metallb-system
  name: config
data:
  config: |
    address-pools:
      - name: default
        protocol: layer2
        addresses:
          - 10.77.1.220-10.77.1.240
          - fd77::220-fd77::240
`;

/** A Service of type LoadBalancer in `default`; `extra` is YAML under its spec. */
export function serviceManifest(name: string, port = 80, extra = "", annotations = ""): string {
  return `apiVersion: v1
kind: Service
metadata:
  name: ${name}
  namespace: default
${annotations === "" ? "" : `  annotations: { ${annotations} }\n`}spec:
  type: LoadBalancer
  clusterIP: 172.17.12.39
  clusterIPs: [172.17.12.39]
  selector: { run: ${name} }
  ports:
    - { port: ${port}, protocol: TCP, targetPort: 80 }
${extra}`;
}

/** An EndpointSlice of `default/NAME` with one endpoint for each node named. */
export function sliceManifest(name: string, nodes: readonly string[], ready = true): string {
  const endpoints = nodes.map((node, index) =>
    `  - { addresses: ["10.244.1.${
      5 + index
    }"], nodeName: ${node}, conditions: { ready: ${ready} } }`
  );
  return `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: ${name}-1
  namespace: default
  labels: { kubernetes.io/service-name: ${name} }
addressType: IPv4
${nodes.length === 0 ? "endpoints: []" : `endpoints:\n${endpoints.join("\n")}`}
`;
}

/** A Node; `ready` is its condition, `labels` YAML in braces. */
export function nodeManifest(name: string, ready = true, labels = "{}"): string {
  return `apiVersion: v1
kind: Node
metadata: { name: ${name}, labels: ${labels} }
status:
  conditions:
    - { type: Ready, status: "${ready ? "True" : "False"}" }
`;
}

/** Lays the LAN and fills the store with the article's objects; nothing of Herald runs yet. */
export async function makeScene(nodeCount = 2): Promise<Scene> {
  await using unfinished = new AsyncDisposableStack();
  const lan = unfinished.use(await makeLan());
  const folder = await Deno.makeTempDir({ prefix: "herald-store-" });
  unfinished.defer(() => Deno.remove(folder, { recursive: true }));
  const nodes: Host[] = [];
  for (let number = 1; number <= nodeCount; number++) {
    const addresses = [`10.77.1.${10 + number}/24`, `fd77::${10 + number}/64`];
    nodes.push(await lan.addHost(`node${number}`, { addresses }));
  }
  const client = await lan.addHost("client", { addresses: ["10.77.1.63/24", "fd77::63/64"] });
  const pod = await addPod(lan, nodes, "fd77::11");
  const finished = unfinished.move();
  const write = (name: string, manifest: string) => replaceFile(folder, name, manifest);
  await write("config.yaml", CONFIG_MANIFEST);
  for (const { name } of nodes) await write(`${name}.yaml`, nodeManifest(name));
  return {
    lan,
    store: folder,
    nodes,
    client,
    pod,
    write,
    remove: (name) => Deno.remove(`${folder}/${name}`),
    herald: (host, ...flags) =>
      host.start(HERALD, ["run", `--store=${folder}`, "--log-format=json", ...flags]),
    forward: async (ip, port) => {
      for (const node of nodes) await forwardOn(node, ip, port);
    },
    statusIps: (name) => statusAddresses(folder, name),
    statusFile: (name) => statusFile(folder, name),
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

async function forwardOn(node: Host, ip: string, port: number): Promise<void> {
  const [family, pod, to] = ip.includes(":")
    ? ["ip6", POD_IP6, `[${POD_IP6}]:80`]
    : ["ip", POD_IP, `${POD_IP}:80`];
  const rules = `
add table ${family} herald-scene
add chain ${family} herald-scene pre { type nat hook prerouting priority dstnat; }
add chain ${family} herald-scene post { type nat hook postrouting priority srcnat; }
add rule ${family} herald-scene pre ${family} daddr ${ip} tcp dport ${port} dnat to ${to}
add rule ${family} herald-scene post ${family} daddr ${pod} masquerade
`;
  const [command, args] = node.inside("nft", "-f", "-");
  await must(command, args, rules);
}
