import { CLASSIC_BPF, type FilterStep } from "../../../../ffi/structs.ts";

const { and: AND, jumpEqual: JUMP_EQUAL, return: RETURN } = CLASSIC_BPF;
const { loadHalf: LOAD_HALF, loadWord: LOAD_WORD } = CLASSIC_BPF;
const { packetType: PACKET_TYPE, vlanTag: VLAN_TAG } = CLASSIC_BPF;

const TO_REFUSAL = 255;

const PACKET_HOST = 0;
const PACKET_BROADCAST = 1;
const PACKET_MULTICAST = 2;
/** All that a responder reads of a frame; the kernel copies no more. */
export const FRAME_BYTES = 160;

/**
 * Lets through ARP for Ethernet and IPv4 that was sent to this host or to all, so that nothing else
 * wakes the Worker: not frames for other hosts that a promiscuous interface takes in, not those of
 * a VLAN for which there is no interface. The kernel has taken VLAN tags out of the frame; tag 0 is
 * only a priority. Replies pass too: one that names our address is a conflict.
 */
export function arpFilter(): readonly FilterStep[] {
  return filterOf([
    [[LOAD_HALF, 0, 0, 12], equal(0x0806)], // EtherType
    [[LOAD_HALF, 0, 0, 20], [JUMP_EQUAL, 1, 0, 1], equal(2)], // operation: request or reply
    [[LOAD_WORD, 0, 0, 14], equal(0x0001_0800)], // Ethernet, IPv4
    [[LOAD_HALF, 0, 0, 18], equal(0x0604)], // address lengths
    UNTAGGED,
    [[LOAD_WORD, 0, 0, PACKET_TYPE], [JUMP_EQUAL, 1, 0, PACKET_HOST], equal(PACKET_BROADCAST)],
  ]);
}

/** The same for neighbour solicitations and advertisements (RFC 4861): ICMPv6, hop limit 255. */
export function ndpFilter(): readonly FilterStep[] {
  return filterOf([
    [[LOAD_HALF, 0, 0, 12], equal(0x86dd)], // EtherType
    [[LOAD_HALF, 0, 0, 20], equal(0x3aff)], // next header 58, hop limit 255
    [[LOAD_HALF, 0, 0, 54], [JUMP_EQUAL, 1, 0, 0x8700], equal(0x8800)], // types 135, 136; code 0
    UNTAGGED,
    [[LOAD_WORD, 0, 0, PACKET_TYPE], [JUMP_EQUAL, 1, 0, PACKET_HOST], equal(PACKET_MULTICAST)],
  ]);
}

function filterOf(checks: readonly (readonly FilterStep[])[]): readonly FilterStep[] {
  const steps = checks.flat();
  const refusal = steps.length + 1;
  return [
    // A check that fails goes to the refusal at the end; one that holds to the next step.
    ...steps.map(([code, jt, jf, k], index): FilterStep => {
      const place = (to: number) => to === TO_REFUSAL ? refusal - index - 1 : to;
      return [code, place(jt), place(jf), k];
    }),
    [RETURN, 0, 0, FRAME_BYTES],
    [RETURN, 0, 0, 0],
  ];
}

function equal(value: number): FilterStep {
  return [JUMP_EQUAL, 0, TO_REFUSAL, value];
}

const UNTAGGED: readonly FilterStep[] = [
  [LOAD_WORD, 0, 0, VLAN_TAG],
  [AND, 0, 0, 0x0fff],
  equal(0),
];
