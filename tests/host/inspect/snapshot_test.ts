import assert from "node:assert/strict";
import { takeSnapshot } from "../../../lib/host/inspect/snapshot.ts";
import { CONFIG_MANIFEST, nodeManifest, serviceManifest, sliceManifest } from "../../lan/scene.ts";

async function inFolder(
  files: Record<string, string>,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "herald-snapshot-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function options(store: string, config?: string) {
  return { store, config, kubeconfig: undefined, namespace: "metallb-system", lbClass: undefined };
}

Deno.test("takeSnapshot() reads what a folder holds, once, and leaves no watch behind", async () => {
  const files = {
    "config.yaml": CONFIG_MANIFEST,
    "web.yaml": serviceManifest("web"),
    "slice.yaml": sliceManifest("web", ["node1"]),
    "node.yaml": nodeManifest("node1"),
  };
  await inFolder(files, async (folder) => {
    const snapshot = await takeSnapshot(options(folder));
    assert.deepEqual([...snapshot.services.keys()], ["default/web"]);
    assert.deepEqual(snapshot.slices.map(({ service }) => service), ["default/web"]);
    assert.deepEqual([...snapshot.nodes.keys()], ["node1"]);
    assert.equal(snapshot.config?.pools[0]?.name, "default");
    assert.ok(snapshot.description.includes(folder));
  });
});

Deno.test("takeSnapshot() says why there is no configuration", async () => {
  await inFolder({ "web.yaml": serviceManifest("web") }, async (folder) => {
    const { config, configReason } = await takeSnapshot(options(folder));
    assert.equal(config, undefined);
    assert.match(configReason, /no ConfigMap/);
  });
  await inFolder({ "config.yaml": CONFIG_MANIFEST.replace("layer2", "layer3") }, async (folder) => {
    const { config, configReason } = await takeSnapshot(options(folder));
    assert.equal(config, undefined);
    assert.match(configReason, /^configmap metallb-system\/config key config:3:15: "protocol"/);
  });
});

Deno.test("takeSnapshot() takes the configuration from a local file when one is named", async () => {
  await inFolder({ "pools.yaml": "address-pools: []\n" }, async (folder) => {
    const { config } = await takeSnapshot(options(folder, `${folder}/pools.yaml`));
    assert.deepEqual(config?.pools, []);
  });
});
