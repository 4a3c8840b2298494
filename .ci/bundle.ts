// Makes dist/herald: bundles main.ts and its Workers with esbuild, then puts them behind denort.
// usage: bundle.ts DENO [OUTPUT]; SOURCE_DATE_EPOCH sets the files' time, else that of the commit.
// dist/packages.json names the npm packages that are in it, and dist/source.json says what it was
// made of.
import { build, type Metafile, type Plugin } from "esbuild";
import { builtinModules } from "node:module";
import { BUNDLE, compile, WORKERS } from "./compile.ts";
import { askSource, shortRevision, type Source, writeSource } from "./source.ts";

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

async function bundle(source: Source): Promise<void> {
  const { metafile } = await build({
    metafile: true,
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
    define: {
      HERALD_VERSION: JSON.stringify(source.version),
      HERALD_COMMIT: JSON.stringify(shortRevision(source)),
    },
    banner: {
      js: 'import{createRequire as __createRequire}from"node:module";' +
        "const require=__createRequire(import.meta.url);",
    },
  });
  await writePackages(metafile);
}

/** The binary holds each file's time: without one fixed time no two builds would be alike. */
async function fixTimes(folder: string, epoch: number): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) await fixTimes(path, epoch);
    await Deno.utime(path, epoch, epoch);
  }
}

/** The npm packages of the bundle, by what really went into it. */
async function writePackages({ inputs }: Metafile): Promise<void> {
  const folders = new Set<string>();
  for (const input of Object.keys(inputs)) {
    const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^@/.][^/]*(?=\/)/.exec(input) ?? [];
    if (folder !== undefined) folders.add(folder);
  }
  const packages = await Promise.all([...folders].map(async (folder) => {
    const { license, name, version } = JSON.parse(
      await Deno.readTextFile(`${folder}/package.json`),
    );
    return { name, version, license };
  }));
  const byName = (a: { name: string }, b: { name: string }) => a.name < b.name ? -1 : 1;
  await Deno.writeTextFile("dist/packages.json", JSON.stringify(packages.sort(byName), null, 1));
}

const [deno = Deno.execPath(), output = "dist/herald"] = Deno.args;
const source = await askSource();
await Deno.remove(BUNDLE, { recursive: true }).catch(() => undefined);
await bundle(source);
await fixTimes(BUNDLE, source.epoch);
await compile({ deno, output });
await writeSource(source);
// esbuild's service process would keep this one alive.
Deno.exit(0);
