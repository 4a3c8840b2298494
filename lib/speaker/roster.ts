import { type Announcement, readAnnouncement } from "../gossip/meta.ts";
import type { Member } from "../gossip/state.ts";
import { formatIp, type Ip } from "../net/ip.ts";
import { parsePrefix, type Prefix } from "../net/prefix.ts";
import type { Beside } from "./judgement.ts";
import type { GossipView, Verdict } from "./liveness.ts";

const STATE_TEXT: Partial<Record<Verdict, string>> = {
  heard: "up",
  missed: "gone",
  leaves: "gone",
  "cannot announce": "cannot announce",
};

/** Another speaker that beats. */
export interface Beating extends Pick<Announcement, "boot" | "inRing" | "port"> {
  readonly name: string;
  readonly address: Ip;
}

/** Who takes part, by gossip. */
export interface Roster {
  readonly view: GossipView;
  readonly beating: readonly Beating[];
  /** By what rules those decide that tell theirs. */
  readonly rules: ReadonlyMap<string, string>;
  /** Subnets to which no interface of a node leads any more. */
  readonly cutOff: ReadonlyMap<string, readonly Prefix[]>;
  /** Speakers of MetalLB … */
  readonly beside: Omit<Beside, "keyBytes">;
  /** … and where they gossip. */
  readonly addressesBeside: ReadonlySet<Ip>;
}

/** Reads out of gossip who takes part, by what each tells of itself, this node since `sinceMs`. */
export function rosterOf(
  alive: ReadonlySet<string>,
  members: ReadonlyMap<string, Pick<Member, "address" | "meta" | "namesAsker">>,
  sinceMs: number,
): Roster {
  const elders = new Set<string>();
  const mute = new Set<string>();
  const views = new Map<string, NonNullable<Announcement["view"]>>();
  const beating: Beating[] = [];
  const rules = new Map<string, string>();
  const [nodes, older, newer] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const addressesBeside = new Set<Ip>();
  const cutOff = new Map<string, readonly Prefix[]>();
  for (const [name, { address, meta, namesAsker }] of members) {
    if (!alive.has(name)) continue;
    const announced = readAnnouncement(meta);
    if (announced === undefined) {
      nodes.add(name);
      addressesBeside.add(address);
      if (namesAsker !== undefined) (namesAsker ? newer : older).add(name);
      continue;
    }
    const { port, boot, inRing, view } = announced;
    if (!announced.canAnnounce) mute.add(name);
    if (announced.sinceMs <= sinceMs) elders.add(name);
    if (announced.cutOff !== undefined) cutOff.set(name, prefixesOf(announced.cutOff));
    if (announced.rules !== undefined) rules.set(name, announced.rules);
    if (view !== undefined) views.set(name, view);
    beating.push({ name, address, port, boot, inRing });
  }
  const boots = new Map(beating.map(({ name, boot }) => [name, boot]));
  return {
    view: { alive, beating: boots, elders, mute, views },
    beating,
    rules,
    cutOff,
    beside: { nodes, older, newer },
    addressesBeside,
  };
}

/** Reads what a node is cut off from; what is no prefix is left out. */
export function prefixesOf(texts: readonly string[]): Prefix[] {
  return texts.map(parsePrefix).filter((parsed) => typeof parsed !== "string")
    .map(({ prefix }) => prefix);
}

/** The state of each member, in words for people. */
export function describeMembers(
  members: ReadonlyMap<string, Pick<Member, "address" | "name" | "state">>,
  verdicts: ReadonlyMap<string, Verdict>,
  stale: ReadonlySet<string>,
): { readonly node: string; readonly address: string; readonly state: string }[] {
  return [...members.values()].map(({ address, name, state }) => {
    const text = STATE_TEXT[verdicts.get(name) ?? "not in gossip"] ?? state;
    const told = stale.has(name) ? `${text}, stale view` : text;
    return { node: name, address: formatIp(address), state: told };
  });
}
