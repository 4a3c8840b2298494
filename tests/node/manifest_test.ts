import assert from "node:assert/strict";
import { waitFor } from "../support/wait.ts";
import { IMAGES } from "./images.ts";
import { makeNodeScene, podsReady } from "./scene.ts";

const MANIFEST = new URL("../../deploy/metallb-compatible.yaml", import.meta.url).pathname;
const CONFIG = `apiVersion: v1
kind: ConfigMap
metadata: { namespace: metallb-system, name: config }
data:
  config: |
    address-pools:
      - name: default
        protocol: layer2
        addresses: [10.77.1.220-10.77.1.240]
`;
const WEB = `apiVersion: apps/v1
kind: DaemonSet
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: ${IMAGES.web}
          env: [{ name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }]
          readinessProbe: { httpGet: { path: /, port: 80 }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  type: LoadBalancer
  selector: { app: web }
  ports: [{ port: 80 }]
`;

Deno.test("on real kubelets the shipped manifest, unchanged, gives a Service an address that answers", async () => {
  await using scene = await makeNodeScene();
  const { client, kube } = scene;
  await kube.kubectl(["apply", "-f", "-"], WEB);
  const began = performance.now();
  await kube.kubectl(["apply", "-f", MANIFEST]);
  await kube.kubectl(["apply", "-f", "-"], CONFIG);
  await podsReady(kube, "metallb-system", "component=controller", 2);
  await podsReady(kube, "metallb-system", "component=speaker", 2);
  const readyMs = Math.round(performance.now() - began);
  await podsReady(kube, "default", "app=web", 2);
  const address = await waitFor("the Service's address", async () =>
    await kube.kubectl([
      "get",
      "service",
      "web",
      "-o",
      "jsonpath={.status.loadBalancer.ingress[0].ip}",
    ]) || undefined);
  assert.equal(address, "10.77.1.220");
  const page = await waitFor(
    "a page",
    async () => await client.must("curl", "-sS", "--max-time", "2", `http://${address}/`),
  );
  assert.match(page, /^Hello from web-/);
  // deno-lint-ignore no-console -- a figure of the run
  console.log(`node: pods Ready ${readyMs} ms after apply`);
  const restarts = await kube.kubectl([
    "get",
    "pods",
    "-n",
    "metallb-system",
    "-o",
    "jsonpath={.items[*].status.containerStatuses[*].restartCount}",
  ]);
  assert.match(restarts, /^(0 )*0$/);
});
