import { readGossipKey } from "../../model/cluster.ts";
import type { GossipFlags } from "../process/options.ts";
import type { RoleContext } from "../process/role.ts";
import { ALONE, type Fellows } from "./fellows.ts";
import { joinFellows } from "./join.ts";

type JoinArguments = Parameters<typeof joinFellows>;

/** Fellows that are joined once the key of the gossip is known. */
export interface KeyedFellows extends Fellows {
  /** Settles when they are joined or this node ends; fails where they cannot be joined. */
  readonly done: Promise<void>;
}

/**
 * Joins the other speakers by a key that the flags hold, or that is in a Secret: that one is waited
 * for, and until it is there this node is acquainted with nobody, and announces nothing.
 * @throws what `join` throws, where nothing is waited for
 */
export async function joinWithKey(
  context: RoleContext,
  layer2: JoinArguments[1],
  facts: JoinArguments[2],
  inbox: JoinArguments[3],
  join: typeof joinFellows = joinFellows,
): Promise<KeyedFellows> {
  const { options } = context;
  const { gossip } = options;
  if (gossip?.secretName === undefined) {
    return { ...await join(context, layer2, facts, inbox), done: Promise.resolve() };
  }
  const { secretName: name } = gossip;
  const secret = `Secret ${options.namespace}/${name}`;
  const now: { fellows: Fellows; problem: string | undefined } = {
    fellows: ALONE,
    problem: `the key of the gossip is not known: ${secret} is not there, has no secretkey, or ` +
      "must not be read; the controller makes it",
  };
  async function joinOnceKeyed(flags: GossipFlags): Promise<void> {
    const key = await awaitKey(context, name, secret);
    if (key === undefined) return;
    const keyed = { ...options, gossip: { ...flags, secret: key } };
    now.fellows = await join({ ...context, options: keyed }, layer2, facts, inbox);
    now.problem = undefined;
  }
  const done = joinOnceKeyed(gossip);
  return {
    done,
    live: (readyPods) => now.fellows.live(readyPods),
    heard: () => now.fellows.heard(),
    beside: () => now.fellows.beside(),
    describe: () => now.fellows.describe(),
    setCanAnnounce: (canAnnounce) => now.fellows.setCanAnnounce(canAnnounce),
    notify: (notice) => now.fellows.notify(notice),
    podsChanged: () => now.fellows.podsChanged(),
    leave: (handOver) => now.fellows.leave(handOver),
    problem: () => now.problem ?? now.fellows.problem(),
    heartbeatProblem: () => now.fellows.heartbeatProblem(),
    async [Symbol.asyncDispose]() {
      await done.catch(() => undefined); // whoever awaits `done` tells of it
      await now.fellows[Symbol.asyncDispose]();
    },
  };
}

/** The key, as soon as the Secret holds one; undefined when this node ends before. */
async function awaitKey(
  { cluster, log, options: { namespace }, signal }: RoleContext,
  name: string,
  secret: string,
): Promise<string | undefined> {
  const enough = new AbortController();
  // Not AbortSignal.any(): Deno may collect its signal while it is waited for, and nobody is told.
  const end = () => enough.abort();
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  let key: string | undefined;
  const watched = cluster.watch({
    kind: "Secret",
    namespace,
    name,
    read: readGossipKey,
    onChange(change) {
      if (change.kind === "apply") {
        key ??= change.value;
        enough.abort();
      } else if (change.kind === "synced" && key === undefined) {
        log.info({ reason: secret }, "waiting for the gossip key");
      }
    },
  }, enough.signal);
  await watched.done;
  signal.removeEventListener("abort", end);
  return signal.aborted ? undefined : key;
}
