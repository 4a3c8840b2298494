// An OCI image layout, byte for byte the same for the same input.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
import { gzipSync } from "node:zlib";
import type { Source } from "../source.ts";
import { hexSha256, must, type Platform } from "./base.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
const INDEX = "application/vnd.oci.image.index.v1+json";

export interface ImageFacts extends Source {
  /** In full, `docker.io/library/herald:0.1.0`: containerd finds an image by nothing shorter. */
  readonly reference: string;
  /** The program that is run. */
  readonly entrypoint: string;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface Layer extends Descriptor {
  readonly diffId: string;
  readonly comment: string;
}

/** Writes a blob under its digest. */
async function writeBlob(
  layout: string,
  mediaType: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Descriptor> {
  const hex = await hexSha256(bytes);
  await Deno.mkdir(`${layout}/blobs/sha256`, { recursive: true });
  await Deno.writeFile(`${layout}/blobs/sha256/${hex}`, bytes);
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
}

function writeJson(layout: string, mediaType: string, value: unknown): Promise<Descriptor> {
  return writeBlob(layout, mediaType, new TextEncoder().encode(JSON.stringify(value)));
}

/** A folder as a layer: files sorted, owned by root, of one time. */
export async function writeLayer(
  layout: string,
  folder: string,
  epoch: number,
  comment: string,
): Promise<Layer> {
  const tar = `${layout}.layer.tar`;
  try {
    await tarOf(folder, tar, epoch);
    const bytes = await Deno.readFile(tar);
    const blob = await writeBlob(layout, LAYER, new Uint8Array(gzipSync(bytes, { level: 9 })));
    return { ...blob, diffId: `sha256:${await hexSha256(bytes)}`, comment };
  } finally {
    await Deno.remove(tar).catch(() => undefined);
  }
}

/** The same folder gives the same bytes, whoever owns it and whenever it was written. */
export async function tarOf(folder: string, tar: string, epoch: number): Promise<void> {
  const same = ["--sort=name", `--mtime=@${epoch}`, "--owner=0", "--group=0", "--numeric-owner"];
  await must("tar", "--format=gnu", ...same, "-cf", tar, "-C", folder, ".");
}

/** One platform's manifest, as an entry of an index. */
export async function writeManifest(
  layout: string,
  { name: architecture }: Platform,
  layers: readonly Layer[],
  { entrypoint, epoch, revision, version }: ImageFacts,
): Promise<Record<string, unknown>> {
  const created = new Date(epoch * 1000).toISOString();
  const labels = {
    "org.opencontainers.image.created": created,
    "org.opencontainers.image.description": "Network load balancer for bare-metal Kubernetes",
    "org.opencontainers.image.licenses": "Apache-2.0",
    "org.opencontainers.image.revision": revision,
    "org.opencontainers.image.title": "herald",
    "org.opencontainers.image.version": version,
  };
  const config = await writeJson(layout, CONFIG, {
    architecture,
    config: { Entrypoint: [entrypoint], Labels: labels },
    created,
    history: layers.map(({ comment }) => ({ created, created_by: comment })),
    os: "linux",
    rootfs: { diff_ids: layers.map(({ diffId }) => diffId), type: "layers" },
  });
  const manifest = await writeJson(layout, MANIFEST, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config,
    layers: layers.map(({ digest, mediaType, size }) => ({ mediaType, digest, size })),
    annotations: labels,
  });
  return { ...manifest, platform: { architecture, os: "linux" } };
}

/** Ends the layout with one image under its name: what else lies in it is reached from here. */
export async function writeIndex(
  layout: string,
  image: Record<string, unknown>,
  { reference, version }: ImageFacts,
): Promise<void> {
  await Deno.writeTextFile(`${layout}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  const annotations = {
    "io.containerd.image.name": reference,
    "org.opencontainers.image.ref.name": version,
  };
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: [{ ...image, annotations }] };
  await Deno.writeTextFile(`${layout}/index.json`, JSON.stringify(index));
}

/** Several platforms' manifests as one image, of which each machine takes its own. */
export async function writePlatforms(
  layout: string,
  manifests: readonly Record<string, unknown>[],
): Promise<Record<string, unknown>> {
  return { ...await writeJson(layout, INDEX, { schemaVersion: 2, mediaType: INDEX, manifests }) };
}
