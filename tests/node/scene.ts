import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  type ControlPlane,
  startControllerManager,
  startControlPlane,
} from "../support/control_plane.ts";
import { openJanitor } from "../support/janitor.ts";
import { type Host, type Lan, makeLan } from "../support/lan.ts";
import { must } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import { type KubeEvent, type Span, troublesOf } from "./health.ts";
import { IMAGES, makeTestImages } from "./images.ts";
import { type KubeletNode, startKubeletNode } from "./kubelet.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** The manifest that is shipped. */
export const MANIFEST = `${ROOT}deploy/metallb-compatible.yaml`;
/** Herald's namespace. */
export const NAMESPACE = "metallb-system";
/** The first address of the pool. */
export const FIRST_ADDRESS = "10.77.1.220";
export const CONFIG = `apiVersion: v1
kind: ConfigMap
metadata: { namespace: ${NAMESPACE}, name: config }
data:
  config: |
    address-pools:
      - name: default
        protocol: layer2
        addresses: [${FIRST_ADDRESS}-10.77.1.240]
`;
/** A web server on each node, and the Service `web` before them. */
export const WEB = `apiVersion: apps/v1
kind: DaemonSet
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: ${IMAGES.web}
          env: [{ name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }]
          readinessProbe: { httpGet: { path: /, port: 80 }, periodSeconds: 1 }
---
${serviceManifest("web")}`;

/** A cluster of real kubelets on a LAN, and a client that is no node of it. */
export interface NodeScene {
  readonly lan: Lan;
  readonly kube: ControlPlane;
  readonly nodes: readonly KubeletNode[];
  readonly client: Host;
  /**
   * Does what Herald may tell of as trouble, and waits until all is well again: the rule of every
   * good run leaves that time out.
   */
  disrupt<T>(act: () => Promise<T>): Promise<T>;
  /** Starts a node anew whose power was cut. */
  powerOn(node: KubeletNode): Promise<void>;
  /** Holds what has been so far to the rule; the end of the scene does so anyway. */
  assertGoodRun(): Promise<void>;
  /** All that Herald's pods logged since then, for a failure's message. */
  logs(since: number): Promise<string>;
}

/**
 * Lays the LAN, starts the control plane and two nodes that have Herald's image unless told not to,
 * and acts there. What was seen of Herald in the meantime is held to the rule of every good run.
 */
export async function inNodeScene(
  act: (scene: NodeScene) => Promise<void>,
  { withImage = true } = {},
): Promise<void> {
  await using scene = await makeNodeScene(withImage);
  await act(scene);
  await scene.assertGoodRun();
}

/** A test that is in such a scene from its beginning to its end. */
export function testOnNodes(
  name: string,
  act: (scene: NodeScene, test: Deno.TestContext) => Promise<void>,
  options = { withImage: true },
): void {
  Deno.test(name, (test) => inNodeScene((scene) => act(scene, test), options));
}

async function makeNodeScene(withImage: boolean): Promise<NodeScene & AsyncDisposable> {
  await using unfinished = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "herald-node-" });
  unfinished.use(openJanitor({ folder }));
  unfinished.defer(() => Deno.remove(folder, { recursive: true }));
  const images = [
    ...await makeTestImages(`${folder}/images`),
    ...withImage ? [await heraldImage()] : [],
  ];
  const lan = unfinished.use(await makeLan());
  const master = await lan.addHost("cp", { addresses: ["10.77.1.2/24"] });
  const client = await lan.addHost("client", { addresses: ["10.77.1.63/24"] });
  const hosts = [
    await lan.addHost("n1", { addresses: ["10.77.1.21/24"], gateway: "10.77.1.2" }),
    await lan.addHost("n2", { addresses: ["10.77.1.22/24"], gateway: "10.77.1.2" }),
  ];
  // Control groups and their names are the machine's: two runs at a time must not share them.
  const names = hosts.map((_, at) => `herald-n${at + 1}-${Deno.pid}`);
  for (const [at, host] of [master, ...hosts].entries()) {
    await host.must("sysctl", "-qw", "net.ipv4.ip_forward=1");
    for (const other of [1, 2].filter((number) => number !== at)) {
      await host.must("ip", "route", "add", `10.244.${other}.0/24`, "via", `10.77.1.2${other}`);
    }
  }
  const kube = unfinished.use(await startControlPlane({ host: master, kubelets: names }));
  const events = unfinished.use(watchEvents(kube, master, `${folder}/events`));
  unfinished.use(await startControllerManager(kube, master, "*"));
  unfinished.use(master.start(kube.binaries.kubeScheduler, [
    `--kubeconfig=${kube.kubeconfig}`,
    "--leader-elect=false",
    "--secure-port=0",
  ]));
  const started = await Promise.allSettled(hosts.map((host, at) =>
    startKubeletNode({
      kube,
      host,
      name: names[at] ?? "",
      address: `10.77.1.2${at + 1}`,
      podRange: `10.244.${at + 1}.0/24`,
      images,
    })
  ));
  // One that started beside one that did not is to be ended too.
  for (const one of started) if (one.status === "fulfilled") unfinished.use(one.value);
  const nodes = started.map((one) => {
    if (one.status === "rejected") throw one.reason;
    return one.value;
  });
  const finished = unfinished.move();
  const forgiven: Span[] = [];
  const podLogs = async () =>
    (await Promise.all(nodes.map((node) => node.podLogs(NAMESPACE)))).flat();
  return {
    lan,
    kube,
    nodes,
    client,
    async disrupt(act) {
      // Events tell whole seconds.
      const from = Math.floor(Date.now() / 1_000) * 1_000;
      const result = await act();
      forgiven.push({ from, until: Date.now() });
      return result;
    },
    async powerOn({ options }) {
      nodes.push(finished.use(await startKubeletNode(options)));
    },
    async assertGoodRun() {
      const seen = { events: await events.seen(), logs: await podLogs() };
      assert.deepEqual(troublesOf(seen, NAMESPACE, forgiven), [], "a good run has none of this");
    },
    logs: async (since) =>
      (await podLogs())
        .flatMap(({ lines, pod }) => lines.map(({ at, text }) => ({ at, text: `${pod}: ${text}` })))
        .filter(({ at }) => Date.parse(at) > since)
        .sort((a, b) => a.at < b.at ? -1 : 1)
        .map(({ at, text }) => `${at} ${text}`)
        .join("\n"),
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

/** Keeps all that becomes of events: those of a namespace that goes are gone with it. */
function watchEvents(kube: ControlPlane, host: Host, file: string) {
  const asked = ["get", "--raw", "/api/v1/events?watch=1"];
  const command = [kube.binaries.kubectl, `--kubeconfig=${kube.kubeconfig}`, ...asked];
  const watch = host.start("sh", ["-c", `exec "$@" >${file}`, "sh", ...command]);
  let ended = false;
  watch.exited.finally(() => ended = true);
  return {
    async seen(): Promise<readonly KubeEvent[]> {
      assert.ok(!ended, `events are no longer seen: ${watch.output()}`);
      const lines = (await Deno.readTextFile(file)).split("\n");
      return lines.slice(0, -1).map((line): KubeEvent => JSON.parse(line).object);
    },
    [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose](),
  };
}

/** A Service of type LoadBalancer before the web servers. */
export function serviceManifest(name: string): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec:
  type: LoadBalancer
  selector: { app: web }
  ports: [{ port: 80 }]
`;
}

/** Installs Herald as people do, the web servers beside it; waits until the Service answers. */
export async function installHerald(
  { kube, client }: NodeScene,
  { manifest = MANIFEST, config = CONFIG, web = WEB } = {},
): Promise<{ readonly address: string; readonly readyMs: number }> {
  await kube.kubectl(["apply", "-f", "-"], web);
  const began = performance.now();
  await kube.kubectl(["apply", "-f", manifest]);
  await kube.kubectl(["apply", "-f", "-"], config);
  await podsReady(kube, NAMESPACE, "component=controller", 2);
  await podsReady(kube, NAMESPACE, "component=speaker", 2);
  const readyMs = Math.round(performance.now() - began);
  await podsReady(kube, "default", "app=web", 2);
  const address = await addressOf(kube, "web");
  await waitFor(
    "a page",
    () => client.must("curl", "-sS", "--max-time", "2", `http://${address}/`),
  );
  return { address, readyMs };
}

/** Waits for a Service's address. */
export async function addressOf(kube: ControlPlane, service: string): Promise<string> {
  const path = "jsonpath={.status.loadBalancer.ingress[0].ip}";
  return await waitFor(
    `the address of Service ${service}`,
    async () => await kube.kubectl(["get", "service", service, "-o", path]) || undefined,
  );
}

/** The image's tar for this machine, made by the installer unless it is there already. */
async function heraldImage(): Promise<string> {
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "amd64";
  const tar = `${ROOT}dist/image/herald-${version}-linux-${arch}.tar`;
  const made = await Deno.stat(tar).catch(() => undefined);
  const built = await Deno.stat(`${ROOT}dist/herald`).catch(() => undefined);
  if ((made?.mtime?.getTime() ?? 0) <= (built?.mtime?.getTime() ?? 0)) {
    await must(`${ROOT}install.sh`, ["image"]);
  }
  return tar;
}

/** Waits until so many pods of these labels are Ready. */
export async function podsReady(
  kube: ControlPlane,
  namespace: string,
  labels: string,
  count: number,
): Promise<void> {
  const template = '{range .items[*]}{.status.conditions[?(@.type=="Ready")].status} {end}';
  await waitFor(`${count} pods of ${labels} to be Ready`, async () => {
    const told = await kube.kubectl([
      "get",
      "pods",
      "-n",
      namespace,
      "-l",
      labels,
      "-o",
      `jsonpath=${template}`,
    ]);
    const states = told.trim().split(" ");
    return states.length === count && states.every((state) => state === "True");
  }, { timeoutMs: 90_000, everyMs: 300 }).catch(async (error) => {
    throw new Error(await kube.kubectl(["describe", "pods", "-n", namespace]), { cause: error });
  });
}
