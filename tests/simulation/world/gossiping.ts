import { instant } from "../../../lib/base/time.ts";
import type { GossipMessage, NodeState } from "../../../lib/gossip/message.ts";
import type { Endpoint, GossipAction, GossipEvent } from "../../../lib/gossip/state.ts";
import { aliveMembers, step } from "../../../lib/gossip/step.ts";
import { localStates } from "../../../lib/gossip/told.ts";
import type { Ip } from "../../../lib/net/ip.ts";
import { judgeBeside } from "../../../lib/speaker/judgement.ts";
import { nextVerdict, onVouched, setMembers } from "../../../lib/speaker/liveness.ts";
import { rosterOf } from "../../../lib/speaker/roster.ts";
import { judgeFitness } from "./fitness.ts";
import { act, carry, hasAddress, hostAt, isCut, transmit } from "./network.ts";
import { plan } from "./timers.ts";
import { bootClock, clock, schedule, type Speaker, type World } from "./world.ts";

/** The time for a stream. */
const STREAM_MS = 10_000;

/** Advances a speaker's gossip. */
export function advanceGossip(world: World, speaker: Speaker, event: GossipEvent): void {
  const actions = step(speaker.gossip, event, clock(world, speaker), world.random);
  for (const action of actions) perform(world, speaker, action);
  if (actions.some(({ kind }) => kind === "member" || kind === "rival")) speaker.feed.members();
  plan(world, speaker, "gossip");
}

function perform(world: World, speaker: Speaker, action: GossipAction): void {
  const { feed, liveness } = speaker;
  const { gossipCut } = world.network;
  switch (action.kind) {
    case "push-pull":
      return exchange(world, speaker, action.to);
    case "join": {
      const { address } = action.to;
      return exchange(
        world,
        speaker,
        action.to,
        () => feed.gossip({ kind: "join-ended", address }),
      );
    }
    case "candidates": {
      const complete = world.now >= speaker.podsKnownAt;
      const addresses = complete ? expected(world) : [];
      return feed.gossip({ kind: "candidates", addresses, complete });
    }
    case "vouched":
      onVouched(liveness, action.name, action.answers);
      return feed.touch();
    case "first-join-over":
      return feed.joined();
    case "tcp-ping": {
      const { to, node, sequence } = action;
      return carry(world, speaker, to.address, gossipCut, (other) => {
        if (other.name !== node) return;
        const answered = { kind: "tcp-ack", sequence } as const;
        transmit(world, other.host, speaker.host, (back) => {
          if (back === speaker) back.feed.gossip(answered);
        });
      });
    }
    case "send":
      for (const sent of action.messages) {
        const message = written(speaker, sent);
        carry(world, speaker, action.to.address, gossipCut, (other) => {
          if (message.kind === "ping" && other.metallb === undefined) {
            other.feed.gossip(fitnessOf(world, other));
          }
          other.feed.gossip({ kind: "message", message, from: speaker.endpoint });
        });
      }
  }
}

/** Where speakers may be. */
function expected({ decoys, machines }: World): Ip[] {
  return [...decoys, ...[...machines.values()].flatMap(({ address }) => address ?? [])];
}

/** The pings of MetalLB up to v0.12 do not say who asks. */
function written({ metallb }: Speaker, message: GossipMessage): GossipMessage {
  if (message.kind !== "ping" || metallb === undefined || metallb === "v0.16") return message;
  return { ...message, sourceNode: "", sourceAddress: undefined, sourcePort: 0 };
}

/** Whether it could answer for its addresses now. */
function fitnessOf(world: World, speaker: Speaker) {
  const { held, leaseUntil, liveness } = speaker;
  const awake = !held && leaseUntil > bootClock(world, speaker);
  return {
    kind: "fitness",
    unfit: !awake || liveness.fitness.canAnnounceSince === undefined,
  } as const;
}

/**
 * A push/pull by TCP: the kernel repeats what is lost until the time for a stream is over, and
 * refuses at once where no process listens.
 */
function exchange(world: World, speaker: Speaker, to: Endpoint, ended?: () => void): void {
  const { host } = speaker;
  const states = localStates(speaker.gossip);
  let answer: readonly NodeState[] | undefined;
  let open = true;
  const end = (nodes: readonly NodeState[]) => {
    if (!open) return;
    open = false;
    speaker.feed.gossip({ kind: "merge", nodes });
    ended?.();
  };
  const reply = (peer: string, nodes: readonly NodeState[]) =>
    transmit(world, peer, host, (back) => back === speaker && end(nodes));
  const send = (waitMs: number): void => {
    if (!open || !speaker.running) return;
    const peer = hasAddress(world, speaker) ? hostAt(world, to.address) : undefined;
    if (world.decoysRefuse && world.decoys.includes(to.address)) {
      return schedule(world, 1, () => act(world, speaker, () => end([])));
    }
    if (peer !== undefined) {
      const { endpoint, running = false } = world.speakers.get(peer) ?? {};
      const isListening = running && endpoint?.address === to.address;
      if (!isListening && !isCut(world.network.cut, host, peer)) reply(peer, []);
      carry(world, speaker, to.address, world.network.gossipCut, (other) => {
        if (answer === undefined) other.feed.gossip({ kind: "merge", nodes: states });
        reply(peer, answer ??= localStates(other.gossip));
      });
    }
    schedule(world, waitMs, () => send(2 * waitMs));
  };
  send(1_000);
  schedule(world, STREAM_MS, () => act(world, speaker, () => end([])));
}

/** What a speaker of Herald's makes of what gossip tells. */
export function membersChanged(world: World, speaker: Speaker): void {
  const { gossip, liveness, feed } = speaker;
  liveness.fitness.problem = gossip.rival === undefined ? undefined : "refused for its name";
  const roster = rosterOf(aliveMembers(gossip), gossip.members, speaker.sinceMs, liveness.up);
  const { beating, beside, view } = roster;
  speaker.judge = judgeBeside({ ...beside, keyBytes: undefined }, undefined);
  const returned = setMembers(liveness, view, clock(world, speaker));
  if (returned) feed.ownership({ kind: "returned" });
  const isOld = world.old.has(speaker.name);
  speaker.targets = new Map(beating.map(({ address, name }) => [name, address]));
  const peers = isOld ? beating.map((peer) => ({ ...peer, inRing: false })) : beating;
  feed.monitor({ kind: "peers", peers });
  judgeFitness(world, speaker);
  feed.touch();
  lookAgain(world, speaker);
}

/** Some verdicts change with time alone. */
export function lookAgain(world: World, speaker: Speaker): void {
  const now = clock(world, speaker);
  const due = nextVerdict(speaker.liveness, now);
  if (due === undefined || (speaker.nextLook > now && speaker.nextLook <= due)) return;
  speaker.nextLook = due;
  schedule(world, due - now + 1, () =>
    act(world, speaker, () => {
      speaker.nextLook = instant(-Infinity);
      speaker.feed.touch();
      lookAgain(world, speaker);
    }));
}
