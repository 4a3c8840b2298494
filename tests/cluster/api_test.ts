import assert from "node:assert/strict";
import { startControlPlane } from "../support/control_plane.ts";
import { start } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import {
  controllerReady,
  freePort,
  prepareController,
  startController,
} from "./controller_process.ts";
import { manifest, type ServiceObject, withoutOurs } from "./conformance.ts";
import { METALLB_RIGHTS } from "./metallb_rights.ts";
import { HERALD } from "./stage.ts";

const CONFIG = "address-pools: [{name: default, protocol: layer2, addresses: [10.78.0.0/24]}]";

Deno.test("MetalLB v0.10.2's manifest runs with the image replaced: its rights, its arguments, its environment", async () => {
  await using kube = await startControlPlane();
  await kube.kubectl(["apply", "-f", "-"], METALLB_RIGHTS);
  await kube.kubectl([
    "create",
    "configmap",
    "-n",
    "metallb-system",
    "config",
    `--from-literal=config=${CONFIG}`,
  ]);
  const kubeconfig = await kube.kubeconfigForToken(
    await kube.serviceAccountToken("metallb-system", "controller"),
  );
  const env = {
    METALLB_ML_SECRET_NAME: "memberlist",
    METALLB_DEPLOYMENT: "controller",
    METALLB_NAMESPACE: "metallb-system",
    KUBECONFIG: kubeconfig,
  };
  await using controller = start(HERALD, [
    `--port=${freePort()}`,
    "--config=config",
    "--log-level=info",
    "--leader-elect-profile=fast",
  ], env);
  const externalIp = (name: string) =>
    kube.kubectl(["get", "service", name, "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"]);
  const path = "/api/v1/namespaces/default/services";
  const spec = { sessionAffinity: "ClientIP", externalTrafficPolicy: "Local" };
  const before = await kube.request("POST", path, manifest("a", { spec })) as ServiceObject;
  await waitFor("a's address", async () => await externalIp("a") === "10.78.0.0");
  const after = await kube.request("GET", `${path}/a`) as ServiceObject;
  assert.deepEqual(withoutOurs(after), withoutOurs(before), "an update changes nothing else");
  await kube.kubectl(["create", "service", "loadbalancer", "b", "--tcp=80"]);
  await waitFor("b's address", async () => await externalIp("b") === "10.78.0.1");
  const now = await kube.request("GET", `${path}/a`) as ServiceObject;
  assert.equal(now.metadata.resourceVersion, after.metadata.resourceVersion, "one write");
  const annotation = "jsonpath={.metadata.annotations.metallb\\.io/ip-allocated-from-pool}";
  const pool = () => kube.kubectl(["get", "service", "a", "-o", annotation]);
  assert.equal(await pool(), "default", "an update of the status takes the annotation along");
  await kube.kubectl([
    "patch",
    "service",
    "a",
    "--type=merge",
    "-p",
    '{"spec":{"type":"ClusterIP"}}',
  ]);
  await waitFor("the address to be cleared", async () => await externalIp("a") === "");
  assert.equal(controller.output().match(/no leader election/g)?.length, 1);
  await waitFor("the annotation to be gone", async () => await pool() === "");
  assert.match(controller.output(), /patching services\/status is forbidden, updating instead/);
  assert.equal(await controller.end(), 0);
});

Deno.test("an API server that goes and comes back: the controller stays, and serves what came meanwhile", async () => {
  await using kube = await startControlPlane();
  const kit = await prepareController(kube, CONFIG);
  const port = freePort();
  await using controller = startController(kit, port);
  await controllerReady(port);
  await kube.kubectl(["create", "service", "loadbalancer", "before", "--tcp=80"]);
  const externalIp = (name: string) =>
    kube.kubectl(["get", "service", name, "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"]);
  await waitFor("an address", async () => await externalIp("before") === "10.78.0.0");
  await kube.stopApiServer();
  await waitFor("the outage in the log", () => /"level":"(warn|error)"/.test(controller.output()));
  const health = await fetch(`http://127.0.0.1:${port}/healthz`);
  assert.equal(await health.text(), "ok\n", "an outage is no reason to restart");
  await kube.startApiServer();
  await kube.kubectl(["create", "service", "loadbalancer", "after", "--tcp=80"]);
  await waitFor(
    "an address after the outage",
    async () => await externalIp("after") === "10.78.0.1",
    { timeoutMs: 30_000 },
  );
  assert.equal(await externalIp("before"), "10.78.0.0");
  assert.equal(await controller.end(), 0, controller.output());
});

Deno.test("a client certificate serves as well as a token", async () => {
  await using kube = await startControlPlane();
  await prepareController(kube, CONFIG);
  const kubeconfig = await kube.kubeconfigForCertificate();
  const port = freePort();
  await using controller = startController({ kube, kubeconfig }, port);
  await controllerReady(port);
  await kube.kubectl(["create", "service", "loadbalancer", "web", "--tcp=80"]);
  await waitFor(
    "an address",
    async () =>
      (await kube.kubectl([
        "get",
        "service",
        "web",
        "-o",
        "jsonpath={.status.loadBalancer.ingress[0].ip}",
      ])) === "10.78.0.0",
  );
  assert.equal(await controller.end(), 0);
});

Deno.test("loadBalancerClass: a foreign class is never written to, without --lb-class only Services without one are served", async () => {
  await using kube = await startControlPlane();
  const kit = await prepareController(kube, CONFIG);
  const port = freePort();
  await using _controller = startController(kit, port);
  await controllerReady(port);
  const service = (name: string, more: Record<string, unknown>) =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name },
      spec: { type: "LoadBalancer", ports: [{ port: 80 }], ...more },
    });
  await kube.kubectl(
    ["apply", "-f", "-"],
    service("foreign", { loadBalancerClass: "example.com/other" }),
  );
  const version = await kube.kubectl([
    "get",
    "service",
    "foreign",
    "-o",
    "jsonpath={.metadata.resourceVersion}",
  ]);
  await kube.kubectl(["apply", "-f", "-"], service("ours", {}));
  await waitFor(
    "ours",
    async () =>
      (await kube.kubectl([
        "get",
        "service",
        "ours",
        "-o",
        "jsonpath={.status.loadBalancer.ingress[0].ip}",
      ])) === "10.78.0.0",
  );
  assert.equal(
    await kube.kubectl(["get", "service", "foreign", "-o", "jsonpath={.metadata.resourceVersion}"]),
    version,
  );
  // What is asked for that cannot be: an event says why, and the Service stays without.
  await kube.kubectl(["apply", "-f", "-"], service("outside", { loadBalancerIP: "192.0.2.1" }));
  const told = await waitFor("the event", async () => {
    const events = await kube.kubectl([
      "get",
      "events",
      "-o",
      'jsonpath={range .items[*]}{.reason} {.type} {.message}{"\\n"}{end}',
    ]);
    return events.split("\n").find((line) => line.startsWith("AllocationFailed"));
  });
  assert.match(
    told,
    /^AllocationFailed Warning Failed to allocate IP for "default\/outside": .*192\.0\.2\.1/,
  );
});
