import type { Mac } from "../../../lib/net/ethernet.ts";
import type { Ip } from "../../../lib/net/ip.ts";
import { ip4 } from "../../support/addresses.ts";
import { loseAll } from "./answers.ts";
import { judgeFitness } from "./fitness.ts";
import { kill, startSpeaker } from "./life.ts";
import { act, hasAddress } from "./network.ts";
import { schedule, type Speaker, type World } from "./world.ts";

// Machines that lose their address or get another, and machines beside the nodes'.

/** As the host has it: so long an address may be gone before the membership ends … */
const GIVE_UP_MS = 5_000;
/** … and so long after it is back this node counts again. */
const HEAR_AGAIN_MS = 1_000;
/** So often an address is looked for. */
const LOOK_MS = 1_000;
const FIRST_OTHER = 0x0a00_0800;
const FIRST_DECOY = 0x0900_0001;

/** An address that no machine has had. */
export function freshAddress(world: World): Ip {
  return ip4(FIRST_OTHER + world.addresses++);
}

/** The machine's address is gone for a while, then it has this one. */
export function renumber(world: World, host: string, ms: number, next: Ip): void {
  const machine = world.machines.get(host);
  if (machine?.address === undefined) return;
  machine.address = undefined;
  schedule(world, ms, () => {
    machine.address = next;
    const speaker = world.speakers.get(host);
    if (speaker?.homeless !== true || !hasAddress(world, speaker)) return;
    act(world, speaker, () => {
      speaker.homeless = false;
      schedule(world, HEAR_AGAIN_MS, () => act(world, speaker, () => comeBack(world, speaker)));
    });
  });
  const speaker = world.speakers.get(host);
  if (speaker !== undefined) act(world, speaker, () => onGone(world, speaker));
}

/** Silent at once; after a while it joins anew, by the address that it has then. */
function onGone(world: World, speaker: Speaker): void {
  speaker.homeless = true;
  if (speaker.metallb === undefined) {
    loseAll(speaker);
    judgeFitness(world, speaker);
  }
  schedule(world, GIVE_UP_MS, () => act(world, speaker, () => joinAnew(world, speaker)));
}

function comeBack(world: World, speaker: Speaker): void {
  if (speaker.homeless) return;
  speaker.informed = true;
  if (speaker.metallb === undefined) judgeFitness(world, speaker);
  speaker.feed.touch();
}

function joinAnew(world: World, speaker: Speaker): void {
  if (!speaker.homeless || speaker.leaving) return;
  if (world.machines.get(speaker.host)?.address === undefined) {
    return schedule(world, LOOK_MS, () => act(world, speaker, () => joinAnew(world, speaker)));
  }
  kill(world, speaker.host);
  startSpeaker(world, speaker.host, speaker.name);
}

/** A machine beside the nodes', with an address of its own. */
export function addMachine(world: World): string {
  const address = freshAddress(world);
  const host = `extra${world.addresses}`;
  world.machines.set(host, { address, mac: 0x0200_0000 + world.addresses as Mac });
  return host;
}

/** Speakers are expected at so many addresses more, before those of the nodes, and none is there. */
export function setDecoys(world: World, count: number, refuse: boolean): void {
  world.decoys.length = 0;
  for (let index = 0; index < count; index++) world.decoys.push(ip4(FIRST_DECOY + index));
  world.decoysRefuse = refuse;
}
