import { type Mac, MAC_LENGTH, readMac } from "../net/ethernet.ts";
import type { Ip, Ip4 } from "../net/ip.ts";
import { readIp6 } from "../net/octets6.ts";

/** A host that this machine has talked to, and its hardware address. */
export interface Neighbour {
  readonly ip: Ip;
  readonly mac: Mac;
}

const HEADER = 16;
const BODY = 12;
const TYPE = { newNeighbour: 28, getNeighbour: 30 } as const;
/** NLM_F_REQUEST and NLM_F_DUMP. */
const DUMP_REQUEST = 0x301;
const ATTRIBUTE = { destination: 1, linkLayerAddress: 2 } as const;

/** A request for the kernel's neighbours of both families (RTM_GETNEIGH with NLM_F_DUMP). */
export function neighbourDumpRequest(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER + BODY);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, TYPE.getNeighbour, true);
  view.setUint16(6, DUMP_REQUEST, true);
  return bytes;
}

/**
 * Reads the neighbours with a hardware address out of a datagram of rtnetlink(7), whose frame
 * `decodeRoute` draws; what is cut short or unknown is left out. Total.
 */
export function decodeNeighbours(datagram: Uint8Array): Neighbour[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const found: Neighbour[] = [];
  let at = 0;
  while (datagram.length - at >= HEADER) {
    const length = view.getUint32(at, true);
    if (length < HEADER || length > datagram.length - at) break;
    if (view.getUint16(at + 4, true) === TYPE.newNeighbour && length >= HEADER + BODY) {
      const neighbour = neighbourOf(datagram.subarray(at + HEADER + BODY, at + length));
      if (neighbour !== undefined) found.push(neighbour);
    }
    at += (length + 3) & ~3;
  }
  return found;
}

function neighbourOf(attributes: Uint8Array): Neighbour | undefined {
  const view = new DataView(attributes.buffer, attributes.byteOffset, attributes.byteLength);
  let ip: Ip | undefined;
  let mac: Mac | undefined;
  let at = 0;
  while (attributes.length - at >= 4) {
    const length = view.getUint16(at, true);
    if (length < 4 || length > attributes.length - at) return undefined;
    const type = view.getUint16(at + 2, true);
    const value = attributes.subarray(at + 4, at + length);
    if (type === ATTRIBUTE.destination && value.length === 4) {
      ip = view.getUint32(at + 4, false) as Ip4;
    } else if (type === ATTRIBUTE.destination && value.length === 16) ip = readIp6(value, 0);
    else if (type === ATTRIBUTE.linkLayerAddress && value.length === MAC_LENGTH) {
      mac = readMac(value, 0);
    }
    at += (length + 3) & ~3;
  }
  return ip === undefined || mac === undefined ? undefined : { ip, mac };
}
