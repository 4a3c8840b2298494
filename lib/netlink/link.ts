import type { Mac } from "../net/ethernet.ts";
import { matchesInterface } from "./interface_names.ts";

/** A network interface as the kernel describes it. */
export interface Link {
  /** Stays through renames; a new interface of an old name has a new one. */
  readonly ifindex: number;
  readonly name: string;
  /** Undefined for tunnels without one and for InfiniBand, whose address has 20 bytes. */
  readonly mac: Mac | undefined;
  /** Set up by the administrator (IFF_UP). */
  readonly up: boolean;
  /** Able to pass frames: the cable is in (IFF_RUNNING). */
  readonly running: boolean;
  readonly broadcast: boolean;
  readonly noArp: boolean;
  readonly loopback: boolean;
  /** The bridge or bond that it is a port of. */
  readonly master: number | undefined;
  /** `veth`, `bridge`, `vlan` …; undefined for hardware. */
  readonly kind: string | undefined;
  /** Of a macvlan or ipvlan the interface in this network namespace whose cable it shares. */
  readonly sharesCableOf: number | undefined;
}

/** One on which ARP and NDP can be spoken. */
export type UsableLink = Link & { readonly mac: Mac };

/**
 * The interfaces to answer on, `most` at the most: where there are more, those that lead to the LAN
 * are the ones to keep.
 */
export function answeringLinks(
  links: readonly Link[],
  patterns: readonly string[],
  most: number,
): readonly UsableLink[] {
  const wanted = links.filter(usableForArp).filter(({ name }) => matchesInterface(name, patterns));
  return onePerCable(wanted).sort((a, b) => Number(isInner(a)) - Number(isInner(b))).slice(0, most);
}

/** Those that could answer and do not, for their names keep them out. */
export function leftOutByName(links: readonly Link[], patterns: readonly string[]): UsableLink[] {
  return links.filter(usableForArp).filter(({ name }) => !matchesInterface(name, patterns));
}

/** Whether it is most likely a pod's: a node has one end of a veth pair for each. */
export function isInner({ kind }: Link): boolean {
  return kind === "veth";
}

/**
 * Whether Herald may speak ARP there (MetalLB internal/layer2 announcer.go, and more): set up, with
 * a cable, able to broadcast, an Ethernet address, and no port of a bridge or bond, for the frame
 * comes in on its master.
 */
export function usableForArp(link: Link): link is UsableLink {
  return link.up && link.running && link.broadcast && !link.noArp && !link.loopback &&
    link.master === undefined && link.mac !== undefined;
}

/**
 * Leaves out interfaces that share another one's cable: both see the same request, and of two
 * replies with two hardware addresses the asker would keep either (row L17).
 */
export function onePerCable<T extends Link>(links: readonly T[]): T[] {
  const there = new Set(links.map(({ ifindex }) => ifindex));
  return links.filter(({ sharesCableOf }) =>
    sharesCableOf === undefined || !there.has(sharesCableOf)
  );
}

/** Whether nothing changed that this program looks at. */
export function sameLink(a: Link, b: Link): boolean {
  return a.ifindex === b.ifindex && a.name === b.name && a.mac === b.mac && a.up === b.up &&
    a.running === b.running && a.broadcast === b.broadcast && a.noArp === b.noArp &&
    a.loopback === b.loopback && a.master === b.master && a.kind === b.kind &&
    a.sharesCableOf === b.sharesCableOf;
}
