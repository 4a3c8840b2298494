import * as asm from "./assembler.ts";

type Attach = "tcx" | "xdp";

/** Octets that are read of a frame of each kind. */
interface Lengths {
  readonly arp: number;
  readonly ndp: number;
}

/** Registers that calls leave alone: what the kernel hands over, and the frame. */
export const [CTX, DATA] = [6, 7] as const;
/** Ethernet types as a little-endian processor loads them. */
export const ETHERTYPE_ARP = 0x0608;
export const ETHERTYPE_IPV6 = 0xdd86;
/** Where struct __sk_buff has the interface. */
export const TCX_IFINDEX = 40;

const CONTEXT = {
  tcx: { length: 0, protocol: 16, vlanTag: 24, data: 76, end: 80 },
  xdp: { data: 0, end: 4 },
} as const;
/** A longer frame is data: the few solicitations with so much after them are the socket's. */
const LONGEST_NDP = 128;
const SKB_PULL_DATA = 39;

/**
 * Begins a program: from here on {@link DATA} is the frame and register 3 its end. What it cannot
 * read goes to the label `pass`.
 */
export function beginning(attach: Attach, lengths: Lengths): asm.Step[] {
  const context = CONTEXT[attach];
  return [
    asm.move(CTX, 1),
    ...untagged(attach),
    ...pulled(attach, lengths),
    asm.load("w", DATA, CTX, context.data),
    asm.load("w", 3, CTX, context.end),
  ];
}

/**
 * The kernel has taken the tag out of the frame before tcx: what is of a VLAN is answered on that
 * VLAN's interface. Tag 0 is only a priority. Under XDP the tag is still in the frame.
 */
function untagged(attach: Attach): asm.Step[] {
  if (attach === "xdp") return [];
  return [
    asm.load("w", 4, CTX, CONTEXT.tcx.vlanTag),
    asm.andImmediate(4, 0x0fff),
    asm.jumpNotEqual(4, 0, "pass"),
  ];
}

/**
 * Some drivers leave no more than the Ethernet header where a program can read, and the rest in
 * fragments: what shall be read is pulled out of them first. Under XDP the kernel has done so.
 */
function pulled(attach: Attach, lengths: Lengths): asm.Step[] {
  if (attach === "xdp") return [];
  const readable = (length: number) => [
    asm.moveImmediate(2, length),
    asm.load("w", 4, CTX, CONTEXT.tcx.data),
    asm.load("w", 3, CTX, CONTEXT.tcx.end),
    // Without CAP_PERFMON the kernel lets nothing but a constant be added to where the frame is.
    asm.addImmediate(4, length),
    asm.jumpGreater(4, 3, "pull"),
    asm.jump("linear"),
  ];
  return [
    asm.load("w", 4, CTX, CONTEXT.tcx.protocol),
    asm.jumpEqual(4, ETHERTYPE_ARP, "readArp"),
    asm.jumpNotEqual(4, ETHERTYPE_IPV6, "pass"),
    asm.load("w", 4, CTX, CONTEXT.tcx.length),
    asm.moveImmediate(2, LONGEST_NDP),
    asm.jumpGreater(4, 2, "pass"),
    asm.moveImmediate(2, lengths.ndp),
    asm.jumpGreater(2, 4, "pass"),
    ...readable(lengths.ndp),
    { label: "readArp" },
    ...readable(lengths.arp),
    { label: "pull" },
    asm.move(1, CTX),
    asm.call(SKB_PULL_DATA),
    asm.jumpNotEqual(0, 0, "pass"),
    { label: "linear" },
  ];
}

/** Goes on only with a frame of so many octets; register 3 holds its end. */
export function needs(length: number): asm.Step[] {
  return [asm.move(4, DATA), asm.addImmediate(4, length), asm.jumpGreater(4, 3, "pass")];
}
