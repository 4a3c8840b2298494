import assert from "node:assert/strict";
import type { ArpPacket } from "../../lib/arp/packet.ts";
import type { Mac } from "../../lib/net/ethernet.ts";
import { type Ip4, parseIp4 } from "../../lib/net/ip.ts";
import { parseMac } from "../support/addresses.ts";

/** One frame that a real kernel or arping sent (tests/vectors/arp.json) with its decoding. */
export interface ArpVector {
  readonly name: string;
  readonly source: string;
  readonly hex: string;
  readonly decoded: {
    readonly dst: string;
    readonly src: string;
    readonly arp: {
      readonly htype: number;
      readonly ptype: string;
      readonly hlen: number;
      readonly plen: number;
      readonly op: number;
      readonly sender_mac: string;
      readonly sender_ip: string;
      readonly target_mac: string;
      readonly target_ip: string;
    };
  };
}

export const ARP_VECTORS: readonly ArpVector[] = JSON.parse(
  Deno.readTextFileSync(new URL("../vectors/arp.json", import.meta.url)),
);
/** Those of a VLAN carry its tag, the others none. */
export const UNTAGGED = ARP_VECTORS.filter(({ name }) => !name.startsWith("arp/vlan/"));
export const TAGGED = ARP_VECTORS.filter(({ name }) => name.startsWith("arp/vlan/"));

export function vector(name: string): ArpVector {
  const found = ARP_VECTORS.find((one) => one.name === name);
  assert.ok(found, `no vector ${name}`);
  return found;
}

export function bytesOf({ hex }: ArpVector): Uint8Array {
  return Uint8Array.fromHex(hex);
}

export function packetOf({ decoded: { dst, src, arp } }: ArpVector): ArpPacket {
  assert.ok(arp.op === 1 || arp.op === 2);
  return {
    destination: mac(dst),
    source: mac(src),
    operation: arp.op,
    senderHardwareAddress: mac(arp.sender_mac),
    senderProtocolAddress: ip(arp.sender_ip),
    targetHardwareAddress: mac(arp.target_mac),
    targetProtocolAddress: ip(arp.target_ip),
  };
}

export function mac(text: string): Mac {
  const parsed = parseMac(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

export function ip(text: string): Ip4 {
  const parsed = parseIp4(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

/** The frame with a tag of that VLAN and priority 5 after its Ethernet addresses. */
export function tagged(frame: Uint8Array, vlan: number): Uint8Array {
  return Uint8Array.of(
    ...frame.subarray(0, 12),
    0x81,
    0x00,
    0xa0 | (vlan >>> 8),
    vlan & 255,
    ...frame.subarray(12),
  );
}
