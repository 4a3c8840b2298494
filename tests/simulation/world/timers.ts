import { nextDeadline as gossipDeadline } from "../../../lib/gossip/step.ts";
import { nextDeadline as monitorDeadline } from "../../../lib/heartbeat/monitor.ts";
import { nextDeadline as conflictDeadline } from "../../../lib/speaker/conflicts.ts";
import { nextDeadline as layer2Deadline } from "../../../lib/speaker/layer2.ts";
import { nextDeadline as ownershipDeadline } from "../../../lib/speaker/ownership.ts";
import { act } from "./network.ts";
import { bootClock, clock, schedule, type Speaker, type World } from "./world.ts";

/** Wakes the machines that asked for it: each has a timer of its own. */
export function tick(world: World, speaker: Speaker): void {
  const { due, feed } = speaker;
  const event = { kind: "tick" } as const;
  const isDue = (machine: keyof typeof due) => due[machine] <= clock(world, speaker);
  if (due.monitor <= bootClock(world, speaker)) feed.monitor(event);
  if (isDue("gossip")) feed.gossip(event);
  if (isDue("ownership")) feed.ownership(event);
  if (isDue("conflicts")) feed.conflicts(event);
  if (isDue("layer2")) feed.layer2(event);
  wake(world, speaker);
}

/** Each machine is woken when it asked for it, and never a thousand times at one moment. */
export function plan(world: World, speaker: Speaker, machine: keyof Speaker["due"]): void {
  speaker.due[machine] = deadlineOf(world, speaker, machine);
  wake(world, speaker);
}

function wake(world: World, speaker: Speaker): void {
  const { clockMs, suspendedMs, due } = speaker;
  const { monitor, gossip, ownership, conflicts, layer2 } = due;
  const first = Math.min(monitor - suspendedMs, gossip, ownership, conflicts, layer2);
  const at = Math.max(first - clockMs, world.now + 0.05);
  if (at >= speaker.nextTick && speaker.nextTick > world.now) return;
  speaker.nextTick = at;
  schedule(world, at - world.now, () => {
    if (speaker.nextTick !== at) return;
    act(world, speaker, () => {
      speaker.nextTick = Infinity;
      tick(world, speaker);
    });
  });
}

function deadlineOf(world: World, speaker: Speaker, machine: keyof Speaker["due"]): number {
  switch (machine) {
    case "monitor":
      return monitorDeadline(speaker.monitor, bootClock(world, speaker));
    case "gossip":
      return gossipDeadline(speaker.gossip);
    case "ownership":
      return ownershipDeadline(speaker.ownership) ?? Infinity;
    case "conflicts":
      return conflictDeadline(speaker.conflicts) ?? Infinity;
    case "layer2":
      return layer2Deadline(speaker.layer2) ?? Infinity;
  }
}
