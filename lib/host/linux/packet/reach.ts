import type { Ip } from "../../../net/ip.ts";
import type { Prefix } from "../../../net/prefix.ts";
import type { AddressRange } from "../../../net/range.ts";
import type { Link } from "../../../netlink/link.ts";
import { cutOff, leadsToAny, noteSubnets, type Subnets } from "../../../netlink/reach.ts";
import { ownAddresses } from "../own_addresses.ts";

/** Where this machine's interfaces lead to. */
export interface Reach {
  /** The interfaces or their addresses changed; `usable` are those that answer. */
  set(links: readonly Link[], usable: readonly Link[]): void;
  /** Whether an interface that answers leads to any of these addresses. */
  leadsToAny(ranges: readonly AddressRange[]): boolean;
  /** Subnets of this machine with any of these addresses, to which no interface leads any more. */
  cutOff(ranges: readonly AddressRange[]): readonly Prefix[];
  /** All addresses of this machine; undefined before they are known. */
  addresses(): ReadonlySet<Ip> | undefined;
}

/** Begins without interfaces; tests hand in addresses of their own. */
export function createReach(patterns: readonly string[], ask = ownAddresses): Reach {
  const subnets: Subnets = new Map();
  let known: { readonly links: readonly Link[]; readonly usable: readonly Link[] } | undefined;
  let addresses: ReadonlySet<Ip> | undefined;
  return {
    set(links, usable) {
      const own = ask();
      noteSubnets(subnets, links, own);
      addresses = new Set(own.map(({ ip }) => ip));
      known = { links, usable };
    },
    leadsToAny: (ranges) =>
      known !== undefined && leadsToAny(ranges, { ...known, subnets, patterns }),
    cutOff: (ranges) => known === undefined ? [] : cutOff(ranges, { ...known, subnets, patterns }),
    addresses: () => addresses,
  };
}
