import assert from "node:assert/strict";
import { listOr, objectOr, textOf } from "../../lib/model/json.ts";
import {
  type ControlPlane,
  startControllerManager,
  startControlPlane,
} from "../support/control_plane.ts";
import { waitFor } from "../support/wait.ts";
import { freePort, prepareController, startController } from "./controller_process.ts";

const ROOT = "/apis/apps/v1/namespaces/metallb-system/deployments";
const SECRETS = "/api/v1/namespaces/metallb-system/secrets";
const LABELS = { app: "metallb-of-a-chart" };

/** MetalLB's Deployment as a chart names it, and the Secret that its controller made. */
async function installMetallb(kube: ControlPlane): Promise<void> {
  const made = objectOr(
    await kube.request("POST", ROOT, {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "metallb-controller", namespace: "metallb-system" },
      spec: {
        replicas: 0,
        selector: { matchLabels: LABELS },
        template: {
          metadata: { labels: LABELS },
          spec: { containers: [{ name: "controller", image: "metallb" }] },
        },
      },
    }),
  );
  const { name, uid } = objectOr(made.metadata);
  await kube.request("POST", SECRETS, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: "memberlist",
      namespace: "metallb-system",
      ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name, uid }],
    },
    stringData: { secretkey: "key-of-metallb" },
  });
}

async function secret(kube: ControlPlane): Promise<{ uid: string; owners: string[] }> {
  const { metadata } = objectOr(await kube.request("GET", `${SECRETS}/memberlist`));
  const { ownerReferences, uid } = objectOr(metadata);
  const owners = listOr(ownerReferences).map((one) => textOf(objectOr(one).name) ?? "");
  return { uid: textOf(uid) ?? "", owners };
}

Deno.test("fault 12: the gossip Secret of MetalLB's Deployment outlives that, with the manifest's rights", async () => {
  await using kube = await startControlPlane();
  await using _collector = await startControllerManager(
    kube,
    undefined,
    "serviceaccount-controller,garbage-collector-controller",
  );
  const kit = await prepareController(
    kube,
    "address-pools: [{name: one, protocol: layer2, addresses: [10.77.1.10-10.77.1.19]}]",
  );
  await installMetallb(kube);
  const before = await secret(kube);
  assert.deepEqual(before.owners, ["metallb-controller"]);
  await using herald = startController(
    kit,
    freePort(),
    "--ml-secret-name=memberlist",
    "--deployment=controller",
  );
  await waitFor("a further owner", async () => (await secret(kube)).owners.length === 2)
    .catch((error) => {
      throw new Error(herald.output(), { cause: error });
    });
  await kube.kubectl(["delete", "deployment", "-n", "metallb-system", "metallb-controller"]);
  // The garbage collector takes the owner that is gone from it, and not the Secret.
  await waitFor("the end of the first owner", async () => {
    const now = await secret(kube);
    assert.equal(now.uid, before.uid, "another Secret");
    return now.owners.join() === "controller";
  }, { timeoutMs: 60_000 });
});
