import { type Instant, instant } from "../../../lib/base/time.ts";
import { announcementOf } from "../../../lib/gossip/meta.ts";
import {
  hasFellow,
  HEAR_MS,
  judge,
  setCanAnnounce as setFit,
} from "../../../lib/speaker/liveness.ts";
import { nextAge, onAge } from "../../../lib/speaker/view_age.ts";
import { act, PORT } from "./network.ts";
import { notify } from "./notices.ts";
import { clock, schedule, type Speaker, type World } from "./world.ts";

/** As the host does: hear the nodes that gossip found, and be heard, before anything is taken. */
export function becomeReady(world: World, speaker: Speaker, waitedMs: number): void {
  act(world, speaker, () => {
    if (speaker.liveness.unheard.size > 0 && waitedMs < HEAR_MS) {
      return schedule(world, 10, () => becomeReady(world, speaker, waitedMs + 10));
    }
    notify(speaker, { what: "release", ips: [] }, () => {
      speaker.informed = true;
      judgeFitness(world, speaker);
      speaker.feed.touch();
    });
  });
}

/** Tells the others when this node can no longer announce, and when it can again. */
export function judgeFitness(world: World, speaker: Speaker): void {
  const { homeless, informed, liveness: { fitness } } = speaker;
  const canAnnounce = informed && !homeless && fitness.problem === undefined;
  if (canAnnounce !== (fitness.canAnnounceSince !== undefined)) {
    setCanAnnounce(world, speaker, canAnnounce);
  }
}

function setCanAnnounce(world: World, speaker: Speaker, canAnnounce: boolean): void {
  setFit(speaker.liveness, canAnnounce, clock(world, speaker));
  speaker.feed.monitor({ kind: "can-announce", canAnnounce });
  tellByGossip(world, speaker);
}

function tellByGossip(world: World, speaker: Speaker): void {
  speaker.feed.gossip({ kind: "meta", meta: metaOf(world, speaker) });
}

/** What it tells of itself by gossip. */
export function metaOf(
  world: World,
  { age: { state: view }, boot, liveness, name, sinceMs }: Pick<
    Speaker,
    "age" | "boot" | "liveness" | "name" | "sinceMs"
  >,
): Uint8Array {
  const canAnnounce = liveness.fitness.canAnnounceSince !== undefined;
  const inRing = !world.old.has(name);
  return announcementOf({ port: PORT + 1, boot, inRing, sinceMs, canAnnounce, view });
}

/** When the API server last told it something, by its clock. */
export function heardAt(world: World, { apiFrom, clockMs, heardAt }: Speaker): Instant {
  const signs = Math.floor((world.now - apiFrom) / world.signMs);
  return instant(clockMs + (world.now >= apiFrom ? apiFrom + signs * world.signMs : heardAt));
}

/** Compares its view with the others', and looks again when that may have changed. */
export function lookAtAge(world: World, speaker: Speaker): void {
  act(world, speaker, () => {
    const { age, gossip, liveness } = speaker;
    const now = clock(world, speaker);
    const at = heardAt(world, speaker);
    const verdicts = judge(liveness, { known: gossip.members, pods: undefined }, now);
    const othersCurrent = hasFellow(liveness, verdicts, "current");
    if (onAge(age, { heardAt: at, othersCurrent }, now, world.oldMs)) {
      speaker.feed.monitor({ kind: "view", stale: age.state === "stale" });
      tellByGossip(world, speaker);
    }
    speaker.feed.touch();
    const next = nextAge(age, at, now, world.oldMs);
    if (speaker.nextAge > now && speaker.nextAge <= next) return;
    speaker.nextAge = next;
    schedule(world, next - now, () => {
      if (speaker.nextAge !== next) return;
      speaker.nextAge = instant(-Infinity);
      lookAtAge(world, speaker);
    });
  });
}
