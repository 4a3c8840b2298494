import { type Mac, writeMac } from "../net/ethernet.ts";
import * as asm from "./assembler.ts";
import {
  beginning,
  CTX,
  DATA,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV6,
  needs,
  TCX_IFINDEX,
} from "./frame.ts";

/** What the program of one interface is made of. */
interface ResponderParts {
  readonly mac: Mac;
  /** Maps by descriptor: addresses to the count of their replies. */
  readonly ip4Map: number;
  readonly ip6Map: number;
  /** One entry: until when replies may leave, in nanoseconds since the machine booted. */
  readonly leaseMap: number;
  readonly attach: "tcx" | "xdp";
}

const PASS = { tcx: -1, xdp: 2 } as const;
const XDP_TX = 3;
const HELPER = {
  mapLookup: 1,
  ktimeGetBootNs: 125,
  redirect: 23,
  csumDiff: 28,
} as const;

// Registers that calls leave alone, beside those of frame.ts.
const [COUNTER, LEASE] = [8, 9];
const STACK = 10;

// Numbers as a little-endian processor loads them from the frame.
const ARP_ETHERNET_IPV4 = 0x0008_0100;
const ARP_LENGTHS_REQUEST = 0x0100_0406;
const ARP_REPLY = 0x0200;
const PAYLOAD_32_ICMPV6_HOPS_255 = 0xff3a_2000;
const SOLICITATION = 0x0087;
const SOURCE_LINK_LAYER = 0x0101;
const ADVERTISEMENT = 0x88;
const SOLICITED_OVERRIDE = 0x60;
const IPV6_GROUP = 0x3333;
/** Payload length 32 and next header 58 of the pseudo header. */
const PSEUDO_HEADER = 0x5a00;

const ARP = { length: 42, sender: 22, senderIp: 28, target: 32, targetIp: 38 } as const;
const NDP = {
  length: 86,
  version: 14,
  source: 22,
  destination: 38,
  checksum: 56,
  target: 62,
  option: 78,
} as const;

/**
 * Makes the program that answers ARP requests (RFC 826) and neighbour solicitations (RFC 4861) on
 * one interface where the frames come in. What it is not sure of goes on to the socket, which
 * answers it: VLAN tags, other options, headers that cannot be had; and gratuitous frames and
 * duplicate address detection, which nobody answers so. The interface's hardware address is a
 * constant of the program.
 */
export function responderProgram(parts: ResponderParts): Uint8Array<ArrayBuffer> {
  const mac = new Uint8Array(6);
  writeMac(mac, 0, parts.mac);
  const view = new DataView(mac.buffer);
  const own: OwnMac = [view.getUint32(0, true), view.getUint16(4, true)];
  return asm.assemble([
    ...beginning(parts.attach, { arp: ARP.length, ndp: NDP.length }),
    ...needs(ARP.length),
    asm.load("h", 4, DATA, 12),
    asm.jumpEqual(4, ETHERTYPE_ARP, "arp"),
    asm.jumpEqual(4, ETHERTYPE_IPV6, "ndp"),
    { label: "pass" },
    asm.moveImmediate(0, PASS[parts.attach]),
    asm.exit(),
    { label: "arp" },
    ...answerArp(parts, own),
    asm.jump("send"),
    { label: "ndp" },
    ...answerNdp(parts, own),
    { label: "send" },
    ...send(parts.attach),
  ]);
}

type OwnMac = readonly [low: number, high: number];

function answerArp(parts: ResponderParts, own: OwnMac): asm.Step[] {
  return [
    asm.load("w", 4, DATA, 14),
    asm.jumpWordNotEqual(4, ARP_ETHERNET_IPV4, "pass"),
    asm.load("w", 4, DATA, 18),
    asm.jumpWordNotEqual(4, ARP_LENGTHS_REQUEST, "pass"),
    asm.load("w", 4, DATA, 0),
    asm.load("h", 5, DATA, 4),
    asm.jumpWordNotEqual(4, 0xffff_ffff, "arpUnicast"),
    asm.jumpEqual(5, 0xffff, "arpToUs"),
    { label: "arpUnicast" },
    asm.jumpWordNotEqual(4, own[0], "pass"),
    asm.jumpNotEqual(5, own[1], "pass"),
    { label: "arpToUs" },
    ...checkSender(ARP.sender, own, "arp"),
    // A host that announces the address as its own asks nothing: the socket sees a conflict in it.
    asm.load("w", 4, DATA, ARP.senderIp),
    asm.load("w", 5, DATA, ARP.targetIp),
    asm.jumpSame(4, 5, "pass"),
    asm.store("w", STACK, -4, 5),
    ...lookUp(parts.ip4Map, -4),
    ...checkLease(parts.leaseMap),
    asm.load("w", 1, DATA, ARP.sender),
    asm.load("h", 2, DATA, ARP.sender + 4),
    ...storeMac(0),
    ...storeMac(ARP.target),
    asm.load("w", 3, DATA, ARP.senderIp),
    asm.load("w", 4, DATA, ARP.targetIp),
    asm.store("w", DATA, ARP.targetIp, 3),
    asm.store("w", DATA, ARP.senderIp, 4),
    asm.moveWord(1, own[0]),
    asm.moveImmediate(2, own[1]),
    ...storeMac(6),
    ...storeMac(ARP.sender),
    asm.moveImmediate(1, ARP_REPLY),
    asm.store("h", DATA, 20, 1),
  ];
}

function answerNdp(parts: ResponderParts, own: OwnMac): asm.Step[] {
  const words = [0, 4, 8, 12];
  return [
    ...needs(NDP.length),
    asm.load("b", 4, DATA, NDP.version),
    asm.shiftRight(4, 4),
    asm.jumpNotEqual(4, 6, "pass"),
    asm.load("w", 4, DATA, 18),
    asm.jumpWordNotEqual(4, PAYLOAD_32_ICMPV6_HOPS_255, "pass"),
    asm.load("h", 4, DATA, 54),
    asm.jumpNotEqual(4, SOLICITATION, "pass"),
    asm.load("h", 4, DATA, NDP.option),
    asm.jumpNotEqual(4, SOURCE_LINK_LAYER, "pass"),
    asm.load("h", 4, DATA, 0),
    asm.jumpEqual(4, IPV6_GROUP, "ndpToUs"),
    asm.load("w", 4, DATA, 0),
    asm.load("h", 5, DATA, 4),
    asm.jumpWordNotEqual(4, own[0], "pass"),
    asm.jumpNotEqual(5, own[1], "pass"),
    { label: "ndpToUs" },
    ...checkSender(NDP.option + 2, own, "ndp"),
    // Source :: detects duplicates, one that is a group is a forgery.
    asm.load("b", 4, DATA, NDP.source),
    asm.jumpEqual(4, 0xff, "pass"),
    asm.moveImmediate(5, 0),
    ...words.flatMap((at) => [asm.load("w", 4, DATA, NDP.source + at), asm.or(5, 4)]),
    asm.jumpEqual(5, 0, "pass"),
    ...words.flatMap((at) => [
      asm.load("w", 4, DATA, NDP.target + at),
      asm.store("w", STACK, at - 16, 4),
    ]),
    ...lookUp(parts.ip6Map, -16),
    ...sum(),
    asm.jumpNotEqual(0, 0xffff, "pass"),
    ...checkLease(parts.leaseMap),
    asm.load("w", 1, DATA, NDP.option + 2),
    asm.load("h", 2, DATA, NDP.option + 6),
    ...storeMac(0),
    asm.moveWord(1, own[0]),
    asm.moveImmediate(2, own[1]),
    ...storeMac(6),
    ...storeMac(NDP.option + 2),
    asm.storeImmediate("b", DATA, NDP.option, 2),
    ...words.flatMap((at) => [
      asm.load("w", 1, DATA, NDP.source + at),
      asm.store("w", DATA, NDP.destination + at, 1),
      asm.load("w", 1, DATA, NDP.target + at),
      asm.store("w", DATA, NDP.source + at, 1),
    ]),
    asm.storeImmediate("w", DATA, 54, ADVERTISEMENT),
    asm.storeImmediate("w", DATA, 58, SOLICITED_OVERRIDE),
    ...sum(),
    asm.xorImmediate(0, 0xffff),
    asm.store("h", DATA, NDP.checksum, 0),
  ];
}

/** No reply goes to a group, to the address of all zeros or to this interface itself. */
function checkSender(at: number, own: OwnMac, name: string): asm.Step[] {
  return [
    asm.load("w", 4, DATA, at),
    asm.load("h", 5, DATA, at + 4),
    asm.move(2, 4),
    asm.andImmediate(2, 1),
    asm.jumpNotEqual(2, 0, "pass"),
    asm.jumpWordNotEqual(4, 0, `${name}Somebody`),
    asm.jumpEqual(5, 0, "pass"),
    { label: `${name}Somebody` },
    asm.jumpWordNotEqual(4, own[0], `${name}Other`),
    asm.jumpEqual(5, own[1], "pass"),
    { label: `${name}Other` },
  ];
}

/** Looks up the key on the stack, and keeps where its counter is. */
function lookUp(map: number, key: number): asm.Step[] {
  return [
    ...asm.loadMap(1, map),
    asm.move(2, STACK),
    asm.addImmediate(2, key),
    asm.call(HELPER.mapLookup),
    asm.jumpEqual(0, 0, "pass"),
    asm.move(COUNTER, 0),
  ];
}

/** Goes on only while the process is awake, and counts the reply. */
function checkLease(map: number): asm.Step[] {
  return [
    asm.storeImmediate("w", STACK, -20, 0),
    ...asm.loadMap(1, map),
    asm.move(2, STACK),
    asm.addImmediate(2, -20),
    asm.call(HELPER.mapLookup),
    asm.jumpEqual(0, 0, "pass"),
    asm.move(LEASE, 0),
    asm.call(HELPER.ktimeGetBootNs),
    asm.load("dw", 1, LEASE, 0),
    asm.jumpGreater(0, 1, "pass"),
    asm.moveImmediate(1, 1),
    asm.atomicAdd(COUNTER, 0, 1),
  ];
}

/** Registers 1 and 2 hold a hardware address. */
function storeMac(at: number): asm.Step[] {
  return [asm.store("w", DATA, at, 1), asm.store("h", DATA, at + 4, 2)];
}

/**
 * Over both addresses and the message, on top of the pseudo header's rest: register 0 holds all
 * ones when the checksum in it is right, else its complement is the one to write where zero stood.
 */
function sum(): asm.Step[] {
  const fold = [
    asm.move(1, 0),
    asm.shiftRight(1, 16),
    asm.andImmediate(0, 0xffff),
    asm.add(0, 1),
  ];
  return [
    asm.moveImmediate(1, 0),
    asm.moveImmediate(2, 0),
    asm.move(3, DATA),
    asm.addImmediate(3, NDP.source),
    asm.moveImmediate(4, 64),
    asm.moveImmediate(5, PSEUDO_HEADER),
    asm.call(HELPER.csumDiff),
    asm.lowerWord(0, 0),
    ...fold,
    ...fold,
  ];
}

function send(attach: "tcx" | "xdp"): asm.Step[] {
  if (attach === "xdp") return [asm.moveImmediate(0, XDP_TX), asm.exit()];
  return [
    asm.load("w", 1, CTX, TCX_IFINDEX),
    asm.moveImmediate(2, 0),
    asm.call(HELPER.redirect),
    asm.exit(),
  ];
}
