// Makes dist/herald: bundles main.ts and its Workers with esbuild, then puts them behind denort.
// usage: bundle.ts DENO [OUTPUT]; SOURCE_DATE_EPOCH sets the files' time, else that of the commit.
// dist/packages.json names the npm packages that are in it, dist/licenses.txt has the licences of all
// its parts, and dist/source.json says what it was made of.
import { build, type Metafile, type Plugin } from "esbuild";
import { builtinModules } from "node:module";
import { BUNDLE, compile, WORKERS } from "./compile.ts";
import { type BundledPackage, copyrightFile, packageFolders, readPackage } from "./licenses.ts";
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

/** The npm packages of the bundle, by what really went into it, and the licences of all. */
async function writePackages({ inputs }: Metafile): Promise<void> {
  const packages = await Promise.all(packageFolders(Object.keys(inputs)).map(readPackage));
  const byName = (a: BundledPackage, b: BundledPackage) =>
    `${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1;
  packages.sort(byName);
  const named = packages.map(({ license, name, version }) => ({ name, version, license }));
  await Deno.writeTextFile("dist/packages.json", JSON.stringify(named, null, 1));
  await Deno.writeTextFile("dist/licenses.txt", await copyrightFile(packages));
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
