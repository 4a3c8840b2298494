// The image for arm64 does Herald's main job: on another machine by emulation of its processor, in
// nothing but the image's own files.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { makeLan } from "../support/lan.ts";
import { must, run, start } from "../support/process.ts";
import { replaceFile, statusAddresses } from "../support/folder.ts";
import { withOutput } from "../support/roles.ts";
import { waitFor } from "../support/wait.ts";
import {
  CONFIG_MANIFEST,
  nodeManifest,
  SERVICE_IP,
  serviceManifest,
  sliceManifest,
} from "../lan/scene.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Emulated, a start takes 7 s of a core; beside other tests that is half a minute. */
const PATIENCE = { timeoutMs: 240_000, everyMs: 500 };

/** Lays the files of the image's layers into `folder`; gives the command that runs its herald. */
async function heraldOf(folder: string): Promise<[string, string[]]> {
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const tar = `${ROOT}dist/image/herald-${version}-linux-arm64.tar`;
  await must("skopeo", ["copy", "--quiet", `oci-archive:${tar}`, `dir:${folder}/dir`]);
  const { layers } = JSON.parse(await Deno.readTextFile(`${folder}/dir/manifest.json`));
  const root = `${folder}/root`;
  await Deno.mkdir(root);
  for (const { digest } of layers) {
    await must("tar", ["-xzf", `${folder}/dir/${digest.replace("sha256:", "")}`, "-C", root]);
  }
  const herald = `${root}/usr/local/bin/herald`;
  return Deno.build.arch === "aarch64" ? [herald, []] : ["qemu-aarch64", ["-L", root, herald]];
}

Deno.test("the arm64 image's herald tells its version, validates, gives an address and answers ARP for it", async () => {
  await must(`${ROOT}install.sh`, ["image"]);
  const folder = await Deno.makeTempDir({ prefix: "herald-arm64-" });
  try {
    const [command, before] = await heraldOf(folder);
    const store = `${folder}/store`;
    await Deno.mkdir(store);
    await replaceFile(store, "config.yaml", CONFIG_MANIFEST);
    await replaceFile(store, "node.yaml", nodeManifest("node1"));
    await replaceFile(store, "web.yaml", serviceManifest("web"));
    await replaceFile(store, "slice.yaml", sliceManifest("web", ["node1"]));
    const wrong = `${folder}/wrong.yaml`;
    await Deno.writeTextFile(wrong, CONFIG_MANIFEST.replace("layer2", "layer3"));
    await using lan = await makeLan();
    const node = await lan.addHost("node1", { addresses: ["10.77.1.11/24"] });
    const client = await lan.addHost("client", { addresses: ["10.77.1.63/24"] });
    const role = (...flags: string[]) =>
      start(...node.inside(command, ...before, "run", `--store=${store}`, ...flags));
    await using controller = role("--role=controller", "--port=7473");
    await using speaker = role("--role=speaker", "--node-name=node1", "--arp-backend=socket");
    await withOutput([controller, speaker], async () => {
      // Side by side, for each start is a long one; the checks follow when all is known.
      const [told, right, refused, addresses, macs] = await Promise.all([
        must(command, [...before, "version"]),
        run(command, [...before, "validate", `${store}/config.yaml`]),
        run(command, [...before, "validate", wrong]),
        waitFor("the address in the status", async () => {
          const found = await statusAddresses(store, "web");
          return found.length > 0 && found;
        }, PATIENCE),
        waitFor(`an answer for ${SERVICE_IP}`, async () => {
          const found = await client.arping(SERVICE_IP, 1);
          return found.length > 0 && found;
        }, PATIENCE),
      ]);
      assert.match(told, /aarch64-unknown-linux-gnu/);
      assert.equal(right.code, 0, right.stderr);
      assert.equal(refused.code, 1, refused.stdout);
      assert.match(refused.stdout + refused.stderr, /layer3/);
      assert.equal(addresses[0], SERVICE_IP);
      assert.equal(macs[0], node.mac);
      assert.deepEqual(await client.arping("10.77.1.221", 1), [], "an address of no Service");
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
