import assert from "node:assert/strict";
import { listOr, objectOr, textOf } from "../../lib/model/json.ts";
import { type ControlPlane, startControlPlane } from "../support/control_plane.ts";
import { waitFor } from "../support/wait.ts";
import {
  controllerReady,
  freePort,
  prepareController,
  startController,
} from "./controller_process.ts";

const CONFIG = "address-pools: [{name: one, protocol: layer2, addresses: [10.77.1.10-10.77.1.99]}]";
const SERVICES = "/api/v1/namespaces/default/services";
const COUNT = 40;

async function create(kube: ControlPlane, name: string, loadBalancerClass?: string): Promise<void> {
  const spec = {
    type: "LoadBalancer",
    allocateLoadBalancerNodePorts: false,
    ports: [{ port: 80 }],
    ...loadBalancerClass !== undefined && { loadBalancerClass },
  };
  const metadata = { name, namespace: "default" };
  await kube.request("POST", SERVICES, { apiVersion: "v1", kind: "Service", metadata, spec });
}

/** The addresses of all Services that have one. */
async function given(kube: ControlPlane): Promise<readonly string[]> {
  const { items } = objectOr(await kube.request("GET", SERVICES));
  return listOr(items).flatMap((one) => {
    const { ingress } = objectOr(objectOr(objectOr(one).status).loadBalancer);
    return listOr(ingress).map((entry) => textOf(objectOr(entry).ip) ?? "");
  });
}

Deno.test("fault 4: two controllers of two classes on one pool, asked at one moment, come to rest with no address twice", async () => {
  await using kube = await startControlPlane();
  const kit = await prepareController(kube, CONFIG);
  const lease = [{ op: "add", path: "/rules/0/resourceNames/-", value: "herald-blue" }];
  const role = ["patch", "role", "-n", "metallb-system", "leader-election", "--type=json"];
  await kube.kubectl([...role, "-p", JSON.stringify(lease)]);
  const ports = [freePort(), freePort()] as const;
  await using plain = startController(kit, ports[0]);
  const flags = ["--lb-class=blue", "--leader-elect-resource-name=herald-blue"];
  await using blue = startController(kit, ports[1], ...flags);
  const lines = () => `${plain.output()}\n${blue.output()}`;
  await waitFor("two leaders", () => lines().match(/leading, this controller/g)?.length === 2);
  for (const port of ports) await controllerReady(port);
  await Promise.all(
    Array.from({ length: COUNT }, (_, at) => create(kube, `s${at}`, at % 2 ? "blue" : undefined)),
  );
  await waitFor("an address for each, none twice", async () => {
    const all = await given(kube);
    return all.length === COUNT && new Set(all).size === COUNT;
  }, { timeoutMs: 20_000 }).catch((error) => {
    throw new Error(lines(), { cause: error });
  });
  const told = await kube.kubectl(["get", "events", "-o", "jsonpath={.items[*].reason}"]);
  assert.match(told, /ClearAssignment/, "no address was given twice: nothing was tried");
  // Who gave way says whom it gave way to.
  assert.match(lines(), /"reason":"default\/s\d+ of another loadBalancerClass uses it/);
});
