import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import { readGossipKey } from "../../model/cluster.ts";
import { formatIp } from "../../net/ip.ts";
import type { GossipFlags } from "../process/options.ts";
import type { RoleContext } from "../process/role.ts";
import { ALONE, type Fellows } from "./fellows.ts";
import { joinFellows } from "./join.ts";

type JoinArguments = Parameters<typeof joinFellows>;

/** Fellows that are joined once the key of the gossip is known, and anew by another address. */
export interface KeyedFellows extends Omit<Fellows, "over"> {
  /** Settles when this node ends; fails where they cannot be joined, or not any more. */
  readonly done: Promise<void>;
}

/** How the fellows are joined, and those that are now. */
interface State {
  readonly context: RoleContext;
  readonly join: (flags: GossipFlags | undefined) => Promise<Fellows>;
  fellows: Fellows;
  /** Why there are none yet. */
  problem: string | undefined;
}

/** So often an address is looked for in place of one that is gone. */
const LOOK_MS: Millis = 1_000;

/**
 * Joins the other speakers by a key that the flags hold, or that is in a Secret: that one is waited
 * for, and until it is there this node is acquainted with nobody, and announces nothing. Where this
 * machine loses the address by which it joined, it joins again by another; one that the flags name
 * has no other.
 * @throws what `join` throws, where nothing is waited for
 */
export async function joinWithKey(
  context: RoleContext,
  layer2: JoinArguments[1],
  facts: JoinArguments[2],
  inbox: JoinArguments[3],
  worker: JoinArguments[4],
  join: typeof joinFellows = joinFellows,
): Promise<KeyedFellows> {
  const { options } = context;
  const { gossip } = options;
  const state: State = {
    context,
    join: (flags) =>
      join({ ...context, options: { ...options, gossip: flags } }, layer2, facts, inbox, worker),
    fellows: ALONE,
    problem: undefined,
  };
  if (gossip?.secretName !== undefined) {
    const secret = `Secret ${options.namespace}/${gossip.secretName}`;
    state.problem = `the key of the gossip is not known: ${secret} is not there, has no ` +
      "secretkey, or must not be read; the controller makes it";
    return fellowsOf(state, joinOnceKeyed(state, gossip, gossip.secretName, secret));
  }
  state.fellows = await state.join(gossip);
  return fellowsOf(state, gossip === undefined ? Promise.resolve() : stayJoined(state, gossip));
}

function fellowsOf(state: State, done: Promise<void>): KeyedFellows {
  return {
    done,
    live: (readyPods) => state.fellows.live(readyPods),
    heard: () => state.fellows.heard(),
    describe: () => state.fellows.describe(),
    setCanAnnounce: (canAnnounce) => state.fellows.setCanAnnounce(canAnnounce),
    setView: (view) => state.fellows.setView(view),
    stale: () => state.fellows.stale(),
    othersServe: () => state.fellows.othersServe(),
    othersCurrent: () => state.fellows.othersCurrent(),
    notify: (notice) => state.fellows.notify(notice),
    podsChanged: () => state.fellows.podsChanged(),
    beside: () => state.fellows.beside(),
    roster: () => state.fellows.roster(),
    describeSelf: (self) => state.fellows.describeSelf(self),
    unreached: (readyPods) => state.fellows.unreached(readyPods),
    setAddresses: (own) => state.fellows.setAddresses(own),
    leave: (handOver) => state.fellows.leave(handOver),
    problem: () => state.problem ?? state.fellows.problem(),
    heartbeatProblem: () => state.fellows.heartbeatProblem(),
    async [Symbol.asyncDispose]() {
      await done.catch(() => undefined); // whoever awaits `done` tells of it
      await state.fellows[Symbol.asyncDispose]();
    },
  };
}

async function joinOnceKeyed(
  state: State,
  flags: GossipFlags,
  name: string,
  secret: string,
): Promise<void> {
  const key = await awaitKey(state.context, name, secret);
  if (key === undefined) return;
  const keyed = { ...flags, secret: key };
  state.fellows = await state.join(keyed);
  state.problem = undefined;
  await stayJoined(state, keyed);
}

/** @throws Error when the address that the flags name is no longer this machine's */
async function stayJoined(state: State, flags: GossipFlags): Promise<void> {
  while (await state.fellows.over === "address gone") {
    if (flags.bindAddress !== undefined) {
      throw new Error(
        `--ml-bindaddr=${formatIp(flags.bindAddress)} is no longer an address of this machine: ` +
          "start again with the one by which the other speakers shall reach it",
      );
    }
    await joinAgain(state, flags);
  }
}

/** Joins by the address that leads to the others now, as soon as there is one. */
async function joinAgain(state: State, flags: GossipFlags): Promise<void> {
  const { context: { clock, log, signal } } = state;
  const before = state.fellows;
  state.problem = before.problem() ?? "the address of the gossip is gone";
  state.fellows = ALONE;
  await before[Symbol.asyncDispose]();
  for (let told = false; !signal.aborted; told = true) {
    try {
      state.fellows = await state.join(flags);
      state.problem = undefined;
      return;
    } catch (error) {
      if (!told) log.warn({ error: errorText(error) }, "gossip waits for an address");
    }
    await clock.sleep(LOOK_MS, signal);
  }
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
