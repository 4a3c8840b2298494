import { type Announcement, CUT_OFF_ROOM, readAnnouncement } from "../gossip/meta.ts";
import type { Member } from "../gossip/state.ts";
import { compareIp, formatIp, type Ip } from "../net/ip.ts";
import { formatPrefix, parsePrefix, type Prefix, prefixAround } from "../net/prefix.ts";
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

type Members = ReadonlyMap<string, Pick<Member, "address" | "meta" | "namesAsker" | "state">>;

/**
 * Reads out of gossip who takes part, by what each tells of itself, this node since `sinceMs`; of
 * those whose heartbeat is `heard` none is gone that has not said so.
 */
export function rosterOf(
  aliveInGossip: ReadonlySet<string>,
  members: Members,
  sinceMs: number,
  heard: ReadonlySet<string>,
): Roster {
  const alive = withHeard(aliveInGossip, members, heard);
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

/**
 * A member whose heartbeat is heard lives, be the port of the gossip filtered. Speakers of MetalLB
 * know of no heartbeat: beside them who is dead to gossip is so to all.
 */
function withHeard(
  alive: ReadonlySet<string>,
  members: Members,
  heard: ReadonlySet<string>,
): ReadonlySet<string> {
  const also = [...heard].filter((name) => !alive.has(name) && members.get(name)?.state === "dead");
  if (also.length === 0) return alive;
  const isBeside = [...members].some(([name, { meta }]) =>
    alive.has(name) && readAnnouncement(meta) === undefined
  );
  return isBeside ? alive : new Set([...alive, ...also]);
}

/** Reads what a node is cut off from; what is no prefix is left out. */
export function prefixesOf(texts: readonly string[]): Prefix[] {
  return texts.map(parsePrefix).filter((parsed) => typeof parsed !== "string")
    .map(({ prefix }) => prefix);
}

/**
 * What a node is cut off from as all know it, itself too: as its metadata has room for. Beyond that
 * those next to each other go as one, and the node is left out of more than it must be; two that did
 * not name the same would leave an address with no owner.
 */
export function tellable(prefixes: readonly Prefix[]): Prefix[] {
  const told = prefixes.toSorted((one, other) =>
    compareIp(one.address, other.address) || one.length - other.length
  );
  while (JSON.stringify(told.map(formatPrefix)).length > CUT_OFF_ROOM) {
    let nearest: { readonly at: number; readonly around: Prefix } | undefined;
    for (const [at, one] of told.entries()) {
      const next = told[at + 1];
      const around = next && prefixAround(one, next);
      if (around !== undefined && around.length > (nearest?.around.length ?? -1)) {
        nearest = { at, around };
      }
    }
    if (nearest === undefined) break;
    told.splice(nearest.at, 2, nearest.around);
  }
  return told;
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
