// deno-lint-ignore-file no-console -- a program for people, not part of Herald
// Makes the OCI image without any container program: dist/image/layout holds both platforms, and
// one tar a platform is what `ctr images import`, `podman load` and `skopeo` take.
// usage: image.ts DENO DENO-VERSION AMD64-DENORT ARM64-DENORT; dist/js is there (bundle.ts).
import { compile } from "../compile.ts";
import { readSource } from "../source.ts";
import { layBase, type Platform, PLATFORMS, sha256Of } from "./base.ts";
import {
  type ImageFacts,
  tarOf,
  writeIndex,
  writeLayer,
  writeManifest,
  writePlatforms,
} from "./layout.ts";
import { sbomOf } from "./sbom.ts";

const OUT = "dist/image";
const CACHE = `${Deno.env.get("HERALD_CACHE") ?? `${Deno.env.get("HOME")}/.cache/herald`}/debian`;

async function factsOf(): Promise<ImageFacts> {
  const source = await readSource();
  return {
    ...source,
    reference: `docker.io/library/herald:${source.version}`,
    entrypoint: "/usr/local/bin/herald",
  };
}

/** One platform's layers and manifest, in its own layout and in the common one. */
async function makePlatform(
  platform: Platform,
  facts: ImageFacts,
  deno: string,
  denort: string,
  work: string,
): Promise<Record<string, unknown>> {
  const layout = `${OUT}/layout`;
  const [base, program] = [`${work}/base`, `${work}/program`];
  await layBase(platform, base, CACHE);
  await Deno.mkdir(`${program}/usr/local/bin`, { recursive: true });
  const binary = `${program}/usr/local/bin/herald`;
  await compile({ deno, output: binary, target: platform.target, denort });
  await Deno.mkdir(`${program}/usr/share/doc/herald`, { recursive: true });
  await Deno.copyFile("dist/licenses.txt", `${program}/usr/share/doc/herald/copyright`);
  const layers = [
    await writeLayer(layout, base, facts.epoch, "Debian's libc6, libgcc-s1, base-files"),
    await writeLayer(layout, program, facts.epoch, "herald"),
  ];
  return await writeManifest(layout, platform, layers, facts);
}

/** A layout of one platform alone, as one file. */
async function writeTar(
  { name }: Platform,
  manifest: Record<string, unknown>,
  facts: ImageFacts,
  work: string,
): Promise<string> {
  const alone = `${work}/alone`;
  await Deno.mkdir(`${alone}/blobs/sha256`, { recursive: true });
  const copy = async (digest: string): Promise<string> => {
    const path = `blobs/sha256/${digest.replace("sha256:", "")}`;
    await Deno.link(`${OUT}/layout/${path}`, `${alone}/${path}`);
    return `${alone}/${path}`;
  };
  const { config, layers } = JSON.parse(
    await Deno.readTextFile(await copy(String(manifest.digest))),
  );
  for (const { digest } of [config, ...layers]) await copy(digest);
  await writeIndex(alone, manifest, facts);
  const tar = `${OUT}/herald-${facts.version}-linux-${name}.tar`;
  await tarOf(alone, tar, facts.epoch);
  return tar;
}

const [deno = Deno.execPath(), denoVersion = Deno.version.deno, ...denorts] = Deno.args;
const facts = await factsOf();
await Deno.remove(OUT, { recursive: true }).catch(() => undefined);
await Deno.mkdir(`${OUT}/layout`, { recursive: true });
const npm = JSON.parse(await Deno.readTextFile("dist/packages.json"));
const manifests: Record<string, unknown>[] = [];
for (const [at, platform] of PLATFORMS.entries()) {
  const denort = denorts[at];
  if (denort === undefined) throw new Error(`no denort for ${platform.name} was given`);
  const work = await Deno.makeTempDir({ dir: "dist", prefix: ".image-" });
  try {
    const manifest = await makePlatform(platform, facts, deno, denort, work);
    manifests.push(manifest);
    const tar = await writeTar(platform, manifest, facts, work);
    const sbom = `${OUT}/herald-${facts.version}-linux-${platform.name}.spdx.json`;
    const document = await sbomOf(platform, facts, denoVersion, npm);
    await Deno.writeTextFile(sbom, `${JSON.stringify(document, null, 1)}\n`);
    const { size } = await Deno.stat(tar);
    const sha256 = (await sha256Of(tar))?.slice(0, 16);
    console.error(`herald: ${tar} (${(size / 1e6).toFixed(1)} MB, sha256 ${sha256}…)`);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
await writeIndex(`${OUT}/layout`, await writePlatforms(`${OUT}/layout`, manifests), facts);
