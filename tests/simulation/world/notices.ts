import { piecesOf } from "../../../lib/heartbeat/notice.ts";
import type { Notice } from "../../../lib/heartbeat/packet.ts";
import { claimed } from "../../../lib/speaker/ownership.ts";
import { isPresent } from "../../../lib/gossip/state.ts";
import type { Mac } from "../../../lib/net/ethernet.ts";
import type { Speaker, World } from "./world.ts";

const settlers = new WeakMap<Speaker, Map<number, () => void>>();

/** Tells all fellows; settled once they have it, or the time for it is over. */
export function notify(speaker: Speaker, notice: Notice, settled?: () => void): void {
  const id = ++speaker.lastNotice;
  if (settled !== undefined) {
    const waiting = settlers.get(speaker) ?? new Map();
    settlers.set(speaker, waiting.set(id, settled));
  }
  speaker.feed.monitor({ kind: "notify", id, notice });
}

/** A notice of that number is settled. */
export function onSettled(speaker: Speaker, id: number): void {
  settlers.get(speaker)?.get(id)?.();
  settlers.get(speaker)?.delete(id);
}

/** What a fellow that came must know. */
export function tellClaims(speaker: Speaker): void {
  const ips = claimed(speaker.ownership);
  for (const notice of piecesOf({ what: "claim", ips, macs: [speaker.mac] })) {
    notify(speaker, notice);
  }
}

/**
 * Whose frames are no foreign host's: as the claims tell, and as the kernel knows who has the addresses
 * of members that are not heard.
 */
export function fellowsOf(
  { machines }: World,
  { fellowMacs, gossip, liveness }: Speaker,
): Set<Mac> {
  const fellows = new Set([...fellowMacs.values()].flat());
  for (const member of gossip.members.values()) {
    if (!isPresent(member) || liveness.up.has(member.name)) continue;
    for (const { address, mac } of machines.values()) {
      if (address === member.address) fellows.add(mac);
    }
  }
  for (const mac of fellows) fellowMacs.set(`card ${mac}`, [mac]);
  return fellows;
}

/** That a node said it, when, and how often. */
export function note({ now, said }: World, what: string): void {
  const times = said.get(what);
  if (times === undefined) said.set(what, [now]);
  else times.push(now);
}
