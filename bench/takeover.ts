import {
  type ControllerKit,
  controllerReady,
  freePort,
  prepareController,
  startController,
} from "../tests/cluster/controller_process.ts";
import { startControlPlane } from "../tests/support/control_plane.ts";
import type { RunningProcess } from "../tests/support/process.ts";
import { waitFor } from "../tests/support/wait.ts";
import { type Figure, figure } from "./figure.ts";

const ROUNDS = 5;
/** Of the fast profile: nobody may lead before the dead leader's lease has run out. */
const LEASE_MS = 2_000;
const POOL = "address-pools: [{name: default, protocol: layer2, addresses: [10.78.0.0/16]}]";
const SERVICES = "/api/v1/namespaces/default/services";

/** The leader ends → a Service made at that moment has its address from the next one. */
export async function benchTakeover(): Promise<Figure[]> {
  await using kube = await startControlPlane();
  const kit = await prepareController(kube, POOL);
  const killed: number[] = [];
  const stopped: number[] = [];
  await using processes = new AsyncDisposableStack();
  let leader = await lead(kit, processes);
  for (let round = 0; round < 2 * ROUNDS; round++) {
    const next = await standBy(kit, processes);
    const [times, signal] = round % 2 === 0 ? [killed, "SIGKILL"] as const : [
      stopped,
      "SIGTERM",
    ] as const;
    const began = performance.now();
    const ended = leader.end(signal);
    const name = `takeover-${round}`;
    await kube.request("POST", SERVICES, serviceOf(name));
    await waitFor(`the address of ${name}`, async () => {
      const text = JSON.stringify(await kube.request("GET", `${SERVICES}/${name}`));
      return text.includes('"ingress"');
    }, { everyMs: 5 });
    times.push(performance.now() - began);
    await ended;
    leader = next;
  }
  return [
    figure("takeover-after-kill-fast-worst", Math.max(...killed), "ms", {
      baseline: LEASE_MS,
      goal: { of: "value", atMost: 3_000 },
    }),
    figure("takeover-after-stop-worst", Math.max(...stopped), "ms", {
      goal: { of: "value", atMost: 1_000 },
    }),
  ];
}

async function lead(kit: ControllerKit, processes: AsyncDisposableStack): Promise<RunningProcess> {
  const first = await standBy(kit, processes);
  await waitFor("the lead", () => first.output().includes("leading, this controller"));
  return first;
}

async function standBy(
  kit: ControllerKit,
  processes: AsyncDisposableStack,
): Promise<RunningProcess> {
  const port = freePort();
  const started = processes.use(startController(kit, port, "--leader-elect-profile=fast"));
  await controllerReady(port);
  return started;
}

function serviceOf(name: string): Record<string, unknown> {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }], allocateLoadBalancerNodePorts: false },
  };
}
