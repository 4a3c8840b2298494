import { fileURLToPath } from "node:url";
import { ensureGo } from "./go.ts";
import { run } from "./process.ts";
import { pause } from "./wait.ts";

/** Programs of a Kubernetes control plane, by path. */
export interface KubeBinaries {
  readonly etcd: string;
  readonly kubeApiserver: string;
  readonly kubeControllerManager: string;
  readonly kubeProxy: string;
  readonly kubectl: string;
  readonly kubelet: string;
  readonly kubeScheduler: string;
}

const KUBERNETES = "v1.35.4";
/** The same libraries of Kubernetes as above: most of what it is made of has been compiled already. */
const HELM = "v3.20.2";
/** By the folder under .ci/kube whose go.mod pins it: what a build of it says of itself. */
const MODULES = {
  etcd: { version: "v3.6.5", variables: [] },
  kubernetes: {
    version: KUBERNETES,
    variables: [`k8s.io/component-base/version.gitVersion=${KUBERNETES}`],
  },
  helm: {
    version: HELM,
    variables: [
      `helm.sh/helm/v3/internal/version.version=${HELM}`,
      // The Kubernetes that a chart is rendered and linted for where no cluster is asked.
      ...["pkg/chartutil", "pkg/lint/rules"].flatMap((where) => [
        `helm.sh/helm/v3/${where}.k8sVersionMajor=1`,
        `helm.sh/helm/v3/${where}.k8sVersionMinor=35`,
      ]),
    ],
  },
} as const;
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** One program: where it comes from and which version will do. */
interface Program {
  readonly name: string;
  readonly module: keyof typeof MODULES;
  readonly package: string;
  readonly acceptable: RegExp;
  readonly versionArgs: readonly string[];
}

const minor = /v1\.35\.\d+/;
const kubernetes = (name: string, versionArgs = ["--version"]): Program => ({
  name,
  module: "kubernetes",
  package: `k8s.io/kubernetes/cmd/${name}`,
  acceptable: minor,
  versionArgs,
});
const PROGRAMS = {
  etcd: {
    name: "etcd",
    module: "etcd",
    package: "go.etcd.io/etcd/server/v3",
    // Older ones starve watches of this API server.
    acceptable: /etcd Version: 3\.(5|6|7)\./,
    versionArgs: ["--version"],
  },
  kubeApiserver: kubernetes("kube-apiserver"),
  kubeControllerManager: kubernetes("kube-controller-manager"),
  kubeProxy: kubernetes("kube-proxy"),
  kubectl: kubernetes("kubectl", ["version", "--client"]),
  kubelet: kubernetes("kubelet"),
  kubeScheduler: kubernetes("kube-scheduler"),
} as const satisfies Record<keyof KubeBinaries, Program>;

const HELM_PROGRAM = {
  name: "helm",
  module: "helm",
  package: "helm.sh/helm/v3/cmd/helm",
  acceptable: /^v3\.(1[4-9]|[2-9]\d)\./,
  versionArgs: ["version", "--template={{.Version}}"],
} as const satisfies Program;

/** The folder of programs that were downloaded or built. */
function cacheFolder(): string {
  const cache = Deno.env.get("HERALD_CACHE") || `${Deno.env.get("HOME") ?? "/root"}/.cache/herald`;
  return `${cache}/kube/${KUBERNETES}/bin`;
}

/**
 * Finds the programs, or gets them: `$KUBEBUILDER_ASSETS` and PATH where the version will do, then
 * the official releases, then a build from their Go modules, once for all into the cache.
 * @throws Error that says what could not be had
 */
export async function ensureKubeBinaries(): Promise<KubeBinaries> {
  const folder = cacheFolder();
  await Deno.mkdir(folder, { recursive: true });
  using _lock = await lockFolder(folder);
  return {
    etcd: await ensure(PROGRAMS.etcd, folder),
    kubeApiserver: await ensure(PROGRAMS.kubeApiserver, folder),
    kubeControllerManager: await ensure(PROGRAMS.kubeControllerManager, folder),
    kubeProxy: await ensure(PROGRAMS.kubeProxy, folder),
    kubectl: await ensure(PROGRAMS.kubectl, folder),
    kubelet: await ensure(PROGRAMS.kubelet, folder),
    kubeScheduler: await ensure(PROGRAMS.kubeScheduler, folder),
  };
}

/** Finds helm, or gets it, by the same ways; gives its path. @throws Error that says why not */
export async function ensureHelm(): Promise<string> {
  const folder = cacheFolder();
  await Deno.mkdir(folder, { recursive: true });
  using _lock = await lockFolder(folder);
  return await ensure(HELM_PROGRAM, folder);
}

async function ensure(program: Program, folder: string): Promise<string> {
  const cached = `${folder}/${program.name}`;
  if (await isFile(cached)) return cached;
  const assets = Deno.env.get("KUBEBUILDER_ASSETS");
  const places = [...assets ? [assets] : [], ...(Deno.env.get("PATH") ?? "").split(":")];
  for (const place of places) {
    const path = `${place}/${program.name}`;
    if (await isFile(path) && await isAcceptable(path, program)) return path;
  }
  const fresh = `${cached}.${Deno.pid}`;
  if (!(await download(program, fresh)) || !(await isAcceptable(fresh, program))) {
    await build(program, fresh);
  }
  if (!(await isAcceptable(fresh, program))) {
    throw new Error(`The ${program.name} that was built does not run`);
  }
  await Deno.rename(fresh, cached);
  return cached;
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((found) => found.isFile, () => false);
}

async function isAcceptable(path: string, { acceptable, versionArgs }: Program): Promise<boolean> {
  const { code, stdout } = await run(path, versionArgs).catch(() => ({ code: 1, stdout: "" }));
  // A wrapper that chooses among versions is none of them.
  return code === 0 && acceptable.test(stdout) && !stdout.includes("dispatcher");
}

/** Gets a release and checks it against the sum that is published beside it; quick to give up. */
async function download(program: Program, to: string): Promise<boolean> {
  // The others' releases are archives of several files.
  if (program.module !== "kubernetes") return false;
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "amd64";
  const url = `https://dl.k8s.io/release/${KUBERNETES}/bin/linux/${arch}/${program.name}`;
  const curl = ["-fsSL", "--connect-timeout", "5", "--speed-limit", "20000", "--speed-time", "20"];
  const sum = await run("curl", [...curl, `${url}.sha256`]).catch(() => undefined);
  if (sum?.code !== 0) return false;
  say(`getting ${program.name} ${KUBERNETES}`);
  if ((await run("curl", [...curl, "-o", to, url])).code !== 0) return false;
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(to));
  if (new Uint8Array(digest).toHex() !== sum.stdout.trim().slice(0, 64)) return false;
  await Deno.chmod(to, 0o755);
  return true;
}

async function build(program: Program, to: string): Promise<void> {
  await ensureGo();
  const { version, variables } = MODULES[program.module];
  say(`building ${program.name} ${version} from its Go module, some minutes once`);
  const began = performance.now();
  const beat = setInterval(
    () =>
      say(`still building ${program.name}, ${Math.round((performance.now() - began) / 1000)} s`),
    30_000,
  );
  try {
    const flags = ["-s", "-w", ...variables.map((variable) => `-X ${variable}`)].join(" ");
    const child = new Deno.Command("go", {
      args: ["build", "-mod=readonly", "-trimpath", `-ldflags=${flags}`, "-o", to, program.package],
      cwd: `${ROOT}.ci/kube/${program.module}`,
      env: { CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false" },
      stdout: "null",
      stderr: "piped",
    });
    const { code, stderr } = await child.output();
    if (code !== 0) {
      throw new Error(
        `go build of ${program.name}: ${new TextDecoder().decode(stderr).slice(-2000)}`,
      );
    }
  } finally {
    clearInterval(beat);
  }
}

/** One process at a time fills the cache; a lock whose owner is gone counts for nothing. */
async function lockFolder(folder: string): Promise<Disposable> {
  const lock = `${folder}/.lock`;
  while (true) {
    try {
      await Deno.writeTextFile(lock, String(Deno.pid), { createNew: true });
      return { [Symbol.dispose]: () => Deno.removeSync(lock) };
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    const owner = await Deno.readTextFile(lock).catch(() => "");
    if (owner !== "" && !(await isFile(`/proc/${owner}/stat`))) {
      await Deno.remove(lock).catch(() => undefined);
    } else await pause(500);
  }
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`herald: ${text}\n`));
}
