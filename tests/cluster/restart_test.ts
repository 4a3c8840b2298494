import assert from "node:assert/strict";
import { type ControlPlane, startControlPlane } from "../support/control_plane.ts";
import { pause, waitFor } from "../support/wait.ts";
import {
  controllerReady,
  freePort,
  prepareController,
  startController,
} from "./controller_process.ts";
import { seededRandom } from "../support/random.ts";

const SERVICES = 1_000;
const WAITING = 20;
const RESTARTS = 100;
const SEED = 20_261;
const PATH = "/api/v1/namespaces/default/services";

interface ServiceList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly resourceVersion: string };
    readonly status: {
      readonly loadBalancer: { readonly ingress?: readonly { readonly ip: string }[] };
    };
  }[];
}

function service(name: string): Record<string, unknown> {
  const spec = {
    type: "LoadBalancer",
    allocateLoadBalancerNodePorts: false,
    ports: [{ port: 80, protocol: "TCP" }],
  };
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec };
}

async function createAll(kube: ControlPlane, names: readonly string[]): Promise<void> {
  const queue = [...names];
  await Promise.all(Array.from({ length: 40 }, async () => {
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      await kube.request("POST", PATH, service(name));
    }
  }));
}

/** Address and version of each Service; those without an address have the empty text. */
async function statuses(kube: ControlPlane): Promise<Map<string, { ip: string; version: string }>> {
  const list = await kube.request("GET", PATH) as ServiceList;
  return new Map(list.items.map(({ metadata, status }) => [
    metadata.name,
    { ip: status.loadBalancer.ingress?.[0]?.ip ?? "", version: metadata.resourceVersion },
  ]));
}

Deno.test("C1: in 100 restarts of the controller none of 1,000 Services changes its address, and nothing is written", async () => {
  await using kube = await startControlPlane();
  // Exactly full: one address that came free by mistake would go to one that waits.
  const config =
    "address-pools: [{name: full, protocol: layer2, addresses: [10.78.0.0-10.78.3.231]}]";
  const kit = await prepareController(kube, config);
  await createAll(kube, Array.from({ length: SERVICES }, (_, index) => `s${index}`));
  const port = freePort();
  // Each one plans from its first moment on, as the one that leads does.
  const restarted = () => startController(kit, port, "--leader-elect=false");
  {
    await using controller = restarted();
    await waitFor(
      "1,000 addresses",
      async () =>
        [...(await statuses(kube)).values()].filter(({ ip }) => ip !== "").length === SERVICES,
      { timeoutMs: 60_000, everyMs: 300 },
    )
      .catch((error) => {
        throw new Error(controller.output().slice(-3000), { cause: error });
      });
  }
  await createAll(kube, Array.from({ length: WAITING }, (_, index) => `waiting${index}`));
  const before = await statuses(kube);
  assert.equal(
    new Set([...before.values()].map(({ ip }) => ip)).size,
    SERVICES + 1,
    "an address stands twice",
  );
  const random = seededRandom(SEED);
  for (let restart = 0; restart < RESTARTS; restart++) {
    await using controller = restarted();
    // Killed at any moment of its start, and now and then stopped in good order once it is ready.
    if (restart % 10 === 9) {
      await controllerReady(port);
      assert.equal(await controller.end("SIGTERM"), 0, controller.output().slice(-2000));
    } else {
      await pause(random() * 500);
      await controller.end("SIGKILL");
    }
  }
  assert.deepEqual(await statuses(kube), before);
});
