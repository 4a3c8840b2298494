import { fileURLToPath } from "node:url";
import {
  type ControlPlane,
  startControllerManager,
  startControlPlane,
  startKubeProxy,
} from "../support/control_plane.ts";
import { type Host, type Lan, makeLan } from "../support/lan.ts";
import { addPod } from "../support/pod.ts";
import { must, type RunningProcess } from "../support/process.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const HERALD = `${ROOT}dist/herald`;
export const MANIFEST = `${ROOT}deploy/metallb-compatible.yaml`;

/** A real control plane on a LAN: its host, two nodes with kube-proxy, a client that is no node. */
export interface Stage extends AsyncDisposable {
  readonly lan: Lan;
  readonly kube: ControlPlane;
  readonly master: Host;
  readonly nodes: readonly Host[];
  readonly client: Host;
  /** A web server that stands for the nginx pod, behind node1. */
  readonly pod: Host;
  /** Starts the binary with the rights, arguments and environment of the manifest's workload. */
  herald(
    workload: "controller" | "speaker",
    host: Host,
    ...flags: string[]
  ): Promise<RunningProcess>;
  /** Does a kubelet's work for a pod: says that it is ready, or not. */
  reportPod(namespace: string, name: string, ready: boolean, ip?: string): Promise<void>;
  reportNode(name: string, ready: boolean): Promise<void>;
}

/** Lays the LAN and starts the control plane; nothing of Herald is there yet. */
export async function makeStage(): Promise<Stage> {
  await using unfinished = new AsyncDisposableStack();
  const lan = unfinished.use(await makeLan());
  const master = await lan.addHost("master", { addresses: ["10.77.1.10/24"] });
  const nodes = [
    await lan.addHost("node1", { addresses: ["10.77.1.11/24"] }),
    await lan.addHost("node2", { addresses: ["10.77.1.12/24"] }),
  ];
  const client = await lan.addHost("client", { addresses: ["10.77.1.63/24"] });
  const pod = await addPod(lan, nodes);
  for (const { netns } of nodes) {
    // Cluster IPs are nobody's neighbours: without a route the rules of kube-proxy never see them.
    await must("ip", ["-n", netns, "route", "add", "172.17.0.0/16", "dev", "eth0"]);
  }
  const kube = unfinished.use(await startControlPlane({ host: master }));
  unfinished.use(await startControllerManager(kube, master));
  for (const node of nodes) {
    await kube.kubectl(["apply", "-f", "-"], nodeManifest(node.name));
    await reportNode(kube, node.name, true);
    // Admission taints each new node; the controller that would take it off is not among ours.
    await kube.kubectl(["taint", "node", node.name, "node.kubernetes.io/not-ready-"]);
    unfinished.use(await startKubeProxy({ host: node, kube, node: node.name }));
  }
  const finished = unfinished.move();
  return {
    lan,
    kube,
    master,
    nodes,
    client,
    pod,
    herald: (workload, host, ...flags) => startWorkload(kube, workload, host, flags),
    reportPod: (namespace, name, ready, ip) => reportPod(kube, namespace, name, ready, ip),
    reportNode: (name, ready) => reportNode(kube, name, ready),
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

function nodeManifest(name: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" } },
    spec: { podCIDR: name === "node1" ? "10.244.1.0/24" : "10.244.2.0/24" },
  });
}

async function reportNode(kube: ControlPlane, name: string, ready: boolean): Promise<void> {
  const address = name === "node1" ? "10.77.1.11" : "10.77.1.12";
  const status = {
    addresses: [{ type: "InternalIP", address }],
    conditions: [{ type: "Ready", status: ready ? "True" : "False", reason: "Test", message: "" }],
  };
  await kube.kubectl([
    "patch",
    "node",
    name,
    "--subresource=status",
    "--type=merge",
    "-p",
    JSON.stringify({ status }),
  ]);
}

async function reportPod(
  kube: ControlPlane,
  namespace: string,
  name: string,
  ready: boolean,
  ip?: string,
): Promise<void> {
  const status = {
    phase: "Running",
    ...ip === undefined ? {} : { podIP: ip, podIPs: [{ ip }] },
    conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
  };
  await kube.kubectl([
    "patch",
    "pod",
    "-n",
    namespace,
    name,
    "--subresource=status",
    "--type=merge",
    "-p",
    JSON.stringify({ status }),
  ]);
}

interface Container {
  readonly args: readonly string[];
  readonly env?: readonly {
    name: string;
    value?: string;
    /** A key of a Secret is not there: the manifest calls it optional. */
    valueFrom?: { fieldRef?: { fieldPath: string } };
  }[];
}

/** Starts the binary with the rights, arguments and environment of the manifest's workload. */
export async function startWorkload(
  kube: ControlPlane,
  workload: "controller" | "speaker",
  host: Host,
  flags: readonly string[],
): Promise<RunningProcess> {
  const kind = workload === "controller" ? "deployment" : "daemonset";
  const object = JSON.parse(
    await kube.kubectl(["get", kind, "-n", "metallb-system", workload, "-o", "json"]),
  );
  const container: Container = object.spec.template.spec.containers[0];
  const ip = host.name === "node1"
    ? "10.77.1.11"
    : host.name === "node2"
    ? "10.77.1.12"
    : "10.77.1.10";
  // On the host's network a pod has the host's address.
  const fields = { "spec.nodeName": host.name, "status.hostIP": ip, "status.podIP": ip };
  const env: Record<string, string> = { METALLB_NAMESPACE: "metallb-system" };
  for (const { name, value, valueFrom } of container.env ?? []) {
    const path = valueFrom?.fieldRef?.fieldPath ?? "";
    env[name] = value ?? new Map(Object.entries(fields)).get(path) ?? "";
  }
  const token = await kube.serviceAccountToken("metallb-system", workload);
  env.KUBECONFIG = await kube.kubeconfigForToken(token);
  // The controller runs without any capability and not as root, as the manifest has it.
  const asInPod = workload === "controller"
    ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all", HERALD]
    : ["setpriv", "--bounding-set=-all,+net_raw", HERALD];
  const [command = HERALD, ...before] = asInPod;
  return host.start(command, [...before, ...container.args, ...flags], env);
}
