import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { ControlPlane } from "../support/control_plane.ts";
import { ensureHelm } from "../support/kube_binaries.ts";
import { run } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import { tellFigure } from "./health.ts";
import { addressOf, FIRST_ADDRESS, NAMESPACE, podsReady, testOnNodes, WEB } from "./scene.ts";

const CHART = fileURLToPath(new URL("../../deploy/chart/herald", import.meta.url));
const HERALD = fileURLToPath(new URL("../../dist/herald", import.meta.url));
const POOLS = JSON.stringify({
  "address-pools": [{
    name: "default",
    protocol: "layer2",
    addresses: [`${FIRST_ADDRESS}-10.77.1.240`],
  }],
});
/** The names of the objects of these kinds that carry the release's label, sorted. */
async function objectsOf(kube: ControlPlane, kinds: string): Promise<readonly string[]> {
  const told = await kube.kubectl([
    "get",
    kinds,
    "-A",
    "-l",
    "app.kubernetes.io/instance=herald",
    "-o",
    "name",
  ]);
  return told.split("\n").filter(Boolean).sort();
}

testOnNodes(
  "helm installs, upgrades, rolls back and uninstalls Herald on real kubelets",
  async (scene, test) => {
    const { client, kube } = scene;
    const tool = await ensureHelm();
    const helm = async (...args: string[]) => {
      const began = performance.now();
      const told = await client.must(
        tool,
        `--kubeconfig=${kube.kubeconfig}`,
        `--namespace=${NAMESPACE}`,
        ...args,
      );
      tellFigure(`helm ${args[0]}`, `${Math.round(performance.now() - began)} ms`);
      return told;
    };
    const page = (address: string) =>
      client.must("curl", "-sS", "--max-time", "2", `http://${address}/`);
    const args = (kind: string) =>
      kube.kubectl([
        "get",
        kind,
        "-n",
        NAMESPACE,
        `herald-${kind === "deployment" ? "controller" : "speaker"}`,
        "-o",
        "jsonpath={.spec.template.spec.containers[0].args}",
      ]);
    const waited = ["--wait", "--timeout=90s"];
    await kube.kubectl(["apply", "-f", "-"], WEB);
    await podsReady(kube, "default", "app=web", 2);

    await test.step("install: the pods get Ready and the Service an address that answers", async () => {
      const told = await helm(
        "install",
        "herald",
        CHART,
        "--create-namespace",
        `--set-json=configInline=${POOLS}`,
        ...waited,
      );
      assert.match(told, new RegExp(`herald explain service`));
      await podsReady(kube, NAMESPACE, "app.kubernetes.io/component=controller", 2);
      await podsReady(kube, NAMESPACE, "app.kubernetes.io/component=speaker", 2);
      const address = await addressOf(kube, "web");
      assert.equal(address, FIRST_ADDRESS);
      assert.match(await waitFor("a page", () => page(address)), /^Hello from web-/);
    });

    await test.step("the two commands of the notes answer", async () => {
      const inPod = (workload: string, ...command: string[]) =>
        kube.kubectl(["exec", "-n", NAMESPACE, workload, "--", "herald", ...command]);
      assert.match(await inPod("deploy/herald-controller", "status"), /config/);
      const told = await inPod("ds/herald-speaker", "explain", "service", "default/web");
      assert.match(told, /10\.77\.1\.220/);
    });

    await test.step("from outside, status asks the whole cluster and finds nothing wrong", async () => {
      const [herald, args] = scene.client.inside(
        HERALD,
        "status",
        `--kubeconfig=${kube.kubeconfig}`,
        `--namespace=${NAMESPACE}`,
        "--check",
      );
      const { code, stderr, stdout } = await run(herald, args);
      assert.equal(code, 0, stdout + stderr);
      assert.equal(stdout.match(/^pod /gm)?.length, 4, stdout);
      assert.match(stdout, /\nNothing is wrong\.\n$/);
    });

    await test.step("upgrade: a changed value is in force, and the address answers all along", async () => {
      await helm(
        "upgrade",
        "herald",
        CHART,
        "--reuse-values",
        "--set=speaker.logLevel=debug,controller.leaderElection.profile=fast",
        ...waited,
      );
      assert.match(await args("daemonset"), /--log-level=debug/);
      assert.match(await args("deployment"), /--leader-elect-profile=fast/);
      assert.match(await page(FIRST_ADDRESS), /^Hello from web-/);
    });

    await test.step("rollback: the values before it are in force again", async () => {
      await helm("rollback", "herald", "1", ...waited);
      assert.match(await args("daemonset"), /--log-level=info/);
      assert.doesNotMatch(await args("deployment"), /--leader-elect-profile/);
      assert.match(await page(FIRST_ADDRESS), /^Hello from web-/);
    });

    await test.step("uninstall: the configuration stays, all the rest goes", async () => {
      await helm("uninstall", "herald", ...waited);
      const kinds = [
        "deployments,daemonsets,pods,serviceaccounts,poddisruptionbudgets,networkpolicies",
        "roles,rolebindings,clusterroles,clusterrolebindings,configmaps",
      ].join(",");
      await waitFor("the release's objects to go", async () => {
        assert.deepEqual(await objectsOf(kube, kinds), ["configmap/config"]);
        return true;
      }, { timeoutMs: 20_000 });
      await waitFor("the gossip key to go with the Deployment that owns it", async () => {
        assert.equal(await kube.kubectl(["get", "secrets", "-n", NAMESPACE, "-o", "name"]), "");
        return true;
      }, { timeoutMs: 20_000 });
    });

    await test.step("install again: the configuration that stayed is taken over, and the address kept", async () => {
      await helm("install", "herald", CHART, `--set-json=configInline=${POOLS}`, ...waited);
      assert.match(await waitFor("a page", () => page(FIRST_ADDRESS)), /^Hello from web-/);
    });
  },
);
