import { piecesOf } from "../../../lib/heartbeat/notice.ts";
import type { Notice } from "../../../lib/heartbeat/packet.ts";
import { claimed } from "../../../lib/speaker/ownership.ts";
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

/** Whose frames are no foreign host's. */
export function tellMacs({ feed, fellowMacs, mac }: Speaker): void {
  const fellows = new Set([...fellowMacs.values()].flat());
  feed.conflicts({ kind: "known", own: new Set([mac]), fellows });
}

/** That a node said it, when, and how often. */
export function note({ now, said }: World, what: string): void {
  const times = said.get(what);
  if (times === undefined) said.set(what, [now]);
  else times.push(now);
}
