import { type ControlPlane, kubeletToken } from "../support/control_plane.ts";
import { openJanitor } from "../support/janitor.ts";
import type { Host } from "../support/lan.ts";
import { must, run, type RunningProcess, start } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import { IMAGES } from "./images.ts";

/** A node of a cluster: containerd, kubelet and kube-proxy in a namespace of their own. */
export interface KubeletNode extends AsyncDisposable {
  readonly name: string;
  /** What it was started with: so it can be started again after a power cut. */
  readonly options: KubeletOptions;
  readonly host: Host;
  /** The socket of its containerd. */
  readonly containerd: string;
  /** Runs `ctr` on the node's containerd, in the namespace of Kubernetes. */
  ctr(...args: string[]): Promise<string>;
  /** What its programs print, for a failure's message. */
  logs(): Promise<string>;
  /** What its pods of this namespace have printed so far, those that are gone included. */
  podLogs(namespace: string): Promise<readonly PodLog[]>;
  /** As a power cut: every process of the node, pods included, ends at once. */
  cutPower(): Promise<void>;
}

/** What one run of a container printed. */
export interface PodLog {
  readonly pod: string;
  readonly container: string;
  /** How often it had been restarted before. */
  readonly restarts: number;
  readonly lines: readonly { readonly at: string; readonly text: string }[];
}

export interface KubeletOptions {
  readonly kube: ControlPlane;
  readonly host: Host;
  /** The node's name, unique on this machine: its control groups bear it. */
  readonly name: string;
  readonly address: string;
  /** `10.244.1.0/24` */
  readonly podRange: string;
  /** Tars of images that no registry has to give. */
  readonly images: readonly string[];
}

/** Hierarchies of version 1 that containerd and the kubelet want; what is not mounted is left out. */
const CONTROLLERS = ["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids"];
const CGROUP_ROOT = "/sys/fs/cgroup";
/**
 * Weighs as ten programs of the machine do: a real node shares its cores with no control plane, and
 * beside one the pods of a scene would get next to nothing while it is busy.
 */
const CPU_SHARES = 10 * 1024;
/** The kubelet looks at these of the machine and would set them; it sees files of the node's own. */
const SYSCTLS = [
  ["vm/overcommit_memory", "1"],
  ["vm/panic_on_oom", "0"],
  ["kernel/panic", "10"],
  ["kernel/panic_on_oops", "1"],
] as const;
/** Where kubelet, containerd and CNI plugins write outside of their folders, whatever they are told. */
const WRITTEN = ["/run", "/var/lib", "/var/log"];

/** Starts a node, and waits until the API server says that it is Ready. */
export async function startKubeletNode(options: KubeletOptions): Promise<KubeletNode> {
  const { address, host, kube, name } = options;
  await using unfinished = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: `herald-${name}-` });
  unfinished.use(openJanitor({ group: name, folder }));
  unfinished.defer(() => Deno.remove(folder, { recursive: true }));
  const hierarchies = await makeControlGroups(name);
  unfinished.defer(() => removeControlGroups(name));
  await writeSettings(folder, options);
  unfinished.use(keepPodLogs(folder));
  const shell = start("nsenter", [
    `--net=/run/netns/${host.netns}`,
    "unshare",
    "-m",
    "--propagation",
    "private",
    "sh",
    "-eu",
    `${folder}/node.sh`,
  ]);
  unfinished.defer(() => endAll(shell, host, hierarchies, name));
  const ctr = (...args: string[]) =>
    must("ctr", ["-a", `${folder}/c.sock`, "-n", "k8s.io", ...args]);
  const logs = async () => {
    const parts = ["containerd", "kubelet", "kube-proxy"].map(async (part) =>
      `--- ${part} of ${name}\n${
        (await Deno.readTextFile(`${folder}/${part}.log`).catch(() => "")).slice(-4000)
      }`
    );
    return `${shell.output().slice(-2000)}\n${(await Promise.all(parts)).join("\n")}`;
  };
  await waitFor(`node ${name} to be Ready`, async () => {
    const told = await kube.kubectl([
      "get",
      "node",
      name,
      "-o",
      'jsonpath={.status.conditions[?(@.type=="Ready")].status}',
    ]);
    return told === "True";
  }, { timeoutMs: 90_000, everyMs: 500 }).catch(async (error) => {
    throw new Error(await logs(), { cause: error });
  });
  // Its address on the LAN is the one that other nodes' pods and routes use.
  await host.must("ip", "addr", "show", "to", address);
  const finished = unfinished.move();
  return {
    name,
    options,
    host,
    containerd: `${folder}/c.sock`,
    ctr,
    logs,
    podLogs: (namespace) => readPodLogs(folder, namespace),
    cutPower: () => endAll(shell, host, hierarchies, name),
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

/** A second name for each log: the kubelet removes its own with the pod, which is when it is wanted. */
function keepPodLogs(folder: string): Disposable {
  const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name);
  const keep = () => {
    for (const pod of names(`${folder}/pods`)) {
      for (const container of names(`${folder}/pods/${pod}`)) {
        for (const file of names(`${folder}/pods/${pod}/${container}`)) {
          const kept = `${folder}/kept/${pod}_${container}_${file}`;
          if (!known.has(kept)) Deno.linkSync(`${folder}/pods/${pod}/${container}/${file}`, kept);
          known.add(kept);
        }
      }
    }
  };
  const known = new Set<string>();
  const timer = setInterval(() => {
    try {
      keep();
    } catch (error) {
      // A pod that goes in this moment was seen before.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }, 200);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function readPodLogs(folder: string, namespace: string): Promise<PodLog[]> {
  const found: PodLog[] = [];
  for await (const { name } of Deno.readDir(`${folder}/kept`)) {
    const [of, pod = "", _uid, container = "", file = ""] = name.split("_");
    if (of !== namespace) continue;
    const text = await Deno.readTextFile(`${folder}/kept/${name}`);
    const lines = [...text.matchAll(/^(\S+) std(?:out|err) [FP] (.*)$/gm)]
      .map(([, at = "", line = ""]) => ({ at, text: line }));
    found.push({ pod, container, restarts: Number(file.split(".")[0]), lines });
  }
  return found;
}

async function makeControlGroups(name: string): Promise<string[]> {
  const made: string[] = [];
  for (const controller of [...CONTROLLERS, "systemd"]) {
    const root = `${CGROUP_ROOT}/${controller}`;
    if (!await Deno.stat(root).then(() => true, () => false)) continue;
    await Deno.mkdir(`${root}/${name}`, { recursive: true });
    made.push(root);
    if (controller === "cpu") {
      await Deno.writeTextFile(`${root}/${name}/cpu.shares`, `${CPU_SHARES}`);
    }
    if (controller !== "cpuset") continue;
    for (const file of ["cpus", "mems"]) {
      const all = await Deno.readTextFile(`${root}/cpuset.${file}`);
      await Deno.writeTextFile(`${root}/${name}/cpuset.${file}`, all);
    }
  }
  return made;
}

/** Deepest first: a group that holds another cannot go. Runc makes groups in more hierarchies than it is given. */
async function removeControlGroups(name: string): Promise<void> {
  for await (const { name: hierarchy } of Deno.readDir(CGROUP_ROOT)) {
    const { stdout } = await run("find", [
      `${CGROUP_ROOT}/${hierarchy}/${name}`,
      "-depth",
      "-type",
      "d",
    ]);
    for (const group of stdout.split("\n").filter(Boolean)) {
      await Deno.remove(group).catch(() => undefined);
    }
  }
}

/** Ends the node's own programs first, so that nothing is started anew; then its pods. */
async function endAll(
  shell: RunningProcess,
  host: Host,
  hierarchies: readonly string[],
  name: string,
): Promise<void> {
  for (const pid of (await must("ip", ["netns", "pids", host.netns])).split("\n")) {
    if (pid !== "") await run("kill", ["-9", pid]);
  }
  await shell.end("SIGKILL");
  const memory = hierarchies.find((root) => root.endsWith("/memory")) ?? "";
  await waitFor(`the processes of ${name} to end`, async () => {
    const { stdout } = await run("find", [`${memory}/${name}`, "-name", "cgroup.procs"]);
    let left = 0;
    for (const file of stdout.split("\n").filter(Boolean)) {
      for (const pid of (await Deno.readTextFile(file).catch(() => "")).split("\n")) {
        if (pid === "") continue;
        left++;
        await run("kill", ["-9", pid]);
      }
    }
    return left === 0;
  });
}

async function writeSettings(folder: string, options: KubeletOptions): Promise<void> {
  const { kube, name } = options;
  for (const part of ["cni", "kept", "plugins", "pods", "pki", "sys"]) {
    await Deno.mkdir(`${folder}/${part}`, { recursive: true });
  }
  const kubeconfig = await kube.kubeconfigForToken(kubeletToken(name));
  await Deno.writeTextFile(`${folder}/containerd.toml`, containerdToml(folder));
  await Deno.writeTextFile(`${folder}/cni/10-pods.conflist`, podNetwork(folder, options));
  await Deno.writeTextFile(`${folder}/kubelet.json`, kubeletSettings(folder, options));
  await Deno.writeTextFile(`${folder}/node.sh`, script(folder, options, kubeconfig));
}

function containerdToml(folder: string): string {
  const disabled = [
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.internal.v1.opt",
  ];
  return `version = 2
root = "${folder}/containerd"
state = "${folder}/run"
disabled_plugins = ${JSON.stringify(disabled)}
[grpc]
  address = "${folder}/c.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${IMAGES.pause}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${folder}/cni"
`;
}

function podNetwork(folder: string, { podRange }: KubeletOptions): string {
  const ipam = {
    type: "host-local",
    ranges: [[{ subnet: podRange }]],
    routes: [{ dst: "0.0.0.0/0" }],
    dataDir: `${folder}/ipam`,
  };
  const bridge = { type: "bridge", bridge: "cni0", isGateway: true, ipMasq: true };
  const plugins = [{ ...bridge, hairpinMode: true, ipam }];
  return JSON.stringify({ cniVersion: "0.4.0", name: "pods", plugins });
}

function kubeletSettings(folder: string, { address, name }: KubeletOptions): string {
  return JSON.stringify({
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: "AlwaysAllow" },
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${name}`,
    failCgroupV1: false,
    failSwapOn: false,
    protectKernelDefaults: true,
    enforceNodeAllocatable: [],
    containerRuntimeEndpoint: `unix://${folder}/c.sock`,
    podLogsDir: `${folder}/pods`,
    volumePluginDir: `${folder}/plugins`,
    address,
    readOnlyPort: 0,
    oomScoreAdj: 0,
    resolvConf: "/etc/resolv.conf",
    // Nobody answers there; without one the kubelet warns of each pod.
    clusterDNS: ["172.17.0.10"],
    clusterDomain: "cluster.local",
    evictionHard: {
      "memory.available": "100Mi",
      "nodefs.available": "1%",
      "imagefs.available": "1%",
      "nodefs.inodesFree": "1%",
    },
    nodeStatusUpdateFrequency: "5s",
    syncFrequency: "5s",
  });
}

/** Runs in the node's network and a mount namespace of its own, so that nothing is left of it. */
function script(folder: string, options: KubeletOptions, kubeconfig: string): string {
  const { address, images, kube, name } = options;
  const { kubelet, kubeProxy } = kube.binaries;
  return [
    ...SYSCTLS.flatMap(([path, value]) => {
      const file = `${folder}/sys/${path.replace("/", ".")}`;
      return [`echo ${value} >${file}`, `mount --bind ${file} /proc/sys/${path}`];
    }),
    // What they write there lands in the node's own folder.
    ...WRITTEN.flatMap((path) => {
      const over = `${folder}/over${path.replaceAll("/", "-")}`;
      const layers = `lowerdir=${path},upperdir=${over}/upper,workdir=${over}/work`;
      return [
        `mkdir -p ${over}/upper ${over}/work`,
        `mount -t overlay overlay -o ${layers} ${path}`,
      ];
    }),
    `containerd -c ${folder}/containerd.toml >${folder}/containerd.log 2>&1 &`,
    `until ctr -a ${folder}/c.sock version >/dev/null 2>&1; do sleep 0.1; done`,
    ...images.map((tar) => `ctr -a ${folder}/c.sock -n k8s.io images import ${tar} >/dev/null`),
    [
      kubelet,
      `--config=${folder}/kubelet.json`,
      `--kubeconfig=${kubeconfig}`,
      `--root-dir=${folder}/kubelet`,
      `--cert-dir=${folder}/pki`,
      `--hostname-override=${name}`,
      `--node-ip=${address}`,
      `>${folder}/kubelet.log 2>&1 &`,
    ].join(" "),
    [
      kubeProxy,
      `--kubeconfig=${kube.kubeconfig}`,
      "--proxy-mode=nftables",
      `--hostname-override=${name}`,
      "--cluster-cidr=10.244.0.0/16",
      "--conntrack-max-per-core=0",
      "--healthz-bind-address=127.0.0.1:10256",
      "--metrics-bind-address=127.0.0.1:10249",
      `>${folder}/kube-proxy.log 2>&1 &`,
    ].join(" "),
    "wait",
    "",
  ].join("\n");
}
