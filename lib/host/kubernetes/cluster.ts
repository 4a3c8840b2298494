import type { Clock } from "../process/clock.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { startEventPublisher } from "./events.ts";
import { ensureGossipSecret } from "./gossip_secret.ts";
import { standForLease } from "./lease.ts";
import { openKubeClient } from "./client.ts";
import { findKubeSettings } from "./kubeconfig.ts";
import { createKubeNotes } from "./notes.ts";
import { createPauses, type MachineTime, machineTime } from "../process/pauses.ts";
import type { Log } from "../process/log.ts";
import { createReviewer } from "./reviews.ts";
import { REFLECTOR_TIMING, startReflector } from "./reflector.ts";
import { createServiceStatusWriter, readStatusManager } from "./service_status.ts";

/**
 * Opens the Kubernetes API. Credentials are read and checked now, the server is asked by the first
 * watch: one that is away is waited for, not an error.
 * @throws Error that names the place when credentials are missing or refused
 */
export async function openKubeCluster(
  options: { readonly kubeconfig: string | undefined; readonly namespace: string },
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
  environment: (name: string) => string | undefined = (name) => Deno.env.get(name),
  time: MachineTime = machineTime,
): Promise<Cluster> {
  const settings = await findKubeSettings({ kubeconfig: options.kubeconfig, environment });
  const client = await openKubeClient(settings, clock, log, signal);
  const counters = new Map<string, number>();
  const count = (what: string) => void counters.set(what, (counters.get(what) ?? 0) + 1);
  const instance = environment("METALLB_NODE_NAME") || Deno.hostname();
  const publisher = startEventPublisher(client, instance, clock, log, count, signal);
  const host = { client, clock, log, timing: REFLECTOR_TIMING, count };
  log.info({ server: settings.server, reason: settings.origin }, "using the Kubernetes API");
  return {
    description: settings.server,
    counters,
    watch: (watchOptions, stop) => startReflector(host, watchOptions, stop),
    stand: (election, hooks, stop) => {
      // As client-go names them: a pod's name alone would be that of its restarted container too.
      const identity = `${Deno.hostname()}_${crypto.randomUUID()}`;
      const lease = {
        client,
        clock,
        log,
        identity,
        wallMs: time.wallMs,
        pausedMs: createPauses(time),
      };
      return standForLease(lease, election, hooks, stop);
    },
    writeStatus: createServiceStatusWriter(client, log),
    statusManager: (service, stop) => readStatusManager(client, service, stop),
    ensureGossipSecret: (secret, stop) => ensureGossipSecret(client, secret, clock, log, stop),
    review: createReviewer(client),
    ...createKubeNotes(client, options.namespace),
    publishEvent: (event) => Promise.resolve(publisher.publish(event)),
  };
}
