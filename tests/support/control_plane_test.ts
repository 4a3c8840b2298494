import assert from "node:assert/strict";
import { startControlPlane } from "./control_plane.ts";
import { run } from "./process.ts";

Deno.test("startControlPlane() gives a real API: kubectl, tokens, certificates, restart, and nothing left", async () => {
  let folder: string;
  {
    await using kube = await startControlPlane();
    folder = kube.folder;
    assert.match(await kube.kubectl(["get", "namespaces"]), /kube-system/);
    await kube.kubectl(["create", "service", "loadbalancer", "web", "--tcp=80"]);
    const ip = await kube.kubectl(["get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"]);
    assert.match(ip, /^172\.17\./);
    const byCertificate = await kube.kubeconfigForCertificate();
    const { code } = await run(kube.binaries.kubectl, [
      `--kubeconfig=${byCertificate}`,
      "get",
      "nodes",
    ]);
    assert.equal(code, 0);
    await kube.kubectl(["create", "serviceaccount", "weak"]);
    const weak = await kube.kubeconfigForToken(await kube.serviceAccountToken("default", "weak"));
    const refused = await run(kube.binaries.kubectl, [`--kubeconfig=${weak}`, "get", "services"]);
    assert.match(refused.stderr, /system:serviceaccount:default:weak.*cannot list/);
    await kube.stopApiServer();
    assert.notEqual(
      (await run(kube.binaries.kubectl, [
        `--kubeconfig=${kube.kubeconfig}`,
        "get",
        "nodes",
        "--request-timeout=2s",
      ])).code,
      0,
    );
    await kube.startApiServer();
    assert.equal(
      await kube.kubectl(["get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"]),
      ip,
    );
  }
  assert.equal(await Deno.stat(folder).then(() => true, () => false), false);
  assert.equal((await run("pgrep", ["-f", folder])).stdout, "");
});
