import type { FilterStep } from "../../../ffi/structs.ts";

// Classic BPF (linux/filter.h): opcodes, and what the kernel tells of a frame beside its bytes.
const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const AND = 0x54;
const JUMP_EQUAL = 0x15;
const RETURN = 0x06;
const PACKET_TYPE = 0xffff_f000 + 4;
const VLAN_TAG = 0xffff_f000 + 44;

const PACKET_HOST = 0;
const PACKET_BROADCAST = 1;
/** All that a responder reads of a frame; the kernel copies no more. */
export const FRAME_BYTES = 64;

/**
 * Lets through ARP requests for Ethernet and IPv4 that were sent to this host or to all, so that
 * nothing else wakes the Worker: not replies, not frames for other hosts that a promiscuous
 * interface takes in, not those of a VLAN for which there is no interface. The kernel has taken
 * VLAN tags out of the frame; tag 0 is only a priority.
 */
export function arpRequestFilter(): readonly FilterStep[] {
  const checks: readonly (readonly FilterStep[])[] = [
    [[LOAD_HALF, 0, 0, 12], equal(0x0806)], // EtherType
    [[LOAD_HALF, 0, 0, 20], equal(1)], // operation: request
    [[LOAD_WORD, 0, 0, 14], equal(0x0001_0800)], // Ethernet, IPv4
    [[LOAD_HALF, 0, 0, 18], equal(0x0604)], // address lengths
    [[LOAD_WORD, 0, 0, VLAN_TAG], [AND, 0, 0, 0x0fff], equal(0)],
    [[LOAD_WORD, 0, 0, PACKET_TYPE], [JUMP_EQUAL, 1, 0, PACKET_HOST], equal(PACKET_BROADCAST)],
  ];
  const steps = checks.flat();
  const refusal = steps.length + 1;
  return [
    // A check that fails goes to the refusal at the end; one that holds to the next step.
    ...steps.map(([code, jt, jf, k], index): FilterStep =>
      jf === TO_REFUSAL ? [code, jt, refusal - index - 1, k] : [code, jt, jf, k]
    ),
    [RETURN, 0, 0, FRAME_BYTES],
    [RETURN, 0, 0, 0],
  ];
}

const TO_REFUSAL = 255;

function equal(value: number): FilterStep {
  return [JUMP_EQUAL, 0, TO_REFUSAL, value];
}
