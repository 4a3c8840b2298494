import { formatIp } from "../../lib/net/ip.ts";
import { formatPrefix } from "../../lib/net/prefix.ts";
import type { PathAttribute } from "../../lib/bgp/attribute.ts";
import { decodeMessage, type Message } from "../../lib/bgp/message.ts";
import type { BgpFault } from "../../lib/bgp/notification.ts";
import type { Nlri } from "../../lib/bgp/nlri.ts";
import { prefixesOf } from "./codec.ts";

/** A message that a real implementation sent, and what it means. */
export interface Vector {
  readonly name: string;
  readonly session: string;
  readonly hex: string;
  // The captured meaning: its shape differs by message, and tests compare it as it is.
  // deno-lint-ignore no-explicit-any
  readonly decoded: any;
}

export const VECTORS: readonly Vector[] = JSON.parse(
  await Deno.readTextFile(new URL("../vectors/bgp.json", import.meta.url)),
);

export function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(hex.length / 2);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16);
  }
  return bytes;
}

/** Decodes as a session with AS numbers of four octets would. */
export function decode(bytes: Uint8Array, ebgp = true, asnBytes: 2 | 4 = 4): Message | BgpFault {
  return decodeMessage(bytes, { asnBytes, ebgp, maxLength: 4096 });
}

/** Prefixes as texts. */
export function texts(nlri: Nlri): string[] {
  return prefixesOf(nlri).map(formatPrefix);
}

/** An attribute in the captures' words. */
export function described(attribute: PathAttribute): Record<string, unknown> {
  const flags = `0x${attribute.flags.toString(16).padStart(2, "0")}`;
  switch (attribute.kind) {
    case "origin":
    case "med":
    case "local-pref":
      return { flags, value: attribute.value };
    case "as-path":
      return {
        flags,
        value: attribute.segments.map(({ kind, asns }) => ({ type: kind, asns })),
      };
    case "next-hop":
      return { flags, value: formatIp(attribute.address) };
    case "communities":
      return {
        flags,
        value: attribute.communities.map((one) => `${Math.floor(one / 65536)}:${one % 65536}`),
      };
    case "large-communities":
      return { flags, value: attribute.communities.map((one) => one.join(":")) };
    case "mp-reach":
      return {
        flags,
        afi: attribute.afi,
        safi: attribute.safi,
        next_hop: attribute.nextHops.map(formatIp),
        reserved: 0,
        nlri: texts(attribute.nlri),
      };
    case "mp-unreach":
      return {
        flags,
        afi: attribute.afi,
        safi: attribute.safi,
        withdrawn: texts(attribute.withdrawn),
      };
    default:
      return { flags, kind: attribute.kind };
  }
}
