// Makes dist/herald: bundles main.ts and its Workers with esbuild, then puts them behind denort.
// usage: bundle.ts DENO [OUTPUT]; SOURCE_DATE_EPOCH sets the files' time, else that of the commit.
import { build, type Plugin } from "esbuild";
import { builtinModules } from "node:module";

const BUNDLE = "dist/js";
/** Entry points besides main.ts: a Worker is loaded by its URL, so no import leads to it. */
const WORKERS = [
  "lib/host/linux/packet/worker",
  "lib/host/linux/bfd/worker",
  "lib/host/linux/heartbeat/worker",
  "lib/host/process/watchdog_worker",
];

/** Variables that Herald reads, and those that its log and command line libraries look at. */
const ENVIRONMENT = [
  "METALLB_*",
  "NODE_NAME",
  "KUBECONFIG",
  "HOME",
  "KUBERNETES_SERVICE_HOST",
  "KUBERNETES_SERVICE_PORT",
  "NODE_V8_COVERAGE",
  "NODE_OPTIONS",
  "LOG_TOKENS",
  "LOG_STREAM",
  "NO_COLOR",
  "TERM",
  "CI",
  "GITHUB_ACTIONS",
  "GITLAB_CI",
  "CIRCLECI",
  "FORCE_COLOR",
  "CLICOLOR_FORCE",
];

/** What the roles need: read for manifests and tokens, write for a store, ffi and
 * the addresses of interfaces for the speaker. */
const PERMISSIONS = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  `--allow-env=${ENVIRONMENT.join(",")}`,
  "--allow-sys=hostname,networkInterfaces",
  "--allow-ffi",
];

/** npm packages say `require("fs")`; Deno wants `node:fs`. */
const nodeBuiltins: Plugin = {
  name: "node-builtins",
  setup(setup) {
    const names = builtinModules.filter((name) => !name.startsWith("_")).join("|");
    setup.onResolve({ filter: new RegExp(`^(${names})$`) }, ({ path }) => ({
      path: `node:${path}`,
      external: true,
    }));
  },
};

function text(command: string, ...args: string[]): string | undefined {
  const { success, stdout } = new Deno.Command(command, { args, stderr: "null" }).outputSync();
  return success ? new TextDecoder().decode(stdout).trim() : undefined;
}

async function bundle(commit: string): Promise<void> {
  const { version } = JSON.parse(await Deno.readTextFile("deno.json"));
  await build({
    entryPoints: ["main.ts", ...WORKERS.map((worker) => `${worker}.ts`)],
    outdir: BUNDLE,
    outbase: ".",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "esnext",
    // Identifiers stay: a stack trace from somebody's rack must be readable.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    conditions: ["deno", "node", "import"],
    alias: { "@std/yaml": "./lib/shim/yaml.ts" },
    plugins: [nodeBuiltins],
    define: { HERALD_VERSION: JSON.stringify(version), HERALD_COMMIT: JSON.stringify(commit) },
    banner: {
      js: 'import{createRequire as __createRequire}from"node:module";' +
        "const require=__createRequire(import.meta.url);",
    },
  });
}

/** The binary holds each file's time: without one fixed time no two builds would be alike. */
async function fixTimes(folder: string, epoch: number): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) await fixTimes(path, epoch);
    await Deno.utime(path, epoch, epoch);
  }
}

async function compile(deno: string, output: string): Promise<void> {
  const args = ["compile", "--quiet", "--no-config", "--node-modules-dir=none", "--no-check"];
  // Spares 1.8 MB of each role, for some 3 % of the rate at which ARP is answered.
  args.push("--v8-flags=--no-short-builtin-calls");
  args.push("--no-prompt", "--no-code-cache", ...PERMISSIONS);
  for (const worker of WORKERS) args.push("--include", `${BUNDLE}/${worker}.js`);
  // A new name and a rename: a herald that runs from the old file keeps it.
  args.push("-o", `${output}.new`, `${BUNDLE}/main.js`);
  const { code } = await new Deno.Command(deno, { args }).spawn().status;
  if (code !== 0) throw new Error(`deno compile ended with exit code ${code}`);
  await Deno.rename(`${output}.new`, output);
}

const [deno = Deno.execPath(), output = "dist/herald"] = Deno.args;
const dirty = text("git", "status", "--porcelain", "--", "main.ts", "deno.json", "lib", "ffi");
const commit = text("git", "rev-parse", "--short=12", "HEAD") ?? "unknown";
const epoch = Number(
  Deno.env.get("SOURCE_DATE_EPOCH") ?? text("git", "log", "-1", "--format=%ct") ?? 0,
);
await Deno.remove(BUNDLE, { recursive: true }).catch(() => undefined);
await bundle(dirty ? `${commit}-dirty` : commit);
await fixTimes(BUNDLE, epoch);
await compile(deno, output);
// esbuild's service process would keep this one alive.
Deno.exit(0);
