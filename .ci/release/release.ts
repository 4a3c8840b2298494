// deno-lint-ignore-file no-console -- a program for people, not part of Herald
// Lays all that is published into dist/release. dist/image is there (image.ts).
import { must, type Platform, PLATFORMS, sha256Of } from "../image/base.ts";
import { readSource } from "../source.ts";
import { makeDeb } from "./deb.ts";
import { packFolder } from "./pack.ts";
import { cliTexts } from "./texts.ts";

const IMAGE = "dist/image";
const OUT = "dist/release";

/** The very program that the image has, out of its last layer. */
async function takeBinary({ name }: Platform, work: string, output: string): Promise<void> {
  const read = async (digest: string) => JSON.parse(await Deno.readTextFile(blobOf(digest)));
  const blobOf = (digest: string) =>
    `${IMAGE}/layout/blobs/sha256/${digest.replace("sha256:", "")}`;
  const index = JSON.parse(await Deno.readTextFile(`${IMAGE}/layout/index.json`));
  const { manifests } = await read(index.manifests[0].digest);
  const entry = manifests.find((one: { platform: { architecture: string } }) =>
    one.platform.architecture === name
  );
  const { layers } = await read(entry.digest);
  await must("tar", "-xzf", blobOf(layers.at(-1).digest), "-C", work);
  await Deno.rename(`${work}/usr/local/bin/herald`, output);
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

const { epoch, version } = await readSource();
const { completions, page } = cliTexts(version, epoch);
await Deno.remove(OUT, { recursive: true }).catch(() => undefined);
await Deno.mkdir(OUT, { recursive: true });
for (const platform of PLATFORMS) {
  const name = `herald-${version}-linux-${platform.name}`;
  const work = await Deno.makeTempDir({ dir: "dist", prefix: ".release-" });
  try {
    await takeBinary(platform, work, `${OUT}/${name}`);
    await Deno.copyFile(`${IMAGE}/${name}.tar`, `${OUT}/${name}-image.tar`);
    await Deno.copyFile(`${IMAGE}/${name}.spdx.json`, `${OUT}/${name}.spdx.json`);
    await makeDeb(
      {
        platform: platform.name,
        version,
        epoch,
        binary: `${OUT}/${name}`,
        licenses: "dist/licenses.txt",
        manPage: page,
        completions,
        compression: "gzip",
      },
      work,
      `${OUT}/herald_${version}_${platform.name}.deb`,
    );
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
await Deno.copyFile("dist/licenses.txt", `${OUT}/licenses.txt`);
await Deno.writeTextFile(`${OUT}/herald.1`, page);
for (const [path, text] of Object.entries(completions)) {
  const name = path.endsWith("/herald") ? "herald.bash" : path.replace(/.*\//, "");
  await Deno.writeTextFile(`${OUT}/${name}`, text);
}
for (const folder of ["deploy", "deploy/prometheus", "deploy/grafana"]) {
  if (!await isThere(folder)) continue;
  for await (const { isFile, name } of Deno.readDir(folder)) {
    // What kustomize reads is in its own package, with the folders that it names.
    if (isFile && /\.(ya?ml|json)$/.test(name) && name !== "kustomization.yaml") {
      await Deno.copyFile(`${folder}/${name}`, `${OUT}/${name}`);
    }
  }
}
// What `helm package` makes: the chart's folder, under the chart's name.
if (await isThere("deploy/chart/herald")) {
  const chart = await Deno.readTextFile("deploy/chart/herald/Chart.yaml");
  const chartVersion = /^version: *"?([^"\s]+)/m.exec(chart)?.[1] ?? version;
  await packFolder("deploy/chart", "herald", `${OUT}/herald-${chartVersion}.tgz`, epoch);
}
if (await isThere("deploy/kustomize")) {
  await packFolder("deploy", "kustomize", `${OUT}/herald-${version}-kustomize.tgz`, epoch);
}
const names = [...Deno.readDirSync(OUT)].map(({ name }) => name).sort();
const sums = await Promise.all(
  names.map(async (name) => `${await sha256Of(`${OUT}/${name}`)}  ${name}\n`),
);
await Deno.writeTextFile(`${OUT}/SHA256SUMS`, sums.join(""));
console.error(`herald: ${OUT} holds ${names.length} files and SHA256SUMS`);
