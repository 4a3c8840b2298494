import type { Instant } from "../../../lib/base/time.ts";
import type { Ip } from "../../../lib/net/ip.ts";
import { rankCandidates } from "../../../lib/speaker/election.ts";
import { judge, liveNodes } from "../../../lib/speaker/liveness.ts";
import { claimed } from "../../../lib/speaker/ownership.ts";
import {
  leftToOthers,
  nextUnclaimed,
  nobodys,
  onElected,
  onHeard,
  onOwnerless,
} from "../../../lib/speaker/unclaimed.ts";
import type { Unclaimedness } from "../../../lib/speaker/view.ts";
import { whoIsStale } from "../../../lib/speaker/view_age.ts";
import { act } from "./network.ts";
import { notify } from "./notices.ts";
import { clock, schedule, type Speaker, type World } from "./world.ts";

/** What changes at one moment is decided once, a moment later. */
export function touch(world: World, speaker: Speaker): void {
  if (speaker.deciding) return;
  speaker.deciding = true;
  schedule(world, 0.2 * world.random(), () => act(world, speaker, speaker.feed.decide));
}

/** Decides which addresses are this node's. */
export function decide(world: World, speaker: Speaker): void {
  speaker.deciding = false;
  if (!speaker.informed || speaker.leaving || world.now < speaker.podsKnownAt) return;
  const sightings = { known: speaker.gossip.members, pods: undefined };
  const live = liveNodes(judge(speaker.liveness, sightings, clock(world, speaker)));
  const { age, liveness, name, unclaimed } = speaker;
  const now = clock(world, speaker);
  // Speakers of MetalLB would still elect a node that others leave out, and they claim nothing.
  const counts = speaker.judge === "Herald";
  const stale = counts ? whoIsStale(age, name, new Set(liveness.stale)) : new Set<string>();
  const candidates = candidatesOf(live, speaker);
  const seeing = candidates.filter((name) => !stale.has(name));
  const eligible = seeing.length > 0 ? seeing : candidates;
  speaker.feed.ownership({ kind: "fellows", names: new Set(liveness.up) });
  onHeard(unclaimed, liveness.up, now);
  const left = counts ? leftHere(speaker, stale.has(name), now) : new Map<Ip, Unclaimedness>();
  speaker.feed.ownership({ kind: "stale", names: stale });
  const wishes = world.vips.map((ip) => {
    const salt = speaker.saltOf(ip);
    const how = left.get(ip);
    const isNext = how !== undefined &&
      electedOf(world, nextOf(how, live, speaker, stale), salt) === name;
    const owner = isNext ? name : electedOf(world, eligible, salt);
    onElected(unclaimed, ip, owner === name ? undefined : owner, now);
    if (owner === undefined) onOwnerless(unclaimed, ip);
    return { ip, salt, own: owner === name, owner, canLinger: true };
  });
  speaker.feed.ownership({ kind: "wishes", wishes });
  if (counts) lookAtUnclaimed(world, speaker);
}

/** What it may answer for though it elects others; these are told what it leaves to them in vain. */
function leftHere(
  speaker: Speaker,
  isStale: boolean,
  now: Instant,
): ReadonlyMap<Ip, Unclaimedness> {
  const { liveness: { up }, name, ownership, unclaimed } = speaker;
  const ips = leftToOthers(unclaimed, up, now);
  if (ips.length > 0) notify(speaker, { what: "release", ips });
  return nobodys(unclaimed, { name, isStale, own: claimed(ownership) }, up, now);
}

/** Who is next for an address that nobody claims, as `lib/speaker/electing.ts` has it. */
function nextOf(
  how: Unclaimedness,
  live: ReadonlySet<string>,
  { excluded, name }: Speaker,
  stale: ReadonlySet<string>,
): readonly string[] {
  const among = [...live].filter((one) => how === "kept" ? one === name : !how.has(one));
  const serving = among.filter((one) => !excluded.has(one));
  const seeing = serving.filter((one) => !stale.has(one));
  if (serving.length > 0) return seeing.length > 0 ? seeing : serving;
  return among.length === 1 && stale.has(name) ? among : [];
}

/** Decides again when fellows have had time to claim what is left to them. */
export function lookAtUnclaimed(world: World, speaker: Speaker): void {
  const { liveness, name, unclaimed } = speaker;
  const now = clock(world, speaker);
  const due = nextUnclaimed(unclaimed, name, liveness.up, now);
  if (due === undefined || (speaker.nextClaims > now && speaker.nextClaims <= due)) return;
  speaker.nextClaims = due;
  schedule(world, due - now, () => {
    if (speaker.nextClaims === due) act(world, speaker, speaker.feed.touch);
  });
}

/** The label leaves out who has it, where that counts; Herald's own rules leave somebody. */
function candidatesOf(live: ReadonlySet<string>, { excluded, judge }: Speaker): string[] {
  if (judge === "v0.10" || judge === "v0.12") return [...live];
  const serving = [...live].filter((name) => !excluded.has(name));
  return serving.length > 0 || judge === "v0.16" ? serving : [...live];
}

/** Hashing is half of what a world computes, and few outcomes are possible. */
function electedOf(
  { elected }: World,
  candidates: readonly string[],
  salt: string,
): string | undefined {
  const key = `${salt} ${candidates.toSorted().join()}`;
  let owner = elected.get(key);
  if (owner === undefined) {
    [owner] = rankCandidates(candidates, salt);
    elected.set(key, owner);
  }
  return owner;
}
