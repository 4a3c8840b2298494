import assert from "node:assert/strict";
import { EVENT } from "../../lib/model/names.ts";
import { type ControlPlane, startControlPlane } from "../support/control_plane.ts";
import { type Host, makeLan } from "../support/lan.ts";
import { poolsYaml } from "../support/pools.ts";
import type { RunningProcess } from "../support/process.ts";
import { withOutput } from "../support/roles.ts";
import { waitFor } from "../support/wait.ts";
import { NEWER, OLDER } from "./conformance.ts";
import { HERALD, MANIFEST } from "./stage.ts";

const NAMESPACE = "metallb-system";
const GIVEN = "10.77.1.220";
const POOL = `{ name: main, protocol: layer2, addresses: [${GIVEN}-10.77.1.240] }`;

/** A control plane with two controllers and a speaker of one node, and whoever else is on the LAN. */
interface Scene {
  readonly kube: ControlPlane;
  readonly master: Host;
  readonly node: Host;
  readonly controllers: RunningProcess[];
  readonly speakers: RunningProcess[];
}

/** What the event is told of. */
interface About {
  readonly kind: "service" | "configmap" | "node";
  readonly namespace: string;
  readonly name: string;
}

type Play = (scene: Scene) => Promise<About>;

/** Makes the event of each reason happen: one of which nothing here knows is a mistake of types. */
const PLAYS = {
  ipAllocated: ({ kube }) => create(kube, "given"),
  nodeAssigned: async ({ kube }) => {
    await kube.kubectl(["apply", "-f", "-"], endpointsOf("given"));
    return serviceNamed("given");
  },
  nodesExcluded: async ({ kube }) => {
    const label = "node.kubernetes.io/exclude-from-external-load-balancers=";
    await kube.kubectl(["label", "node", "node1", label]);
    return serviceNamed("given");
  },
  // A Pod that is ready, and nobody gossips at its address.
  speakersDisagree: async ({ kube, node, speakers }) => {
    await Promise.all(speakers.map((speaker) => speaker.end()));
    const flags = ["--ml-bindaddr=10.77.1.11", `--ml-labels=${SPEAKERS}`];
    speakers.push(await startRole(kube, "speaker", node, [], ...flags));
    await kube.kubectl(["create", "-f", "-"], JSON.stringify(POD));
    const status = {
      podIP: "10.77.1.99",
      podIPs: [{ ip: "10.77.1.99" }],
      conditions: [{ type: "Ready", status: "True" }],
    };
    const patch = ["--subresource=status", "--type=merge", "-p", JSON.stringify({ status })];
    await kube.kubectl(["patch", "pod", "-n", NAMESPACE, "silent", ...patch]);
    return { kind: "node", namespace: "default", name: "node1" };
  },
  addressConflict: async ({ master }) => {
    await master.must("ip", "addr", "add", `${GIVEN}/32`, "dev", "eth0");
    await master.must("arping", "-A", "-c", "1", "-I", "eth0", "-s", GIVEN, GIVEN);
    return serviceNamed("given");
  },
  announceFailed: async ({ kube, node, speakers }) => {
    await Promise.all(speakers.map((speaker) => speaker.end()));
    speakers.push(await startRole(kube, "speaker", node, ["setpriv", "--bounding-set=-all"]));
    return serviceNamed("given");
  },
  allocationFailed: ({ kube }) =>
    create(kube, "refused", { annotations: { [`${NEWER}/address-pool`]: "nowhere" } }),
  loadBalancerFailed: ({ kube }) =>
    create(kube, "misspelt", { annotations: { [`${NEWER}/loadBalancerIPs`]: "10.77.1" } }),
  clearAssignment: async ({ kube }) => {
    const about = await create(kube, "moved", {}, { loadBalancerIP: "10.77.1.230" });
    await described(kube, about, EVENT.ipAllocated);
    const spec = { loadBalancerIP: "10.77.1.231" };
    await kube.kubectl(["patch", "service", "moved", "-p", JSON.stringify({ spec })]);
    return about;
  },
  additionalAssignFailed: ({ kube }) =>
    create(kube, "single", {}, { ipFamilyPolicy: "PreferDualStack" }),
  deprecatedAnnotation: ({ kube }) =>
    create(kube, "old", { annotations: { [`${OLDER}/address-pool`]: "main" } }),
  annotationIgnored: ({ kube }) =>
    create(kube, "misnamed", { annotations: { [`${NEWER}/allow-shared`]: "key" } }),
  otherClass: async ({ kube }) => {
    const about = await create(kube, "foreign", {}, { loadBalancerClass: "example.com/other" });
    const status = { loadBalancer: { ingress: [{ ip: "10.77.1.239" }] } };
    const patch = ["--subresource=status", "-p", JSON.stringify({ status })];
    await kube.kubectl(["patch", "service", "foreign", ...patch]);
    return about;
  },
  statusContested: async ({ kube }) => {
    const about = await create(kube, "contested", {}, { loadBalancerIP: "10.77.1.238" });
    const shown = async () =>
      JSON.parse(await kube.kubectl(["get", "service", "contested", "-o", "json"]))
        .status.loadBalancer.ingress?.[0]?.ip;
    const status = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } });
    const patch = ["--subresource=status", "--field-manager=servicelb", "-p", status];
    for (let times = 0; times < 3; times++) {
      await waitFor("its own address", async () => await shown() === "10.77.1.238");
      await kube.kubectl(["patch", "service", "contested", ...patch]);
    }
    await waitFor("the name of who writes it", async () => {
      const text = await kube.kubectl(["describe", "service", "contested"]);
      return text.includes('The field manager "servicelb" writes over the status');
    });
    return about;
  },
  internalError: async ({ kube }) => {
    const rights = JSON.stringify([{ op: "replace", path: "/rules/2/verbs", value: ["get"] }]);
    const role = ["clusterrole", "metallb-system:controller", "--type=json", "-p", rights];
    await kube.kubectl(["patch", ...role]);
    return await create(kube, "forbidden");
  },
  // No API server has such a Service; a folder of manifests may.
  noClusterIpsFamily: async ({ kube }) => {
    const refused = create(kube, "headless", {}, { clusterIP: "None" });
    await assert.rejects(refused, /may not be set to 'None' for LoadBalancer services/);
    return serviceNamed("headless");
  },
  configRejected: async ({ kube }) => {
    const mistakes = Array.from({ length: 11 }, (_, index) => `wrong-${index}: 1\n`).join("");
    await configure(kube, `${poolsYaml(POOL)}${mistakes}`);
    return { kind: "configmap", namespace: NAMESPACE, name: "config" };
  },
} satisfies Readonly<Record<keyof typeof EVENT, Play>>;

const NEVER_ON_A_SERVER: readonly string[] = ["noClusterIpsFamily"];

Deno.test("first use P4: kubectl describe shows every event at its object, and one of a configuration that stands rejected", async (test) => {
  await using stack = new AsyncDisposableStack();
  const lan = stack.use(await makeLan());
  const master = await lan.addHost("master", { addresses: ["10.77.1.10/24"] });
  const node = await lan.addHost("node1", { addresses: ["10.77.1.11/24"] });
  const kube = stack.use(await startControlPlane({ host: master }));
  await kube.kubectl(["apply", "-f", MANIFEST]);
  await kube.kubectl(["create", "-f", "-"], NODE);
  await configure(kube, poolsYaml(POOL));
  const controllers = [
    await startRole(kube, "controller", master, [], "--port=7472"),
    await startRole(kube, "controller", node, [], "--port=7473"),
  ];
  const speakers = [await startRole(kube, "speaker", node)];
  stack.defer(async () => {
    for (const role of [...controllers, ...speakers]) await role.end("SIGKILL");
  });
  const scene: Scene = { kube, master, node, controllers, speakers };
  await withOutput([...controllers, ...speakers], async () => {
    for (const [name, play] of Object.entries(PLAYS)) {
      const reason = EVENT[name as keyof typeof EVENT];
      await test.step(reason, async () => {
        const about = await play(scene);
        if (!NEVER_ON_A_SERVER.includes(name)) await described(kube, about, reason);
      });
    }
    await test.step("the next leader counts up the event of a configuration that stands rejected", () =>
      nextLeader(scene));
  });
});

async function nextLeader({ kube, controllers }: Scene): Promise<void> {
  const [before, ...more] = await rejections(kube);
  assert.deepEqual(more, [], "two controllers and a speaker tell once");
  assert.equal(before?.count, 1);
  assert.match(
    before?.message ?? "",
    /^the configuration has 11 mistakes, all in the log; the configuration before it stays in force: \(1\) line /,
  );
  const leading = controllers.findIndex(({ output }) => output().includes("leading, this"));
  assert.equal(await controllers[leading === 0 ? 0 : 1]?.end(), 0);
  const after = await waitFor("the other one to tell", async () => {
    const all = await rejections(kube);
    assert.equal(all.length, 1);
    return all[0]?.count === 2 && all[0];
  });
  assert.equal(after.message, before?.message);
}

interface KubeEvent {
  readonly reason: string;
  readonly message: string;
  readonly count: number;
}

async function rejections(kube: ControlPlane): Promise<KubeEvent[]> {
  const { items } = JSON.parse(
    await kube.kubectl(["get", "events", "-n", NAMESPACE, "-o", "json"]),
  ) as { items: KubeEvent[] };
  return items.filter(({ reason }) => reason === EVENT.configRejected);
}

/** Waits until the object's description has the event. */
async function described(
  kube: ControlPlane,
  { kind, name, namespace }: About,
  reason: string,
): Promise<void> {
  let events = "";
  await waitFor(`${reason} at the ${kind} ${name}`, async () => {
    const text = await kube.kubectl(["describe", kind, "-n", namespace, name]);
    events = text.slice(text.indexOf("\nEvents:"));
    return events.split("\n").some((line) => line.trim().split(/\s+/)[1] === reason);
  }, { everyMs: 100, timeoutMs: 40_000 }).catch((error) => {
    throw new Error(events, { cause: error });
  });
}

function serviceNamed(name: string): About {
  return { kind: "service", namespace: "default", name };
}

async function create(
  kube: ControlPlane,
  name: string,
  { annotations = {} }: { readonly annotations?: Readonly<Record<string, string>> } = {},
  spec: Readonly<Record<string, unknown>> = {},
): Promise<About> {
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, annotations },
    spec: { type: "LoadBalancer", selector: { app: name }, ports: [{ port: 80 }], ...spec },
  };
  await kube.kubectl(["create", "-f", "-"], JSON.stringify(service));
  return serviceNamed(name);
}

const SPEAKERS = "app=metallb,component=speaker";
const POD = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    namespace: NAMESPACE,
    name: "silent",
    labels: { app: "metallb", component: "speaker" },
  },
  spec: { nodeName: "node2", containers: [{ name: "speaker", image: "speaker" }] },
};

const NODE = JSON.stringify({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "node1", labels: { "kubernetes.io/hostname": "node1" } },
});

/** What the controllers of Kubernetes would make for the Service's pods. */
function endpointsOf(name: string): string {
  return JSON.stringify({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.244.1.5"], nodeName: "node1", conditions: { ready: true } }],
    ports: [{ port: 80 }],
  });
}

async function configure(kube: ControlPlane, config: string): Promise<void> {
  const map = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: NAMESPACE, name: "config" },
    data: { config },
  };
  await kube.kubectl(["apply", "-f", "-"], JSON.stringify(map));
}

/** Starts a role with the manifest's rights. */
async function startRole(
  kube: ControlPlane,
  role: "controller" | "speaker",
  host: Host,
  wrapped: readonly string[] = [],
  ...flags: string[]
): Promise<RunningProcess> {
  const [command = HERALD, ...args] = [
    ...wrapped,
    HERALD,
    "run",
    `--role=${role}`,
    `--namespace=${NAMESPACE}`,
    "--log-format=json",
    ...role === "speaker" ? ["--node-name=node1"] : [],
    ...flags,
  ];
  const token = await kube.serviceAccountToken(NAMESPACE, role);
  return host.start(command, args, { KUBECONFIG: await kube.kubeconfigForToken(token) });
}
