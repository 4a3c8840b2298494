import type { Millis } from "../../base/time.ts";
import { type JsonObject, listOr, objectOr, textOf } from "../../model/json.ts";
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
 * One that is another Deployment's, as MetalLB's is, is given this owner too, so that it does not go
 * with the other; one that goes all the same while this process runs is made again with the key that
 * it had, which speakers still use. Never throws.
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
  const secret = { namespace, name, deployment };
  const owning: Owning = { client, log, mayComplain, secret, signal, what, ownUid: undefined };
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
      await shareOwnership(owning, objectOr(present.body.metadata));
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
        metadata: { namespace, name, ownerReferences: await ownersOf(owning) },
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
}

interface Owning {
  readonly client: KubeClient;
  readonly log: Log;
  readonly mayComplain: () => boolean;
  readonly secret: GossipSecret;
  readonly signal: AbortSignal;
  readonly what: string;
  /** Of the Deployment, once it was asked for. */
  ownUid: string | undefined;
}

interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** The garbage collector takes a Secret with the last of its owners. */
async function shareOwnership(
  owning: Owning,
  { ownerReferences, resourceVersion }: JsonObject,
): Promise<void> {
  const { client, log, mayComplain, secret: { name, namespace }, signal, what } = owning;
  const owners = listOr(ownerReferences).map(objectOr);
  const isOwn = () => owners.some(({ uid }) => uid === owning.ownUid);
  // Where nobody owns it, or something of another kind, a person wants it so.
  const theirs = owners.find(({ kind }) => kind === "Deployment");
  if (theirs === undefined || isOwn()) return;
  const own = await ownersOf(owning);
  owning.ownUid = own[0]?.uid;
  if (owning.ownUid === undefined || isOwn()) return;
  const given = await client.request({
    operation: `give ${what} an owner`,
    method: "PATCH",
    path: objectPath("Secret", namespace, name),
    body: { metadata: { resourceVersion, ownerReferences: [...owners, ...own] } },
  }, signal);
  const reason = `deployment ${textOf(theirs.name)} owned it alone`;
  if (given.kind === "ok") log.info({ reason }, "the gossip key is this Deployment's too");
  else if (given.status === 403 && mayComplain()) {
    const command = `kubectl -n ${namespace} patch secret ${name} --type=merge ` +
      `--patch='{"metadata":{"ownerReferences":null}}'`;
    log.warn({ reason, error: given.message }, `the gossip key goes with its owner; ${command}`);
  }
}

async function ownersOf({ client, secret, signal }: Owning): Promise<readonly Owner[]> {
  const { deployment, namespace } = secret;
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

function hasKey(data: JsonObject | undefined): data is JsonObject {
  return data !== undefined && Object.keys(data).length > 0;
}

function randomKey(): string {
  return crypto.getRandomValues(new Uint8Array(RANDOM_OCTETS)).toBase64();
}
