import { heardAt } from "./fitness.ts";
import { act } from "./network.ts";
import { schedule, type Speaker, type World } from "./world.ts";

/** The API server's labels reach a speaker, each at its own moment; not while the API is down. */
export function setExcluded(world: World, excluded: ReadonlySet<string>): void {
  world.excluded = new Set(excluded);
  for (const speaker of world.speakers.values()) tellLabels(world, speaker);
}

function tellLabels(world: World, speaker: Speaker): void {
  if (!hearsApi(world, speaker)) return;
  schedule(world, world.labelsMs * world.random(), () =>
    act(world, speaker, () => {
      if (!hearsApi(world, speaker)) return;
      speaker.heardAt = world.now;
      speaker.excluded = new Set(world.excluded);
      speaker.feed.touch();
    }));
}

/** Whether the API server reaches the node. */
export function hearsApi(world: World, { host }: Pick<Speaker, "host">): boolean {
  return !world.apiDown && !world.apiCut.has(host);
}

/** The API server goes or comes back; then everybody lists again. */
export function setApiDown(world: World, down: boolean): void {
  world.apiDown = down;
  for (const speaker of world.speakers.values()) connectApi(world, speaker);
}

/** The way from one node to the API server is cut or mended. */
export function cutApi(world: World, name: string, cut: boolean): void {
  if (cut) world.apiCut.add(name);
  else world.apiCut.delete(name);
  const speaker = world.speakers.get(name);
  if (speaker !== undefined) connectApi(world, speaker);
}

/** Each finds the server again at its own moment, within five seconds. */
function connectApi(world: World, speaker: Speaker): void {
  if (!hearsApi(world, speaker)) {
    speaker.heardAt = heardAt(world, speaker) - speaker.clockMs;
    speaker.apiFrom = Infinity;
    return;
  }
  if (speaker.apiFrom < Infinity) return;
  schedule(world, 5_000 * world.random(), () => {
    if (!hearsApi(world, speaker)) return;
    speaker.apiFrom = world.now;
    if (speaker.podsKnownAt === Infinity) {
      speaker.podsKnownAt = world.now;
      act(world, speaker, () => speaker.feed.gossip({ kind: "join-soon" }));
    }
    tellLabels(world, speaker);
  });
}
