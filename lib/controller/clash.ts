import type { ServiceKey } from "../model/facts.ts";
import type { Ip } from "../net/ip.ts";
import { type AddressBook, type AddressUse, type Holding, isSamePort } from "./allocations.ts";

/** Why an address cannot be shared with one of its users. */
export interface Clash {
  readonly reason: "address-in-use" | "sharing-conflict";
  readonly partner: ServiceKey;
  /** A clause that begins with the partner's name. */
  readonly message: string;
}

/** Why the Service may not use the address beside its present users; undefined when it may. */
export function clashOf(
  book: AddressBook,
  ip: Ip,
  service: ServiceKey,
  use: AddressUse,
): Clash | undefined {
  const users = book.users.get(ip) ?? [];
  for (const user of users) {
    if (user.service === service) continue;
    const clash = clashWith(user, use);
    if (clash !== undefined) return clash;
  }
  const owner = users.length === 0 ? book.keptFor.get(ip) : undefined;
  if (owner === undefined || owner === service) return undefined;
  const message = `${owner} had it and was deleted, it is kept for that name (sticky-time)`;
  return { reason: "address-in-use", partner: owner, message };
}

/** The same of one of its users. */
export function clashWith(user: Holding, use: AddressUse): Clash | undefined {
  const partner = user.service;
  const { sharingKey, backendKey, lbClass, ports } = user.use;
  const who = lbClass === use.lbClass ? partner : `${partner} of another loadBalancerClass`;
  if (use.sharingKey === undefined || sharingKey !== use.sharingKey) {
    const message = use.sharingKey === undefined || sharingKey === undefined
      ? `${who} uses it, and not both Services have a sharing key`
      : `${who} uses it under another sharing key`;
    return { reason: "address-in-use", partner, message };
  }
  if (backendKey !== use.backendKey) {
    const message = `${who} shares it with another externalTrafficPolicy, ` +
      `or with Local and other pods`;
    return { reason: "sharing-conflict", partner, message };
  }
  const port = ports.find((theirs) => use.ports.some((own) => isSamePort(own, theirs)));
  if (port === undefined) return undefined;
  const message = `${who} already uses its port ${port.port}/${port.protocol}`;
  return { reason: "sharing-conflict", partner, message };
}
