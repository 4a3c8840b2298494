import { lastIp, maskIp, type Prefix } from "../net/prefix.ts";
import { bitsOf, familyOf, type Ip } from "../net/ip.ts";
import { type AddressRange, rangesOverlap } from "../net/range.ts";
import { matchesInterface } from "./interface_names.ts";
import type { Link } from "./link.ts";

/** An address of this machine, on which interface, and how many bits its subnet has. */
export interface OwnAddress {
  readonly ip: Ip;
  readonly length: number;
  readonly interface: string;
}

/** The subnets of each interface by its index, as far as {@link noteSubnets} was told. */
export type Subnets = Map<number, readonly Prefix[]>;

/**
 * Takes note of the interfaces' subnets. One that is down keeps those it had: they say where it
 * would lead, and the kernel takes IPv6 addresses off it.
 */
export function noteSubnets(
  subnets: Subnets,
  links: readonly Link[],
  addresses: readonly OwnAddress[],
): void {
  const there = new Set(links.map(({ ifindex }) => ifindex));
  for (const ifindex of subnets.keys()) if (!there.has(ifindex)) subnets.delete(ifindex);
  for (const { ifindex, name, running, up } of links) {
    const now = addresses.filter((own) => own.interface === name).filter(hasNeighbours)
      .map(({ ip, length }) => ({ address: maskIp(ip, length), length }));
    const before = up && running ? [] : subnets.get(ifindex) ?? [];
    subnets.set(ifindex, [...now, ...before.filter((one) => !now.some(equals(one)))]);
  }
}

/** A host's own prefix has room for nobody else. */
function hasNeighbours({ ip, length }: OwnAddress): boolean {
  return length < bitsOf(familyOf(ip));
}

function equals(one: Prefix): (other: Prefix) => boolean {
  return ({ address, length }) => address === one.address && length === one.length;
}

/**
 * Whether a host that looks for any of these addresses can ask on one of the usable interfaces. An
 * interface whose subnet has room for an address is where it is looked for; an address that lies in
 * no subnet may be looked for on each, and so may all where the configuration names the interfaces.
 */
export function leadsToAny(
  ranges: readonly AddressRange[],
  { links, usable, subnets, patterns }: {
    readonly links: readonly Link[];
    readonly usable: readonly Link[];
    readonly subnets: Subnets;
    readonly patterns: readonly string[];
  },
): boolean {
  if (usable.length === 0) return false;
  if (ranges.length === 0 || patterns.some((pattern) => !pattern.startsWith("!"))) return true;
  const answers = new Set(usable.map(({ ifindex }) => ifindex));
  const byIndex = new Map(links.map((link) => [link.ifindex, link]));
  let isCut = false;
  for (const range of ranges) {
    const held = links.filter((link) => isOfLan(link, patterns)).filter(({ ifindex }) =>
      subnets.get(ifindex)?.some((subnet) => rangesOverlap(rangeOf(subnet), range))
    );
    if (held.some((link) => answers.has(cableOf(link, byIndex)))) return true;
    if (held.length > 0) isCut = true;
  }
  return !isCut;
}

/**
 * The subnets that hold any of these addresses and to which no usable interface leads any more: this
 * node must not own what lies in them, though it may own what it can still be asked for.
 */
export function cutOff(
  ranges: readonly AddressRange[],
  { links, usable, subnets, patterns }: Parameters<typeof leadsToAny>[1],
): Prefix[] {
  if (patterns.some((pattern) => !pattern.startsWith("!"))) return [];
  const answers = new Set(usable.map(({ ifindex }) => ifindex));
  const byIndex = new Map(links.map((link) => [link.ifindex, link]));
  const [led, cut]: [Prefix[], Prefix[]] = [[], []];
  for (const link of links.filter((link) => isOfLan(link, patterns))) {
    const leads = answers.has(cableOf(link, byIndex));
    (leads ? led : cut).push(...subnets.get(link.ifindex) ?? []);
  }
  const overlaps = (one: Prefix) => (other: AddressRange) => rangesOverlap(rangeOf(one), other);
  return cut.filter((one, index) =>
    ranges.some(overlaps(one)) && !led.map(rangeOf).some(overlaps(one)) &&
    cut.findIndex(equals(one)) === index
  );
}

/** Whether it would be used, were it up: no tunnel, and no name that keeps it out. */
function isOfLan({ broadcast, loopback, name, noArp }: Link, patterns: readonly string[]): boolean {
  return broadcast && !noArp && !loopback && matchesInterface(name, patterns);
}

/** The interface that answers for it: its bridge or bond, or whose cable it shares. */
function cableOf(
  { ifindex, master, sharesCableOf }: Link,
  byIndex: ReadonlyMap<number, Link>,
): number {
  if (master !== undefined) return master;
  return sharesCableOf !== undefined && byIndex.has(sharesCableOf) ? sharesCableOf : ifindex;
}

function rangeOf(subnet: Prefix): AddressRange {
  return { first: subnet.address, last: lastIp(subnet), text: "" };
}
