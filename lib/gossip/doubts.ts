import { after, type Instant, type Millis } from "../base/time.ts";
import { onDead } from "./members.ts";
import { readAnnouncement } from "./meta.ts";
import { pingOf } from "./probe.ts";
import { type GossipAction, type GossipState, isPresent, type Member } from "./state.ts";
import { saysUnfit } from "./told.ts";

/** A doubted member is pinged at once and so long after: one packet may be lost. */
const AGAIN_MS: readonly Millis[] = [60, 200];
/** Later answers say nothing of that moment. */
const DOUBT_MS: Millis = 500;

/** Another channel misses the member: it is asked by this one. */
export function doubt(
  state: GossipState,
  name: string,
  now: Instant,
  actions: GossipAction[],
): void {
  const member = state.members.get(name);
  if (member === undefined || !isPresent(member)) return;
  const sequence = ++state.sequence;
  const [first = 0] = AGAIN_MS;
  state.doubts.set(name, { sequence, since: now, tries: 0, next: after(now, first) });
  actions.push({ kind: "send", to: member, messages: [pingOf(state, name, sequence)], crc: false });
}

/** At each step: asks again. Who does not answer is dead to those that have no heartbeat; one that lives refutes it. */
export function pursueDoubts(state: GossipState, now: Instant, actions: GossipAction[]): void {
  for (const [name, one] of state.doubts) {
    const member = state.members.get(name);
    if (member === undefined) state.doubts.delete(name);
    else if (now >= after(one.since, DOUBT_MS)) {
      state.doubts.delete(name);
      if (hasOthersThanHerald(state)) declareDead(state, member, now, actions);
    } else if (now >= one.next) {
      one.tries++;
      const wait = AGAIN_MS[one.tries];
      one.next = after(one.since, wait ?? DOUBT_MS);
      const messages = [pingOf(state, name, one.sequence)];
      actions.push({ kind: "send", to: member, messages, crc: false });
    }
  }
}

/** An answer to a ping: whether it is one that a doubted member gives, and what it says. */
export function onDoubtAnswered(
  state: GossipState,
  sequence: number,
  payload: Uint8Array,
  actions: GossipAction[],
): boolean {
  for (const [name, one] of state.doubts) {
    if (one.sequence !== sequence) continue;
    state.doubts.delete(name);
    if (!saysUnfit(payload)) actions.push({ kind: "vouched", name });
    return true;
  }
  return false;
}

/** MetalLB's speakers hear no heartbeat: by gossip alone they would miss a member after five seconds. */
function declareDead(
  state: GossipState,
  { name: node, incarnation }: Member,
  now: Instant,
  actions: GossipAction[],
): void {
  onDead(state, { kind: "dead", node, incarnation, from: state.self.name }, now, actions);
}

function hasOthersThanHerald({ members }: GossipState): boolean {
  return [...members.values()].some((member) =>
    isPresent(member) && readAnnouncement(member.meta) === undefined
  );
}
