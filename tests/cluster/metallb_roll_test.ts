import assert from "node:assert/strict";
import { rankCandidates } from "../../lib/speaker/election.ts";
import { type ControlPlane, startControlPlane } from "../support/control_plane.ts";
import { type Host, makeLan } from "../support/lan.ts";
import {
  ensureMetallb,
  METALLB_RELEASES,
  type MetallbFiles,
  type MetallbRelease,
} from "../support/metallb.ts";
import { gapAndOverlap, type Probe, startProbe } from "../support/probe.ts";
import type { RunningProcess } from "../support/process.ts";
import { withOutput } from "../support/roles.ts";
import { pause, waitFor } from "../support/wait.ts";
import { HERALD } from "./stage.ts";

// A live cluster of MetalLB's own speakers, rolled to Herald node by node and back.

const NAMES = ["n1", "n2", "n3"];
const NAMESPACE = "metallb-system";
const LABELS = "app=metallb,component=speaker";
const KEY = "a key of the tests, long enough!";
const IPS = Array.from({ length: 12 }, (_, index) => `10.77.1.${100 + index}`);
const COMPAT: Readonly<Record<MetallbRelease, string>> = { "v0.12.1": "v0.12", "v0.16.1": "v0.16" };
/** MetalLB answers until its process ends, and says goodbye before. */
const OVERLAP_MS = 1_000;
/** A MetalLB that starts announces what it is given when it has joined, and Herald falls silent at that. */
const ROLL_GAP_MS = 500;
/** A Herald that died is declared dead to MetalLB, which took 5 to 8 s to miss it. */
const DEATH_GAP_MS = 1_500;

type Make = "herald" | "metallb";

interface Roll extends AsyncDisposable {
  readonly client: Host;
  readonly speakers: Map<string, RunningProcess>;
  start(name: string, make: Make): Promise<void>;
  macOf(name: string): string;
}

async function makeRoll(release: MetallbRelease): Promise<Roll> {
  await using unfinished = new AsyncDisposableStack();
  const files = await ensureMetallb(release);
  const lan = unfinished.use(await makeLan());
  const master = await lan.addHost("master", { addresses: ["10.77.1.10/24"] });
  const client = await lan.addHost("client", { addresses: ["10.77.1.63/24"] });
  const nodes = new Map<string, Host>();
  for (const [index, name] of NAMES.entries()) {
    nodes.set(name, await lan.addHost(name, { addresses: [addressOf(index)] }));
  }
  const kube = unfinished.use(await startControlPlane({ host: master }));
  await fillCluster(kube, files);
  const key = await Deno.makeTempDir({ prefix: "herald-key-" });
  unfinished.defer(() => Deno.remove(key, { recursive: true }));
  await Deno.writeTextFile(`${key}/secretkey`, KEY);
  const speakers = new Map<string, RunningProcess>();
  unfinished.defer(async () => {
    for (const speaker of speakers.values()) await speaker.end("SIGKILL");
  });
  const hostOf = (name: string) => nodes.get(name) ?? assert.fail(name);
  const finished = unfinished.move();
  return {
    client,
    speakers,
    macOf: (name) => hostOf(name).mac,
    async start(name, make) {
      const env = environmentOf(name, key);
      const host = hostOf(name);
      const args = make === "herald"
        ? [
          "run",
          "--role=speaker",
          `--kubeconfig=${kube.kubeconfig}`,
          `--compat=${COMPAT[release]}`,
        ]
        : [`--kubeconfig=${kube.kubeconfig}`, "--port=7472"];
      speakers.set(name, host.start(make === "herald" ? HERALD : files.speaker, args, env));
      if (make === "metallb") return;
      await waitFor(`Herald on ${name}`, async () => {
        const { stdout } = await host.run("curl", "-s", `http://${env.METALLB_HOST}:7472/readyz`);
        return stdout.startsWith("ok");
      }, { timeoutMs: 20_000 });
    },
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

function addressOf(index: number): string {
  return `10.77.1.${11 + index}/24`;
}

function environmentOf(name: string, key: string): Record<string, string> {
  const [address = ""] = addressOf(NAMES.indexOf(name)).split("/");
  return {
    METALLB_NODE_NAME: name,
    METALLB_POD_NAME: `speaker-${name}`,
    METALLB_HOST: address,
    METALLB_NAMESPACE: NAMESPACE,
    METALLB_BGP_TYPE: "native",
    METALLB_ML_BIND_ADDR: address,
    METALLB_ML_BIND_PORT: "7946",
    METALLB_ML_LABELS: LABELS,
    METALLB_ML_SECRET_KEY: KEY,
    METALLB_ML_SECRET_KEY_PATH: key,
  };
}

/** Nodes, the speakers' Pods, and Services that have their addresses, as a controller left them. */
async function fillCluster(kube: ControlPlane, { crds }: MetallbFiles): Promise<void> {
  const manifests = (await Array.fromAsync(Deno.readDir(crds))).map(({ name }) =>
    `${crds}/${name}`
  );
  for (const manifest of manifests) await kube.kubectl(["create", "-f", manifest]);
  const meta = (name: string, more = {}) => ({ name, namespace: "default", ...more });
  const labels = { app: "metallb", component: "speaker" };
  const config =
    `address-pools:\n- { name: p, protocol: layer2, addresses: [10.77.1.100-10.77.1.199] }\n`;
  const objects: object[] = [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "config", namespace: NAMESPACE },
      data: { config },
    },
  ];
  for (const [index, name] of NAMES.entries()) {
    const [address = ""] = addressOf(index).split("/");
    const addresses = [{ type: "InternalIP", address }];
    const conditions = [{ type: "Ready", status: "True" }];
    objects.push(
      { apiVersion: "v1", kind: "Node", metadata: { name }, status: { addresses, conditions } },
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: `speaker-${name}`, namespace: NAMESPACE, labels },
        spec: { nodeName: name, containers: [{ name: "speaker", image: "speaker" }] },
      },
    );
  }
  for (const [index] of IPS.entries()) {
    const name = `s${index}`;
    const where = NAMES.map((nodeName, at) => ({ nodeName, ip: `10.244.${at}.5` }));
    objects.push(
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: meta(name),
        spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
      },
      {
        apiVersion: "v1",
        kind: "Endpoints",
        metadata: meta(name),
        subsets: [{ addresses: where, ports: [{ port: 80 }] }],
      },
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: meta(name, { labels: { "kubernetes.io/service-name": name } }),
        addressType: "IPv4",
        endpoints: where.map(({ ip, nodeName }) => ({
          addresses: [ip],
          nodeName,
          conditions: { ready: true, serving: true },
        })),
        ports: [{ port: 80 }],
      },
    );
  }
  if (manifests.length > 0) {
    const spec = { addresses: ["10.77.1.100-10.77.1.199"] };
    const inNamespace = { name: "p", namespace: NAMESPACE };
    for (const [kind, part] of [["IPAddressPool", { spec }], ["L2Advertisement", {}]] as const) {
      objects.push({ apiVersion: "metallb.io/v1beta1", kind, metadata: inNamespace, ...part });
    }
  }
  await waitFor("the kinds of MetalLB", async () => {
    try {
      await kube.kubectl(["apply", "-f", "-"], JSON.stringify(listOf(objects)));
      return true;
    } catch {
      return false; // the API server does not serve them yet
    }
  }, { timeoutMs: 20_000, everyMs: 500 });
  await setStatuses(kube);
}

function listOf(items: readonly object[]): object {
  return { apiVersion: "v1", kind: "List", items };
}

async function setStatuses(kube: ControlPlane): Promise<void> {
  const patch = async (kind: string, namespace: string, name: string, status: object) => {
    const what = ["patch", kind, "-n", namespace, name, "--subresource=status", "--type=merge"];
    await kube.kubectl([...what, "-p", JSON.stringify({ status })]);
  };
  for (const [index, name] of NAMES.entries()) {
    const [ip = ""] = addressOf(index).split("/");
    const conditions = [{ type: "Ready", status: "True" }];
    const status = { phase: "Running", podIP: ip, podIPs: [{ ip }], conditions };
    await patch("pod", NAMESPACE, `speaker-${name}`, status);
    await patch("node", "default", name, { conditions });
  }
  for (const [index, ip] of IPS.entries()) {
    await patch("service", "default", `s${index}`, { loadBalancer: { ingress: [{ ip }] } });
  }
}

const ownerOf = (ip: string, among = NAMES) => rankCandidates(among, ip)[0] ?? assert.fail();

/** Each address is answered by the node that MetalLB alone would choose, and by no other. */
async function assertOwners({ client, macOf }: Roll, when: string): Promise<void> {
  for (const ip of IPS) {
    const macs = new Set(await client.arping(ip, 1));
    assert.deepEqual([...macs], [macOf(ownerOf(ip))], `${ip} ${when}`);
  }
}

for (const release of METALLB_RELEASES) {
  Deno.test(`a roll from MetalLB ${release} to Herald and back moves no address, and a Herald's death is MetalLB's to mend at once (F5, F7)`, async () => {
    await using roll = await makeRoll(release);
    const { client, speakers } = roll;
    const heralds: RunningProcess[] = [];
    const figures: string[] = [];
    const swap = async (name: string, make: Make) => {
      await speakers.get(name)?.end("SIGTERM");
      await roll.start(name, make);
      const speaker = speakers.get(name);
      if (make === "herald" && speaker !== undefined) heralds.push(speaker);
      // Others take over, and it takes back what it had.
      await waitFor(`the owners after ${make} on ${name}`, async () => {
        const [first = ""] = IPS.filter((ip) => ownerOf(ip) === name);
        const macs = new Set(await client.arping(first, 1));
        return macs.size === 1 && macs.has(roll.macOf(name));
      }, { timeoutMs: 30_000 });
      await pause(1_500);
      await assertOwners(roll, `after ${make} on ${name}`);
    };
    for (const name of NAMES) await roll.start(name, "metallb");
    await withOutput(
      [...speakers.values()],
      () =>
        waitFor(
          "MetalLB's owners",
          () => assertOwners(roll, "with MetalLB alone").then(() => true, () => false),
          {
            timeoutMs: 60_000,
            everyMs: 500,
          },
        ),
    );
    // One of each node's.
    const watched = NAMES.map((name) => IPS.find((ip) => ownerOf(ip) === name) ?? assert.fail());
    const watch = async (what: string, work: () => Promise<void>, gap: number) => {
      const probes: Probe[] = [];
      for (const ip of watched) probes.push(await startProbe(client, ip, 2_000));
      await work();
      const seen = await Promise.all(probes.map((probe) => probe.stop()));
      const worst = seen.map((one) => gapAndOverlap(one, 2));
      const [gapMs, overlapMs] = [
        Math.max(...worst.map((one) => one.gapMs)),
        Math.max(...worst.map((one) => one.overlapMs)),
      ];
      figures.push(`${what}: ${gapMs} ms silent, two for ${overlapMs} ms`);
      assert.ok(gapMs <= gap && overlapMs <= OVERLAP_MS, figures.join("\n"));
    };
    try {
      await watch("there, n3", () => swap("n3", "herald"), ROLL_GAP_MS);
      await watch("there, n2", () => swap("n2", "herald"), ROLL_GAP_MS);
      const ofN2 = watched[1] ?? assert.fail();
      const next = ownerOf(ofN2, ["n1", "n3"]);
      await watch(`death of n2, ${next} follows`, async () => {
        await speakers.get("n2")?.end("SIGKILL");
        await waitFor("a successor", async () => {
          const macs = new Set(await client.arping(ofN2, 1));
          return macs.size === 1 && macs.has(roll.macOf(next));
        }, { timeoutMs: 20_000 });
        await pause(500);
      }, DEATH_GAP_MS);
      await watch("n2 again", () => swap("n2", "herald"), ROLL_GAP_MS);
      await watch("there, n1", () => swap("n1", "herald"), ROLL_GAP_MS);
      await watch("back, n1", () => swap("n1", "metallb"), ROLL_GAP_MS);
      await watch("back, n2", () => swap("n2", "metallb"), ROLL_GAP_MS);
      await watch("back, n3", () => swap("n3", "metallb"), ROLL_GAP_MS);
    } catch (error) {
      const printed = [...heralds, ...speakers.values()].map((one) => one.output()).join("---\n");
      throw new Error(`${figures.join("\n")}\nThe speakers printed:\n${printed}`, { cause: error });
    }
    const said = heralds.map((one) => one.output()).join("");
    assert.doesNotMatch(said, /another host has our address/, "a fellow is no foreign host");
    assert.doesNotMatch(said, /"kind":"(gossip-unreached|rules-differ|compat-differs)"/);
    // deno-lint-ignore no-console -- figures, for whoever reads the run
    for (const figure of figures) console.log(`MetalLB ${release}: ${figure}`);
  });
}
