import type { Millis } from "../../base/time.ts";
import { type JsonObject, objectOr, textOf } from "../../model/json.ts";
import { oncePer, retryDelayMs } from "../process/backoff.ts";
import type { Clock } from "../process/clock.ts";
import type { KubeClient } from "./client.ts";
import { objectPath } from "./paths.ts";
import type { Log } from "../process/log.ts";
import type { GossipSecret } from "../cluster/cluster.ts";

/** MetalLB's: base64 of so many random octets, of which memberlist takes the first characters. */
const RANDOM_OCTETS = 128;

/** How often it is looked for once it is there. */
const LOOK_MS: Millis = 60_000;

/**
 * Sees to it that the Secret of the speakers' gossip key is there, until the signal fires: makes it
 * where there is none, as MetalLB's controller does; it belongs to the Deployment and goes with it.
 * One that goes while this process runs, as MetalLB's does with MetalLB's Deployment, is made again
 * with the key that it had, which speakers still use. Never throws.
 */
export async function ensureGossipSecret(
  client: KubeClient,
  { namespace, name, deployment }: GossipSecret,
  clock: Clock,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const what = `secret ${namespace}/${name}`;
  const mayComplain = oncePer(3_600_000, clock.now);
  let known: JsonObject | undefined;
  let attempts = 0;
  while (!signal.aborted) {
    const there = await isThere();
    attempts = there ? 0 : attempts + 1;
    await clock.sleep(there ? LOOK_MS : retryDelayMs(attempts, clock.random), signal);
  }

  async function isThere(): Promise<boolean> {
    const present = await client.request({
      operation: `read ${what}`,
      method: "GET",
      path: objectPath("Secret", namespace, name),
    }, signal);
    if (present.kind === "ok") {
      known = objectOr(present.body.data);
      return true;
    }
    if (present.status !== 404 && present.status !== 403) return false;
    const made = await client.request({
      operation: `create ${what}`,
      method: "POST",
      path: objectPath("Secret", namespace),
      body: {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { namespace, name, ownerReferences: await ownersOf() },
        ...hasKey(known) ? { data: known } : { stringData: { secretkey: randomKey() } },
      },
    }, signal);
    if (made.kind === "ok") {
      log.info({ reason: what }, hasKey(known) ? "gossip key kept" : "gossip key made");
      known = objectOr(made.body.data);
      return true;
    }
    if (made.status === 403 && mayComplain()) {
      log.warn({ error: made.message }, "cannot make the gossip key, make it by hand");
    }
    // 409: another controller, or a person, was faster; where it may not be read, that is all to know.
    return made.status === 409 && present.status === 403;
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

function hasKey(data: JsonObject | undefined): data is JsonObject {
  return data !== undefined && Object.keys(data).length > 0;
}

function randomKey(): string {
  return crypto.getRandomValues(new Uint8Array(RANDOM_OCTETS)).toBase64();
}
