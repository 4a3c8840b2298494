import type { LeaderElection } from "../../lib/host/cluster/cluster.ts";
import { runController } from "../../lib/host/controller/run.ts";
import { openKubeCluster } from "../../lib/host/kubernetes/cluster.ts";
import { createMetrics, type Metrics } from "../../lib/host/metrics/metrics.ts";
import { type Clock, systemClock } from "../../lib/host/process/clock.ts";
import { type MachineTime, machineTime } from "../../lib/host/process/pauses.ts";
import type { RunOptions } from "../../lib/host/process/options.ts";
import type { RunningRole } from "../../lib/host/process/role.ts";
import { type JsonObject, listOr, objectOr, textOf } from "../../lib/model/json.ts";
import type { FaultyApi } from "./faulty_api.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import { type RecordedLog, recordedLog } from "./log.ts";
import { NO_WORKERS } from "./roles.ts";
import { RUN_OPTIONS } from "./run_options.ts";

export const SYSTEM = "/api/v1/namespaces/metallb-system";
export const CONFIG = `${SYSTEM}/configmaps/config`;
export const LEASES = "/apis/coordination.k8s.io/v1/namespaces/metallb-system/leases";
export const LEASE = `${LEASES}/herald-controller`;
export const SERVICES = "/api/v1/services";
export const ONE_POOL =
  "address-pools: [{name: one, protocol: layer2, addresses: [10.77.1.10-10.77.1.40]}]";

/** Quick, and with room for a busy machine. */
export const ELECTION: LeaderElection = {
  namespace: "metallb-system",
  name: "herald-controller",
  durationMs: 2_000,
  renewDeadlineMs: 1_400,
  retryPeriodMs: 200,
};

/** A controller with a client of its own, in this process. */
export interface PlayedController extends AsyncDisposable {
  /** Its bearer token. */
  readonly name: string;
  readonly role: RunningRole;
  readonly log: RecordedLog;
  readonly metrics: Metrics;
  /** Ends it as SIGTERM does: it gives the lead up first. */
  end(): Promise<void>;
  /** Ends it as SIGKILL does. */
  kill(): void;
  leads(): boolean;
}

interface PlayOptions {
  readonly options?: Partial<RunOptions>;
  readonly clock?: Clock;
  readonly time?: MachineTime;
}

/** Starts one. Its name is the token by which the server knows it. */
export async function playController(
  api: FaultyApi,
  name: string,
  { clock = systemClock, options = {}, time = machineTime }: PlayOptions = {},
): Promise<PlayedController> {
  const stop = new AbortController();
  const [log, metrics] = [recordedLog(), createMetrics()];
  const kubeconfig = await Deno.makeTempFile({ prefix: "herald-kubeconfig-", suffix: ".json" });
  await writeKubeconfig(kubeconfig, api.url, name);
  const source = { kubeconfig, namespace: "metallb-system" };
  const cluster = await openKubeCluster(source, { clock, log }, stop.signal, () => undefined, time);
  const role = runController({
    clock,
    options: { ...RUN_OPTIONS, leaderElection: ELECTION, ...options },
    cluster,
    log,
    metrics,
    signal: stop.signal,
    workers: NO_WORKERS,
  });
  let ended = false;
  async function end(): Promise<void> {
    if (!ended) await role.handOver?.();
    ended = true;
    stop.abort();
    await role.done;
  }
  return {
    name,
    role,
    log,
    metrics,
    end,
    kill() {
      ended = true;
      stop.abort();
    },
    leads: () => ["leader", "alone"].includes(role.controller?.().lead?.role ?? ""),
    async [Symbol.asyncDispose]() {
      await end();
      await Deno.remove(kubeconfig);
    },
  };
}

export function configMap(config: string): JsonObject {
  return { data: { config } };
}

export function servicePath(name: string): string {
  return `/api/v1/namespaces/default/services/${name}`;
}

/** Makes a Service that wants an address. */
export function askAddress(
  api: FaultyApi,
  name: string,
  annotations: Readonly<Record<string, string>> = {},
  loadBalancerClass?: string,
): void {
  api.put(servicePath(name), {
    metadata: { annotations },
    spec: {
      type: "LoadBalancer",
      ipFamilies: ["IPv4"],
      ports: [{ port: 80 }],
      ...loadBalancerClass !== undefined && { loadBalancerClass },
    },
  });
}

/** The addresses in a Service's status, as one text. */
export function addressOf(api: FaultyApi, name: string): string {
  const { ingress } = objectOr(objectOr(api.get(servicePath(name))?.status).loadBalancer);
  return listOr(ingress).map((one) => textOf(objectOr(one).ip)).join(",");
}

/** The addresses that stand in more than one Service. */
export function givenTwice(api: FaultyApi): readonly string[] {
  const all = api.list(SERVICES).map((one) => addressOf(api, String(objectOr(one.metadata).name)))
    .filter((ip) => ip !== "");
  return all.filter((ip, at) => all.indexOf(ip) !== at);
}

/** Writes of statuses that the server took, by who sent them. */
export function statusWriters(api: FaultyApi, from = 0): readonly string[] {
  return api.requests.slice(from).filter(({ method, path, status }) =>
    path.endsWith("/status") && method !== "GET" && status === 200
  ).map(({ client }) => client);
}
