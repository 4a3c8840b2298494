import { gzipSync } from "node:zlib";
import { must } from "../image/base.ts";

/** Packs a folder of `parent` under its name: sorted, owned by root, of one time and plain modes. */
export async function packFolder(
  parent: string,
  name: string,
  output: string,
  epoch: number,
): Promise<void> {
  const tar = `${output}.tar`;
  try {
    const same = ["--sort=name", `--mtime=@${epoch}`, "--owner=0", "--group=0", "--numeric-owner"];
    const modes = "--mode=u=rwX,go=rX";
    await must("tar", "--format=gnu", ...same, modes, "-cf", tar, "-C", parent, name);
    await Deno.writeFile(output, new Uint8Array(gzipSync(await Deno.readFile(tar), { level: 9 })));
  } finally {
    await Deno.remove(tar).catch(() => undefined);
  }
}
