import { ensureGo } from "./go.ts";
import { must } from "./process.ts";

/**
 * MetalLB's own speakers, one for each way in which they elect, judge and gossip that can be had: the
 * Go proxy refuses v0.10.2 ("This module version is not available").
 */
export const METALLB_RELEASES = ["v0.12.1", "v0.16.1"] as const;
export type MetallbRelease = typeof METALLB_RELEASES[number];

/** Go's checksums of the modules; those of what they are made of stand in their own go.sum. */
const SUMS: Readonly<Record<MetallbRelease, string>> = {
  "v0.12.1": "h1:zHaGPnfnQUHBRf4LD6ISyvklnGbkPftuyAvU/41CuBg=",
  "v0.16.1": "h1:iVtjCslcUFMOEvuNeAyW2ygZxyW+6YjnNcEuCTOZezc=",
};

/** A speaker that was built, and the custom resources that it reads. */
export interface MetallbFiles {
  readonly speaker: string;
  /** A folder of manifests; empty before v0.13. */
  readonly crds: string;
}

function folderOf(release: MetallbRelease): string {
  const cache = Deno.env.get("HERALD_CACHE") || `${Deno.env.get("HOME") ?? "/root"}/.cache/herald`;
  return `${cache}/metallb/${release}`;
}

/** Builds both while the network is at hand: some minutes once, into the cache. */
export async function buildMetallb(): Promise<void> {
  for (const release of METALLB_RELEASES) await ensureMetallb(release);
}

/** Finds the speaker, or builds it from its Go module. @throws Error that says what could not be had */
export async function ensureMetallb(release: MetallbRelease): Promise<MetallbFiles> {
  const folder = folderOf(release);
  const files = { speaker: `${folder}/speaker`, crds: `${folder}/crds` };
  if (await Deno.stat(files.speaker).then((found) => found.isFile, () => false)) return files;
  await ensureGo();
  say(`building the speaker of MetalLB ${release} from its Go module, some minutes once`);
  const source = await sourceOf(release);
  const work = await Deno.makeTempDir({ prefix: "herald-metallb-" });
  try {
    // Modules are kept without the right to write, and are built where they may be.
    await must("cp", ["-r", source, `${work}/source`]);
    await must("chmod", ["-R", "u+w", `${work}/source`]);
    await must("env", [
      "-C",
      `${work}/source`,
      "CGO_ENABLED=0",
      "GOFLAGS=-buildvcs=false",
      "go",
      "build",
      "-mod=readonly",
      "-trimpath",
      "-ldflags=-s -w",
      "-o",
      `${work}/speaker`,
      "./speaker",
    ]);
    await Deno.mkdir(files.crds, { recursive: true });
    for (const manifest of await manifestsIn(`${work}/source/config/crd/bases`)) {
      await must("cp", [manifest, files.crds]);
    }
    // Last, and at once: where it is, all is there.
    await must("cp", [`${work}/speaker`, `${files.speaker}.${Deno.pid}`]);
    await Deno.rename(`${files.speaker}.${Deno.pid}`, files.speaker);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return files;
}

async function sourceOf(release: MetallbRelease): Promise<string> {
  const module = `go.universe.tf/metallb@${release}`;
  const told = await must("env", ["GOFLAGS=-mod=mod", "go", "mod", "download", "-json", module]);
  const { Dir: folder, Sum: sum } = JSON.parse(told);
  if (sum !== SUMS[release]) {
    throw new Error(`${module} has the checksum ${sum}, and ${SUMS[release]} was expected`);
  }
  return folder;
}

async function manifestsIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => `${folder}/${name}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`herald: ${text}\n`));
}
