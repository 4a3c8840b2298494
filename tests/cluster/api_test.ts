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
import { HERALD } from "./stage.ts";

const CONFIG = "address-pools: [{name: default, protocol: layer2, addresses: [10.78.0.0/24]}]";

/** The rights of MetalLB v0.10.2's controller: update of services and their status, no patch. */
const METALLB_RIGHTS = `apiVersion: v1
kind: Namespace
metadata: { name: metallb-system }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: controller, namespace: metallb-system }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: "metallb-system:controller" }
rules:
- { apiGroups: [""], resources: [services], verbs: [get, list, watch, update] }
- { apiGroups: [""], resources: [services/status], verbs: [update] }
- { apiGroups: [""], resources: [events], verbs: [create, patch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: config-watcher, namespace: metallb-system }
rules:
- { apiGroups: [""], resources: [configmaps], verbs: [get, list, watch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: "metallb-system:controller" }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "metallb-system:controller" }
subjects: [{ kind: ServiceAccount, name: controller, namespace: metallb-system }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: config-watcher, namespace: metallb-system }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: config-watcher }
subjects: [{ kind: ServiceAccount, name: controller, namespace: metallb-system }]
`;

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
  ], env);
  const externalIp = (name: string) =>
    kube.kubectl(["get", "service", name, "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"]);
  for (const [name, ip] of [["a", "10.78.0.0"], ["b", "10.78.0.1"]] as const) {
    await kube.kubectl(["create", "service", "loadbalancer", name, "--tcp=80"]);
    await waitFor(`${name}'s address`, async () => await externalIp(name) === ip);
  }
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
