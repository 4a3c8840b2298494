import assert from "node:assert/strict";
import { startControlPlane } from "../support/control_plane.ts";
import { run } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import { freePort, prepareController, startController } from "./controller_process.ts";

const CONFIG =
  "address-pools: [{ name: a, protocol: layer2, addresses: [10.77.1.220-10.77.1.230] }]";
const READERS = new URL(
  "../../deploy/kustomize/components/metrics-auth/readers.yaml",
  import.meta.url,
);

/** As the component metrics-auth gives it to the controller's account. */
const REVIEWS = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: reviews }
rules:
  - { apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create] }
  - { apiGroups: [authorization.k8s.io], resources: [subjectaccessreviews], verbs: [create] }
`;

/** Asks by curl; the certificate is made by the process, so that nothing vouches for it. */
async function get(port: number, path: string, token?: string): Promise<string> {
  const shown = token === undefined ? [] : ["-H", `authorization: Bearer ${token}`];
  const { stdout } = await run("curl", [
    "-sSk",
    "--max-time",
    "8",
    "-o",
    "/dev/null",
    "-w",
    "%{http_code}",
    ...shown,
    `https://127.0.0.1:${port}${path}`,
  ]);
  return stdout;
}

Deno.test("metrics are for whose token may get them by the cluster's own rules, and stay so while the API server is away", async () => {
  await using kube = await startControlPlane();
  const kit = await prepareController(kube, CONFIG);
  const port = freePort();
  await kube.kubectl(["apply", "-f", "-"], await Deno.readTextFile(READERS));
  for (const account of ["prometheus", "stranger"]) {
    await kube.kubectl(["create", "serviceaccount", "-n", "default", account]);
  }
  const bind = (name: string, role: string, account: string) =>
    kube.kubectl([
      "create",
      "clusterrolebinding",
      name,
      `--clusterrole=${role}`,
      `--serviceaccount=${account}`,
    ]);
  await bind("scrape", "herald-metrics-reader", "default:prometheus");
  const good = await kube.serviceAccountToken("default", "prometheus");
  const stranger = await kube.serviceAccountToken("default", "stranger");
  const expect = (what: string, path: string, token: string | undefined, code: string) =>
    waitFor(what, async () => await get(port, path, token) === code, {
      timeoutMs: 45_000,
      everyMs: 500,
    });
  await using controller = startController(kit, port, "--metrics-auth=kubernetes");
  await expect("a ready controller", "/readyz", undefined, "200");
  // Herald's own right to ask is missing: nobody comes in, and the log says which.
  assert.equal(await get(port, "/metrics", good), "503");
  assert.match(controller.output(), /cannot ask who may read the pages.*tokenreviews/);
  await kube.kubectl(["apply", "-f", "-"], REVIEWS);
  await bind("reviews", "reviews", "metallb-system:controller");
  await expect("a scrape", "/metrics", good, "200");
  assert.equal(await get(port, "/metrics"), "401");
  assert.equal(await get(port, "/metrics", stranger), "403");
  assert.equal(await get(port, "/status", good), "403", "metrics alone");
  const forged = `${good.slice(0, -8)}AAAAAAAA`;
  assert.equal(await get(port, "/metrics", forged), "401");
  assert.equal(await get(port, "/metrics", "a".repeat(7_000)), "401");
  assert.equal(await get(port, "/metrics", "a".repeat(9_000)), "431");
  // Its end is not waited for: the connection may break before the answer is read.
  assert.match(await get(port, "/metrics", "a".repeat(100_000)), /^(431|000)$/);
  await kube.kubectl(["delete", "clusterrolebinding", "scrape"]);
  await expect("the end of a right that was taken away", "/metrics", good, "403");
  await bind("scrape", "herald-metrics-reader", "default:prometheus");
  await expect("the right that was given again", "/metrics", good, "200");
  await kube.stopApiServer();
  assert.equal(await get(port, "/metrics", good), "200", "as it was said a moment ago");
  assert.equal(await get(port, "/metrics", stranger.slice(0, -1)), "503");
  assert.equal(await get(port, "/healthz"), "200");
  for (const token of [good, stranger, forged]) assert.ok(!controller.output().includes(token));
});
