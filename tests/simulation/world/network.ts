import type { Ip } from "../../../lib/net/ip.ts";
import { schedule, type Speaker, type World } from "./world.ts";

/** Of the gossip, by UDP and TCP; the heartbeat has the next. */
export const PORT = 7946;

/** Runs what happens to a process: at once, later if it stands still, never if it is gone. */
export function act(world: World, speaker: Speaker, run: () => void): void {
  if (!speaker.running || world.speakers.get(speaker.host) !== speaker) return;
  if (speaker.paused) speaker.inbox.push(run);
  else run();
}

/** Carries something to whoever has the address, or not; nothing that this filter drops. */
export function carry(
  world: World,
  from: Speaker,
  to: Ip,
  filter: ReadonlySet<string>,
  run: (speaker: Speaker) => void,
): void {
  const host = hostAt(world, to);
  if (host === undefined || !hasAddress(world, from) || isCut(filter, from.host, host)) return;
  transmit(world, from.host, host, (speaker) => {
    if (speaker.endpoint.address === to) run(speaker);
  });
}

/** Carries something from one machine to the process of another, or not. */
export function transmit(
  world: World,
  from: string,
  to: string,
  run: (speaker: Speaker) => void,
): void {
  const { network, random } = world;
  const copies = random() < network.duplication ? 2 : 1;
  for (let copy = 0; copy < copies; copy++) {
    if (isCut(network.cut, from, to) || random() < network.loss) continue;
    schedule(world, network.delayMs + network.jitterMs * random(), () => {
      const speaker = world.speakers.get(to);
      if (speaker !== undefined && !speaker.deaf && !isCut(network.cut, from, to)) {
        act(world, speaker, () => run(speaker));
      }
    });
  }
}

/** Whether nothing is carried that way. */
export function isCut(pairs: ReadonlySet<string>, from: string, to: string): boolean {
  return pairs.size > 0 && pairs.has(`${from}>${to}`);
}

/** Whether the machine still has the address by which the speaker joined. */
export function hasAddress({ machines }: World, { endpoint, host }: Speaker): boolean {
  return machines.get(host)?.address === endpoint.address;
}

/** The machine that has the address. */
export function hostAt({ machines }: World, address: Ip): string | undefined {
  for (const [host, machine] of machines) if (machine.address === address) return host;
  return undefined;
}
