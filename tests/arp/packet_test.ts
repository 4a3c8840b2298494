import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ARP_FRAME_LENGTH,
  ARP_LENGTH,
  arpOffset,
  type ArpPacket,
  arpProbe,
  decodeArp,
  gratuitous,
  writeArp,
} from "../../lib/arp/packet.ts";
import { isWireError } from "../../lib/base/errors.ts";
import { BROADCAST, type Mac } from "../../lib/net/ethernet.ts";
import {
  ARP_VECTORS,
  bytesOf,
  ip,
  mac,
  packetOf,
  TAGGED,
  tagged,
  UNTAGGED,
  vector,
} from "./vectors.ts";
import { ip4 } from "../support/addresses.ts";

const REQUEST = bytesOf(vector("arp/arp/request-broadcast-1"));

const anyMac = fc.nat(2 ** 48 - 1).map((value) => value as Mac);
const anyIp = fc.nat(2 ** 32 - 1).map(ip4);
const anyPacket: fc.Arbitrary<ArpPacket> = fc.record({
  destination: anyMac,
  source: anyMac,
  operation: fc.constantFrom(1 as const, 2 as const),
  senderHardwareAddress: anyMac,
  senderProtocolAddress: anyIp,
  targetHardwareAddress: anyMac,
  targetProtocolAddress: anyIp,
}, { noNullPrototype: true });

function written(packet: ArpPacket): Uint8Array {
  const frame = new Uint8Array(ARP_FRAME_LENGTH);
  assert.equal(writeArp(packet, frame), ARP_FRAME_LENGTH);
  return frame;
}

function reasonOf(frame: Uint8Array): string {
  const decoded = decodeArp(frame);
  return isWireError(decoded) ? decoded.reason : "decoded";
}

function altered(offset: number, ...octets: number[]): Uint8Array {
  const frame = REQUEST.slice();
  frame.set(octets, offset);
  return frame;
}

for (const one of UNTAGGED) {
  Deno.test(`decodeArp() and writeArp() agree with ${one.source} on ${one.name}`, () => {
    assert.deepEqual(decodeArp(bytesOf(one)), packetOf(one));
    assert.deepEqual(written(packetOf(one)), bytesOf(one));
  });
}

Deno.test("decodeArp() leaves frames of a VLAN alone and takes VLAN 0 for untagged (corpus 2.5.12)", () => {
  assert.equal(TAGGED.length, 4);
  for (const one of TAGGED) {
    const frame = bytesOf(one);
    assert.equal(reasonOf(frame), "not-arp", one.name);
    frame[14] = 0xe0; // Priority 7, VLAN 0.
    frame[15] = 0;
    assert.deepEqual(decodeArp(frame), packetOf(one), one.name);
  }
  assert.equal(reasonOf(tagged(REQUEST, 1)), "not-arp");
  assert.equal(reasonOf(tagged(REQUEST, 4095)), "not-arp");
  assert.equal(reasonOf(tagged(tagged(REQUEST, 0), 0)), "not-arp");
});

Deno.test("decodeArp() takes every cut of a valid frame for truncated (corpus 2.5.1)", () => {
  for (const one of ARP_VECTORS) {
    // One octet of its VLAN: 100 becomes 0.
    const frame = bytesOf(one);
    if (TAGGED.includes(one)) frame[15] = 0;
    for (let length = 0; length < frame.length; length++) {
      assert.equal(reasonOf(frame.subarray(0, length)), "truncated", `${one.name} ${length}`);
    }
    assert.equal(reasonOf(frame), "decoded", one.name);
  }
});

Deno.test("decodeArp() takes octets after the packet for padding, up to a jumbo frame", () => {
  const expected = decodeArp(REQUEST);
  for (const length of [43, 60, 1_514, 9_000]) {
    const frame = new Uint8Array(length).fill(0xff);
    frame.set(REQUEST);
    assert.deepEqual(decodeArp(frame), expected, String(length));
  }
});

Deno.test("decodeArp() refuses other hardware, protocols, lengths and operations by name (corpus 2.5.2, 2.5.3)", () => {
  for (
    const [frame, reason, offset] of [
      [altered(12, 0x08, 0x00), "not-arp", 12],
      [altered(12, 0x86, 0xdd), "not-arp", 12],
      [altered(12, 0x88, 0xa8), "not-arp", 12],
      [altered(14, 0, 0), "bad-hardware-type", 14],
      [altered(14, 0, 6), "bad-hardware-type", 14],
      [altered(14, 1, 1), "bad-hardware-type", 14],
      [altered(16, 0x86, 0xdd), "bad-protocol-type", 16],
      [altered(16, 0, 0), "bad-protocol-type", 16],
      [altered(18, 0), "bad-address-length", 18],
      [altered(18, 8), "bad-address-length", 18],
      [altered(19, 16), "bad-address-length", 18],
      [altered(18, 255, 255), "bad-address-length", 18],
      [altered(20, 0, 0), "bad-operation", 20],
      [altered(20, 0, 3), "bad-operation", 20],
      [altered(20, 1, 1), "bad-operation", 20],
      [altered(20, 0xff, 0xff), "bad-operation", 20],
    ] as const
  ) {
    const refused = decodeArp(frame);
    assert.ok(isWireError(refused), reason);
    assert.deepEqual(
      [refused.protocol, refused.reason, refused.offset],
      ["arp", reason, offset],
      refused.detail,
    );
  }
});

Deno.test("decodeArp() says in its detail what stood there", () => {
  const detail = (frame: Uint8Array) => {
    const refused = decodeArp(frame);
    return isWireError(refused) ? refused.detail : undefined;
  };
  assert.equal(detail(altered(20, 0xff, 0xff)), "operation 65535, not 1 or 2");
  assert.equal(detail(altered(18, 8, 16)), "address lengths 8 and 16, not 6 and 4");
  assert.equal(detail(REQUEST.subarray(0, 13)), "13 of 42 octets");
});

Deno.test("decodeArp() gives back what writeArp() wrote, tagged with priority too", () => {
  fc.assert(
    fc.property(anyPacket, (packet) => {
      assert.deepEqual(decodeArp(written(packet)), packet);
      assert.deepEqual(decodeArp(tagged(written(packet), 0)), packet);
    }),
    { seed: 20, numRuns: 2_000 },
  );
});

Deno.test("decodeArp() never throws on random octets", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (frame) => {
      const decoded = decodeArp(frame);
      if (isWireError(decoded)) assert.ok(decoded.offset <= frame.length || frame.length < 42);
    }),
    { seed: 21, numRuns: 5_000 },
  );
});

Deno.test("decodeArp() never throws on mutated frames, and what it takes is what stands there", () => {
  const mutation = fc.array(fc.tuple(fc.nat(45), fc.nat(255)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.constantFrom(...ARP_VECTORS), mutation, fc.nat(46), (one, changes, length) => {
      const whole = bytesOf(one);
      for (const [offset, octet] of changes) if (offset < whole.length) whole[offset] = octet;
      const frame = whole.subarray(0, Math.max(length, 30));
      const decoded = decodeArp(frame);
      if (isWireError(decoded)) return;
      const again = written(decoded);
      const at = arpOffset(frame);
      assert.deepEqual(again.subarray(14), frame.subarray(at, at + ARP_LENGTH));
      assert.deepEqual(again.subarray(0, 12), frame.subarray(0, 12));
    }),
    { seed: 22, numRuns: 5_000 },
  );
});

Deno.test("gratuitous() makes the request that Linux sends when its address changes", () => {
  // RFC 5227 §3: sender and target address are the announced one.
  const kernel = vector("arp/arp-notify/gratuitous-request-1");
  const own = mac("02:00:00:00:00:22");
  assert.deepEqual(written(gratuitous(ip("192.0.2.2"), own, "request")), bytesOf(kernel));
});

Deno.test("gratuitous() makes the reply that arping -A sends", () => {
  // RFC 5944 §4.6: the target hardware address is the sender's.
  const arping = vector("arp/arping-A/gratuitous-reply-1");
  const own = mac("02:00:00:00:00:02");
  assert.deepEqual(written(gratuitous(ip("192.0.2.2"), own, "reply")), bytesOf(arping));
});

Deno.test("gratuitous() goes to all hosts in both forms", () => {
  for (const form of ["request", "reply"] as const) {
    const packet = gratuitous(ip("10.77.1.220"), mac("02:00:00:00:00:01"), form);
    assert.equal(packet.destination, BROADCAST);
    assert.equal(packet.source, packet.senderHardwareAddress);
    assert.equal(packet.senderProtocolAddress, packet.targetProtocolAddress);
  }
});

Deno.test("arpProbe() asks for an address without claiming one (RFC 5227 §2.1.1, row L9)", () => {
  const frame = new Uint8Array(ARP_FRAME_LENGTH);
  const [ip, mac] = [ip4(0x0a4d_01dc), 0x0200_0000_0001 as Mac];
  writeArp(arpProbe(ip, mac), frame);
  assert.equal(
    frame.toHex(),
    "ffffffffffff0200000000010806000108000604000102000000000100000000000000000000" + "0a4d01dc",
  );
});
