import { aliveMembers } from "../../../lib/gossip/step.ts";
import type { Ip } from "../../../lib/net/ip.ts";
import { firstOf } from "../metallb.ts";
import { announce } from "./answers.ts";
import { act } from "./network.ts";
import { type Feed, schedule, type Speaker, type World } from "./world.ts";

// A speaker of MetalLB's among Herald's: memberlist's gossip, its election, its judgement, and its
// announcements. It beats to nobody, hands nothing over, and contradicts nobody.

/** It announces an address at once, then so often … */
const REPEAT_MS = 1_100;
/** … for so long after it last decided that it has it. */
const SPAM_MS = 5_000;

/** The machine of such a speaker, in place of Herald's; gossip and time are the same. */
export function metallbFeed(world: World, feed: Feed, self: () => Speaker): Feed {
  const nothing = () => undefined;
  const spamUntil = new Map<Ip, number>();
  return {
    ...feed,
    monitor: nothing,
    ownership: nothing,
    conflicts: nothing,
    layer2: nothing,
    joined() {
      self().informed = true;
      feed.touch();
    },
    members: feed.touch,
    decide: () => decide(world, self(), spamUntil),
  };
}

/** Each change of members or nodes makes it look at all Services, and announce again what it has. */
function decide(world: World, speaker: Speaker, spamUntil: Map<Ip, number>): void {
  const { excluded, gossip, informed, metallb, name } = speaker;
  speaker.deciding = false;
  if (!informed) return;
  const speakers = [...aliveMembers(gossip)]
    .filter((one) => metallb !== "v0.16" || !excluded.has(one));
  const own = world.vips.filter((ip) => ownerOf(world, speaker, speakers, ip) === name);
  speaker.answering = new Set(own);
  world.stale = true;
  world.changes++;
  for (const ip of own) {
    const isSpammed = spamUntil.has(ip);
    spamUntil.set(ip, world.now + SPAM_MS);
    if (!isSpammed) spam(world, speaker, spamUntil, ip);
  }
}

function ownerOf(
  { elected }: World,
  { saltOf }: Speaker,
  speakers: readonly string[],
  ip: Ip,
): string | undefined {
  const key = `MetalLB ${saltOf(ip)} ${speakers.toSorted().join()}`;
  if (!elected.has(key)) elected.set(key, firstOf(speakers, saltOf(ip)));
  return elected.get(key);
}

function spam(world: World, speaker: Speaker, spamUntil: Map<Ip, number>, ip: Ip): void {
  if (world.now > (spamUntil.get(ip) ?? 0)) return void spamUntil.delete(ip);
  if (speaker.answering.has(ip)) announce(world, speaker, ip);
  schedule(world, REPEAT_MS, () => act(world, speaker, () => spam(world, speaker, spamUntil, ip)));
}
