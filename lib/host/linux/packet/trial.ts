import { ARP_FRAME_LENGTH, ARP_REPLY, ARP_REQUEST, writeArp } from "../../../arp/packet.ts";
import {
  ADVERTISEMENT_FRAME_LENGTH,
  FLAG,
  solicitedNodeGroup,
  writeNdp,
} from "../../../ndp/packet.ts";
import { BROADCAST, type Mac, ZERO_MAC } from "../../../net/ethernet.ts";
import { type Ip4, ip6 } from "../../../net/ip.ts";

/** What a program makes of a frame: its verdict, and the frame that it leaves. */
type Run = (frame: Uint8Array<ArrayBuffer>) => {
  readonly verdict: number;
  readonly frame: Uint8Array;
};

/** For whom a program on trial answers, and who asks: of documentation (RFC 5737, RFC 3849). */
export const TRIAL_IP4 = 0xc000_0201 as Ip4;
export const TRIAL_IP6 = ip6(0x2001_0db8n << 96n | 1n);
const ASKER_IP4 = 0xc000_0202 as Ip4;
const ASKER_IP6 = ip6(0x2001_0db8n << 96n | 2n);
const ASKER = 0x0200_0000_0002 as Mac;
/** The verdicts that send a frame back: TC_ACT_REDIRECT and XDP_TX. */
const ANSWERED = { tcx: 7, xdp: 3 } as const;

/**
 * Asks a program as a neighbour would. Gives what it does not answer, or answers otherwise than it
 * shall; undefined when it is right in all: that it could be loaded does not say so.
 */
export function failedTrial(run: Run, attach: "tcx" | "xdp", mac: Mac): string | undefined {
  for (const [what, question, answer] of [arpTrial(mac), ndpTrial(mac)]) {
    const { verdict, frame } = run(question);
    if (verdict !== ANSWERED[attach]) return `${what}, to which it gave verdict ${verdict}`;
    if (frame.toHex() !== answer.toHex()) return `${what}, to which it replied ${frame.toHex()}`;
  }
  return undefined;
}

type Trial = readonly [
  what: string,
  question: Uint8Array<ArrayBuffer>,
  answer: Uint8Array<ArrayBuffer>,
];

function arpTrial(mac: Mac): Trial {
  const question = new Uint8Array(ARP_FRAME_LENGTH);
  writeArp({
    destination: BROADCAST,
    source: ASKER,
    operation: ARP_REQUEST,
    senderHardwareAddress: ASKER,
    senderProtocolAddress: ASKER_IP4,
    targetHardwareAddress: ZERO_MAC,
    targetProtocolAddress: TRIAL_IP4,
  }, question);
  const answer = new Uint8Array(ARP_FRAME_LENGTH);
  writeArp({
    destination: ASKER,
    source: mac,
    operation: ARP_REPLY,
    senderHardwareAddress: mac,
    senderProtocolAddress: TRIAL_IP4,
    targetHardwareAddress: ASKER,
    targetProtocolAddress: ASKER_IP4,
  }, answer);
  return ["an ARP request", question, answer];
}

function ndpTrial(mac: Mac): Trial {
  const question = new Uint8Array(ADVERTISEMENT_FRAME_LENGTH);
  writeNdp({
    destinationMac: mac,
    sourceMac: ASKER,
    source: ASKER_IP6,
    destination: solicitedNodeGroup(TRIAL_IP6),
    kind: "solicitation",
    flags: 0,
    target: TRIAL_IP6,
    linkLayer: ASKER,
  }, question);
  const answer = new Uint8Array(ADVERTISEMENT_FRAME_LENGTH);
  writeNdp({
    destinationMac: ASKER,
    sourceMac: mac,
    source: TRIAL_IP6,
    destination: ASKER_IP6,
    kind: "advertisement",
    flags: FLAG.solicited | FLAG.override,
    target: TRIAL_IP6,
    linkLayer: mac,
  }, answer);
  return ["a neighbour solicitation", question, answer];
}
