import { after, type Instant, instant, type Millis, type Random } from "../base/time.ts";
import { compareIp, type Ip } from "../net/ip.ts";
import { type GossipAction, type GossipState, isPresent, type Joining } from "./state.ts";

/** A missing member is tried so often, ± 20 %: healed partitions join (row L18). */
const JOIN_MS: Millis = 2_000;
const JOINS_AT_ONCE = 8;
/** A start waits no longer for members that do not answer. */
const FIRST_JOIN_MS: Millis = 1_500;

/** At a tick: asks for the candidates to try now, and ends a first join that took too long. */
export function join(
  state: GossipState,
  now: Instant,
  random: Random,
  actions: GossipAction[],
): void {
  const { joining } = state;
  if (now >= firstJoinEnd(state)) endFirstJoin(joining, actions);
  if (now < joining.next) return;
  joining.next = after(now, JOIN_MS * (joining.first === "ahead" ? 1 : 0.8 + 0.4 * random()));
  actions.push({ kind: "candidates" });
}

/** When {@link join} has something to do again. */
export function joinDeadline(state: GossipState): Instant {
  return instant(Math.min(state.joining.next, firstJoinEnd(state)));
}

function firstJoinEnd({ joining, startedAt }: GossipState): Instant {
  return joining.first === "over" ? instant(Infinity) : after(startedAt, FIRST_JOIN_MS);
}

/** Tries the candidates, and the members that died, that are not present now. */
export function onCandidates(
  state: GossipState,
  addresses: readonly Ip[],
  actions: GossipAction[],
): void {
  const { joining, self } = state;
  const present = new Set<Ip>([self.address]);
  const wanted = new Set<Ip>(addresses);
  for (const member of state.members.values()) {
    if (isPresent(member)) present.add(member.address);
    else if (member.state === "dead") wanted.add(member.address);
  }
  const missing = [...wanted].filter((ip) => !present.has(ip) && !joining.trying.has(ip))
    .sort(compareIp).slice(0, JOINS_AT_ONCE);
  for (const address of missing) {
    joining.trying.add(address);
    actions.push({ kind: "join", to: { address, port: self.port } });
  }
  if (joining.first !== "ahead") return;
  joining.first = new Set(missing);
  if (missing.length === 0) endFirstJoin(joining, actions);
}

/** A join was answered, or failed: that address may be tried again. */
export function onJoinEnded({ joining }: GossipState, address: Ip, actions: GossipAction[]): void {
  joining.trying.delete(address);
  const { first } = joining;
  if (typeof first === "object" && first.delete(address) && first.size === 0) {
    endFirstJoin(joining, actions);
  }
}

/** Candidates changed: the next tick tries them, however many changes come before it. */
export function joinSoon({ joining }: GossipState, now: Instant): void {
  if (joining.next < Infinity) joining.next = now;
}

/** Joins a member that seems to have news, wherever it is by now. */
export function ask(
  { members, self }: GossipState,
  name: string,
  address: Ip,
  actions: GossipAction[],
): void {
  const to = members.get(name) ?? { address, port: self.port };
  actions.push({ kind: "push-pull", to, join: true });
}

/** The process ends: no member is searched for any more. */
export function stopJoining({ joining }: GossipState, actions: GossipAction[]): void {
  joining.next = instant(Infinity);
  endFirstJoin(joining, actions);
}

function endFirstJoin(joining: Joining, actions: GossipAction[]): void {
  if (joining.first === "over") return;
  joining.first = "over";
  actions.push({ kind: "first-join-over" });
}
