import type { Ip6 } from "../net/ip.ts";
import { readIp6 } from "../net/octets6.ts";

/** A group of IPv6 that an interface lets in. */
export interface GroupOnInterface {
  readonly group: Ip6;
  readonly ifindex: number;
}

const HEADER = 16;
const BODY = 8;
/** RTM_GETMULTICAST: the kernel gives its answers the number of the question. */
const GET_MULTICAST = 58;
/** NLM_F_REQUEST and NLM_F_DUMP. */
const DUMP_REQUEST = 0x301;
const AF_INET6 = 10;
const IFA_MULTICAST = 7;

/** A request for the groups of IPv6 on all interfaces. */
export function groupDumpRequest(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER + BODY);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, GET_MULTICAST, true);
  view.setUint16(6, DUMP_REQUEST, true);
  bytes[HEADER] = AF_INET6;
  return bytes;
}

/**
 * Reads the groups out of a datagram of rtnetlink(7), whose frame `decodeRoute` draws; what is cut
 * short or unknown is left out. Total.
 */
export function decodeGroups(datagram: Uint8Array): GroupOnInterface[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const found: GroupOnInterface[] = [];
  let at = 0;
  while (datagram.length - at >= HEADER) {
    const length = view.getUint32(at, true);
    if (length < HEADER || length > datagram.length - at) break;
    if (view.getUint16(at + 4, true) === GET_MULTICAST && length >= HEADER + BODY) {
      const group = groupOf(datagram.subarray(at + HEADER + BODY, at + length));
      const ifindex = view.getUint32(at + HEADER + 4, true);
      if (group !== undefined) found.push({ group, ifindex });
    }
    at += (length + 3) & ~3;
  }
  return found;
}

function groupOf(attributes: Uint8Array): Ip6 | undefined {
  const view = new DataView(attributes.buffer, attributes.byteOffset, attributes.byteLength);
  let at = 0;
  while (attributes.length - at >= 4) {
    const length = view.getUint16(at, true);
    if (length < 4 || length > attributes.length - at) return undefined;
    if (view.getUint16(at + 2, true) === IFA_MULTICAST && length === 20) {
      return readIp6(attributes, at + 4);
    }
    at += (length + 3) & ~3;
  }
  return undefined;
}
