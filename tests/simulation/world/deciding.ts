import { rankCandidates } from "../../../lib/speaker/election.ts";
import { judge, liveNodes, staleFellows } from "../../../lib/speaker/liveness.ts";
import { nobodys, onElected, onHeard } from "../../../lib/speaker/unclaimed.ts";
import { givesWay, standsBack } from "../../../lib/speaker/view_age.ts";
import { act } from "./network.ts";
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
  const { age, liveness } = speaker;
  const now = clock(world, speaker);
  // Speakers of MetalLB would still elect a node that others leave out.
  const others = speaker.judge === "Herald" ? staleFellows(liveness) : new Set<string>();
  const withSelf = (is: boolean) =>
    new Set(is && speaker.judge === "Herald" ? [...others, speaker.name] : others);
  const stale = withSelf(standsBack(age, now));
  const candidates = candidatesOf(live, speaker);
  const seeing = candidates.filter((name) => !stale.has(name));
  const unseeing = candidates.filter((name) => stale.has(name));
  const eligible = seeing.length > 0 ? seeing : candidates;
  speaker.feed.ownership({ kind: "fellows", names: new Set(liveness.up) });
  const { name, unclaimed } = speaker;
  onHeard(unclaimed, liveness.up, now);
  const left = nobodys(unclaimed, stale.has(name), liveness.up, now);
  speaker.feed.ownership({ kind: "stale", names: withSelf(givesWay(age, now)) });
  const wishes = world.vips.map((ip) => {
    const salt = speaker.saltOf(ip);
    const isLeft = left.has(ip) && electedOf(world, unseeing, salt) === name;
    const owner = isLeft ? name : electedOf(world, eligible, salt);
    onElected(unclaimed, ip, owner === name ? undefined : owner, now);
    return { ip, salt, own: owner === speaker.name, owner, canLinger: true };
  });
  speaker.feed.ownership({ kind: "wishes", wishes });
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
