import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ensureHelm } from "../support/kube_binaries.ts";
import { must } from "../support/process.ts";
import { commandsOf, type Fence, fencesOf } from "../support/markdown.ts";
import { waitFor } from "../support/wait.ts";
import { tellFigure } from "./health.ts";
import {
  NAMESPACE,
  type NodeScene,
  podsReady,
  serviceManifest,
  testOnNodes,
  WEB,
} from "./scene.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The shell blocks under a heading of a page. */
async function blocksOf(page: string, heading: string): Promise<readonly Fence[]> {
  const found = fencesOf(await Deno.readTextFile(`${ROOT}${page}`))
    .filter((fence) => fence.heading === heading && fence.language === "sh");
  assert.ok(found.length > 0, `${page} has no commands under ${heading}`);
  return found;
}

/**
 * A folder with what a checkout has, and a shell in which `ctr`, `k3s` and `kubectl` mean the scene:
 * `ctr` runs on every node, as the pages say. Gives what the text prints.
 */
async function openShell({ client, kube, nodes }: NodeScene) {
  const folder = await Deno.makeTempDir({ prefix: "herald-readme-" });
  const program = (name: string, text: string) =>
    Deno.writeTextFile(`${folder}/bin/${name}`, `#!/bin/sh -eu\n${text}\n`, { mode: 0o755 });
  await Deno.mkdir(`${folder}/bin`);
  await Deno.mkdir(`${ROOT}dist`, { recursive: true });
  for (const part of ["deploy", "dist"]) await Deno.symlink(`${ROOT}${part}`, `${folder}/${part}`);
  await Deno.writeTextFile(`${folder}/install.sh`, `#!/bin/sh\nexec "${ROOT}install.sh" "$@"\n`, {
    mode: 0o755,
  });
  const ctr = (await must("which", ["ctr"])).trim();
  await program("ctr", nodes.map((one) => `${ctr} -a ${one.containerd} "$@"`).join("\n"));
  const inScene = (command: string) => {
    const [run, args] = client.inside(command, `--kubeconfig=${kube.kubeconfig}`);
    return `exec ${[run, ...args].join(" ")} "$@"`;
  };
  await program("kubectl", inScene(kube.binaries.kubectl));
  await program("helm", inScene(await ensureHelm()));
  // As k3s' own: its containerd has one namespace, and its kubectl is kubectl.
  await program(
    "k3s",
    'part=$1; shift\ncase $part in ctr) exec ctr -n k8s.io "$@" ;; kubectl) exec kubectl "$@" ;; esac\nexit 2',
  );
  return {
    run: (text: string) => must("sh", ["-euc", `PATH=${folder}/bin:$PATH\ncd ${folder}\n${text}`]),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function statusOf({ kube }: NodeScene): Promise<string> {
  const path = "jsonpath={.status.loadBalancer.ingress[*].ip}";
  return await kube.kubectl(["get", "service", "nginx", "-o", path]);
}

testOnNodes(
  "README's commands bring Herald onto real kubelets, show it, and take it away again",
  async (scene, test) => {
    const { client, kube } = scene;
    await using shell = await openShell(scene);
    await kube.kubectl(["apply", "-f", "-"], `${WEB}---\n${serviceManifest("nginx")}`);

    const install = async (way: string) => {
      const [block, ...others] = await blocksOf("README.md", way);
      assert.ok(block !== undefined && others.length === 0, `${way} has one block`);
      assert.equal(commandsOf(block).length, 3, `${way} takes three commands`);
      const began = Date.now();
      await shell.run(block.text);
      await podsReady(kube, NAMESPACE, "component=controller", 2);
      await podsReady(kube, NAMESPACE, "component=speaker", 2);
      const address = await waitFor("the address", async () => await statusOf(scene) || undefined);
      const page = await waitFor(
        "a page",
        () => client.must("curl", "-sS", "--max-time", "2", `http://${address}/`),
      );
      assert.match(page, /^Hello from web-/);
      tellFigure(`README, ${way}`, `answers ${Date.now() - began} ms after the first command`);
    };
    const uninstall = async () => {
      for (const block of await blocksOf("docs/uninstall.md", "In this order")) {
        await shell.run(block.text);
      }
    };

    await test.step("the manifest's", async () => {
      await install("Manifest");
      for (const block of await blocksOf("README.md", "Look")) {
        for (const command of commandsOf(block).filter((one) => !one.includes("port-forward"))) {
          const told = await shell.run(command);
          assert.match(told, /10\.77\.1\.22[01]|stands by/, command);
        }
      }
    });

    await test.step("uninstall's, after which nothing of Herald's is left, and no address", async () => {
      await uninstall();
      assert.equal(await statusOf(scene), "");
      const service = await kube.kubectl(["get", "service", "nginx", "-o", "yaml"]);
      assert.doesNotMatch(service, /ip-allocated-from-pool/);
      for (const kind of ["namespaces", "clusterroles", "clusterrolebindings"]) {
        assert.doesNotMatch(await kube.kubectl(["get", kind, "-o", "name"]), /metallb|herald/);
      }
      for (const node of scene.nodes) {
        assert.doesNotMatch(
          await node.ctr("images", "ls"),
          /herald:/,
        );
      }
    });

    await test.step("Helm's", async () => {
      await install("Helm");
      await shell.run(`helm uninstall herald --namespace ${NAMESPACE} --wait`);
      await kube.kubectl(["delete", "namespace", NAMESPACE]);
    });

    await test.step("k3s'", async () => {
      await install("k3s");
      await uninstall();
    });
  },
  { withImage: false },
);
