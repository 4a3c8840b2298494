import assert from "node:assert/strict";
import { BASE, PLATFORMS } from "../../.ci/image/base.ts";
import { writeIndex, writeLayer, writeManifest } from "../../.ci/image/layout.ts";
import { sbomOf } from "../../.ci/image/sbom.ts";

const FACTS = {
  reference: "docker.io/library/herald:9.9.9",
  entrypoint: "/usr/local/bin/herald",
  version: "9.9.9",
  revision: "c0ffee",
  epoch: 1_800_000_000,
};
const [AMD64, ARM64] = PLATFORMS;

/** One layer of two files written in that order, at that time, as an image of one platform. */
async function layoutOf(folder: string, files: readonly string[], timeMs: number): Promise<string> {
  assert.ok(AMD64);
  const [root, layout] = [`${folder}/root`, `${folder}/layout`];
  await Deno.mkdir(root, { recursive: true });
  await Deno.mkdir(layout);
  for (const name of files) {
    await Deno.writeTextFile(`${root}/${name}`, `text of ${name}`);
    await Deno.utime(`${root}/${name}`, timeMs / 1000, timeMs / 1000);
  }
  const layer = await writeLayer(layout, root, FACTS.epoch, "two files");
  await writeIndex(layout, await writeManifest(layout, AMD64, [layer], FACTS), FACTS);
  return layout;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

Deno.test("writeLayer() gives the same bytes whenever and in which order files were written", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-layout-" });
  try {
    const one = await layoutOf(`${folder}/one`, ["a", "b"], 1_000_000);
    const two = await layoutOf(`${folder}/two`, ["b", "a"], 2_000_000_000);
    const other = await layoutOf(`${folder}/other`, ["a", "c"], 1_000_000);
    const index = (layout: string) => Deno.readTextFile(`${layout}/index.json`);
    assert.equal(await index(two), await index(one));
    assert.notEqual(await index(other), await index(one));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a layout's blobs have the digests and sizes that lead to them", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-layout-" });
  try {
    const layout = await layoutOf(folder, ["a"], 1_000_000);
    const index = JSON.parse(await Deno.readTextFile(`${layout}/index.json`));
    const read = async ({ digest, size }: { digest: string; size: number }) => {
      const bytes = await Deno.readFile(`${layout}/blobs/sha256/${digest.replace("sha256:", "")}`);
      assert.equal(`sha256:${await sha256(bytes)}`, digest);
      assert.equal(bytes.length, size);
      return bytes;
    };
    const [entry] = index.manifests;
    assert.deepEqual(entry.platform, { architecture: "amd64", os: "linux" });
    assert.equal(
      entry.annotations["io.containerd.image.name"],
      "docker.io/library/herald:9.9.9",
    );
    const manifest = JSON.parse(new TextDecoder().decode(await read(entry)));
    const config = JSON.parse(new TextDecoder().decode(await read(manifest.config)));
    assert.deepEqual(config.config.Entrypoint, ["/usr/local/bin/herald"]);
    assert.equal(config.config.Labels["org.opencontainers.image.revision"], "c0ffee");
    const zipped = new Blob([await read(manifest.layers[0])]).stream()
      .pipeThrough(new DecompressionStream("gzip"));
    const tar = new Uint8Array(await new Response(zipped).arrayBuffer());
    assert.equal(`sha256:${await sha256(tar)}`, config.rootfs.diff_ids[0]);
    assert.match(new TextDecoder().decode(tar), /text of a/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("sbomOf() names each part once, by its package URL, and relates it to Herald", async () => {
  assert.ok(ARM64);
  const npm = [{ name: "@a/b", version: "1.2.3", license: "MIT" }];
  const document = JSON.parse(JSON.stringify(await sbomOf(ARM64, FACTS, "2.6.10", npm)));
  const purls = document.packages.map((each: { externalRefs: { referenceLocator: string }[] }) =>
    each.externalRefs[0]?.referenceLocator
  );
  assert.equal(new Set(purls).size, 3 + BASE.length);
  assert.ok(purls.includes("pkg:npm/%40a/b@1.2.3"));
  assert.ok(purls.some((purl: string) => /^pkg:deb\/debian\/libc6@.*arch=arm64/.test(purl)));
  const ids = document.packages.map(({ SPDXID }: { SPDXID: string }) => SPDXID);
  for (const { relatedSpdxElement } of document.relationships) {
    assert.ok(ids.includes(relatedSpdxElement), relatedSpdxElement);
  }
  assert.equal(document.relationships.length, ids.length);
});
