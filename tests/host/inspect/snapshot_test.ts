import assert from "node:assert/strict";
import { takeSnapshot, takeSpeakerNodes } from "../../../lib/host/inspect/snapshot.ts";
import { KINDS } from "../../../lib/host/cluster/kinds.ts";
import { configMap } from "../../support/folder.ts";
import { service, startMockApi, status } from "../../support/mock_api.ts";
import { withKubeconfig } from "../../support/kubeconfig.ts";
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

Deno.test("fault 21: takeSnapshot() finds the ConfigMap of MetalLB's manifests, operator and charts", async () => {
  for (const name of ["config", "metallb-config", "metallb"]) {
    const manifest = CONFIG_MANIFEST.replace(/name: config\b/, `name: ${name}`);
    assert.ok(manifest.includes(`name: ${name}`));
    await inFolder({ "config.yaml": manifest }, async (folder) => {
      const { config, configReason } = await takeSnapshot(options(folder));
      assert.equal(config?.pools[0]?.name, "default", `${name}: ${configReason}`);
    });
  }
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

Deno.test("takeSnapshot() takes no configuration for the one in force that a controller refuses (fault 8)", async () => {
  const annotation = "metallb.io/ip-allocated-from-pool: default";
  const annotated = serviceManifest("web", 80, "", annotation);
  const given = `${annotated}status: { loadBalancer: { ingress: [{ ip: 192.0.2.1 }] } }\n`;
  await inFolder({ "config.yaml": CONFIG_MANIFEST, "web.yaml": given }, async (folder) => {
    const { config, configReason } = await takeSnapshot(options(folder));
    assert.equal(config, undefined, configReason);
    assert.match(configReason, /default\/web \(192\.0\.2\.1, pool "default"\); it is refused/);
  });
});

Deno.test("takeSnapshot() takes the configuration from a local file when one is named", async () => {
  await inFolder({ "pools.yaml": "address-pools: []\n" }, async (folder) => {
    const { config } = await takeSnapshot(options(folder, `${folder}/pools.yaml`));
    assert.deepEqual(config?.pools, []);
  });
});

/** An API server whose roles allow no listing of these. */
async function atServer(
  forbidden: readonly string[],
  use: (options: Parameters<typeof takeSnapshot>[0]) => Promise<void>,
  podsOf: (labels: string | null) => unknown[] = () => [],
): Promise<void> {
  const api = startMockApi(({ pathname, searchParams }) => {
    const [resource = ""] = pathname.split("/").slice(-1);
    if (forbidden.includes(resource)) return status(403, `cannot list resource "${resource}"`);
    const kind = Object.entries(KINDS).find(([, { plural }]) => plural === resource)?.[0];
    const found: Record<string, unknown[]> = {
      services: [service("web", "1")],
      configmaps: [configMap("address-pools: []\n")],
      pods: podsOf(searchParams.get("labelSelector")),
    };
    const metadata = { resourceVersion: "1" };
    return Response.json({ kind: `${kind}List`, metadata, items: found[resource] ?? [] });
  });
  try {
    await withKubeconfig(api.url, async (kubeconfig) => {
      await use({ ...options(""), store: undefined, kubeconfig });
    });
  } finally {
    await api.close();
  }
}

Deno.test("takeSnapshot() does at once without Nodes and EndpointSlices that it must not list", async () => {
  await atServer(["nodes", "endpointslices"], async (where) => {
    const began = performance.now();
    const snapshot = await takeSnapshot(where);
    assert.ok(performance.now() - began < 3_000, "waits in vain");
    assert.deepEqual([...snapshot.services.keys()], ["default/web"]);
    assert.ok(snapshot.config !== undefined);
    const told = [...snapshot.unread].sort().map((one) => one.replace(/ at http\S+:/, ":"));
    assert.deepEqual(told, [
      'Cannot list endpointslices: HTTP 403: cannot list resource "endpointslices"',
      'Cannot list nodes: HTTP 403: cannot list resource "nodes"',
    ]);
  });
});

Deno.test("takeSpeakerNodes() finds the speakers of MetalLB's manifest, of its chart, or none", async () => {
  const pod = {
    metadata: { name: "speaker-1", namespace: "metallb-system", resourceVersion: "1" },
    spec: { nodeName: "n1" },
  };
  const labelled = [
    ["app=metallb,component=speaker", ["n1"]],
    ["app.kubernetes.io/name=metallb,app.kubernetes.io/component=speaker", ["n1"]],
    ["app=another", []],
  ] as const;
  for (const [labels, nodes] of labelled) {
    await atServer([], async (where) => {
      const { speakers, unread } = await takeSpeakerNodes(where);
      assert.deepEqual([[...speakers ?? []], unread], [nodes, []], labels);
    }, (asked) => asked === labels ? [pod] : []);
  }
});

Deno.test("takeSpeakerNodes() says at once that it must not list Pods, and counts each node then", async () => {
  await atServer(["pods"], async (where) => {
    const began = performance.now();
    const { speakers, unread: [why] } = await takeSpeakerNodes(where);
    assert.ok(performance.now() - began < 3_000, "waits in vain");
    assert.equal(speakers, undefined);
    assert.match(why ?? "", /^the Pods did not come: Cannot list pods .*403/);
  });
});

Deno.test("takeSnapshot() says at once what it must not list and cannot do without", async () => {
  for (const resource of ["services", "configmaps"]) {
    await atServer([resource], async (where) => {
      const began = performance.now();
      await assert.rejects(takeSnapshot(where), new RegExp(`Cannot list ${resource} .*403`));
      assert.ok(performance.now() - began < 3_000, "waits in vain");
    });
  }
});

Deno.test("takeSnapshot() says what is wrong with a folder that is none", async () => {
  await inFolder({ "a-file": "" }, async (folder) => {
    for (const store of [`${folder}/nowhere`, `${folder}/a-file`]) {
      await assert.rejects(takeSnapshot(options(store)), {
        message: `--store=${store} is no folder; name the one that holds the manifests`,
      });
    }
  });
});
