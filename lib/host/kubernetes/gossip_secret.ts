import { objectOr, textOf } from "../../model/json.ts";
import { retryDelayMs } from "../process/backoff.ts";
import type { Clock } from "../process/clock.ts";
import type { KubeClient } from "./client.ts";
import { objectPath } from "./paths.ts";
import type { Log } from "../process/log.ts";
import type { GossipSecret } from "../cluster/cluster.ts";

/** MetalLB's: base64 of so many random octets, of which memberlist takes the first characters. */
const RANDOM_OCTETS = 128;

/**
 * Makes the Secret of the speakers' gossip key where there is none, as MetalLB's controller does;
 * it belongs to the Deployment and goes with it. Tries until it exists, is refused, or the signal
 * fires. Never throws.
 */
export async function ensureGossipSecret(
  client: KubeClient,
  { namespace, name, deployment }: GossipSecret,
  clock: Clock,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const what = `secret ${namespace}/${name}`;
  for (let attempts = 1; !signal.aborted; attempts++) {
    const present = await client.request({
      operation: `read ${what}`,
      method: "GET",
      path: objectPath("Secret", namespace, name),
    }, signal);
    if (present.kind === "ok") return;
    if (present.status === 404 || present.status === 403) {
      const made = await client.request({
        operation: `create ${what}`,
        method: "POST",
        path: objectPath("Secret", namespace),
        body: {
          apiVersion: "v1",
          kind: "Secret",
          metadata: { namespace, name, ownerReferences: await ownersOf() },
          stringData: { secretkey: randomKey() },
        },
      }, signal);
      if (made.kind === "ok") return log.info({ reason: what }, "gossip key made");
      // Another controller, or a person, was faster.
      if (made.status === 409) return;
      if (made.status === 403) {
        return log.warn({ error: made.message }, "cannot make the gossip key, make it by hand");
      }
    }
    await clock.sleep(retryDelayMs(attempts, clock.random, undefined), signal);
  }

  async function ownersOf(): Promise<readonly Record<string, unknown>[]> {
    if (deployment === undefined) return [];
    const found = await client.request({
      operation: `read deployment ${namespace}/${deployment}`,
      method: "GET",
      path: objectPath("Deployment", namespace, deployment),
    }, signal);
    const uid = found.kind === "ok" ? textOf(objectOr(found.body.metadata).uid) : undefined;
    if (uid === undefined) return [];
    return [{ apiVersion: "apps/v1", kind: "Deployment", name: deployment, uid }];
  }
}

function randomKey(): string {
  return crypto.getRandomValues(new Uint8Array(RANDOM_OCTETS)).toBase64();
}
