import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ARP_FRAME_LENGTH,
  arpOffset,
  type ArpPacket,
  decodeArp,
  gratuitous,
  writeArp,
} from "../../lib/arp/packet.ts";
import { conflictOf, NO_REPLY, repliedFor, respond } from "../../lib/arp/respond.ts";
import { DROP_REASONS, type DropReason } from "../../lib/neighbour/drops.ts";
import {
  type AddressTable,
  countersOf,
  dropsOf,
  foreignSendersOf,
  openTable,
  setInterfaces,
  setOwned,
  TABLE_BYTES,
} from "../../lib/neighbour/table.ts";
import { isWireError } from "../../lib/base/errors.ts";
import { BROADCAST, type Mac } from "../../lib/net/ethernet.ts";
import { ARP_VECTORS, bytesOf, ip, mac, tagged, vector } from "./vectors.ts";

const IFINDEX = 7;
const OURS = mac("02:00:00:00:00:01");
const THEIRS = mac("02:00:00:00:00:02");
const VIP = ip("10.77.1.220");
const CLIENT = ip("10.77.1.9");

function table(): AddressTable {
  const made = openTable(new SharedArrayBuffer(TABLE_BYTES));
  setOwned(made, [VIP]);
  setInterfaces(made, [{ ifindex: IFINDEX, mac: OURS }]);
  return made;
}

function request(part: Partial<ArpPacket> = {}): Uint8Array {
  const frame = new Uint8Array(ARP_FRAME_LENGTH);
  writeArp({
    destination: BROADCAST,
    source: THEIRS,
    operation: 1,
    senderHardwareAddress: THEIRS,
    senderProtocolAddress: CLIENT,
    targetHardwareAddress: 0 as Mac,
    targetProtocolAddress: VIP,
    ...part,
  }, frame);
  return frame;
}

function answer(frame: Uint8Array, on = table(), length = frame.length): Uint8Array | undefined {
  const out = new Uint8Array(ARP_FRAME_LENGTH);
  const written = respond(frame, length, IFINDEX, on, out);
  // Without a reply `out` holds scraps.
  return written === NO_REPLY ? undefined : out.subarray(0, written);
}

function assertDropped(frame: Uint8Array, reason: DropReason, on = table()): void {
  const before = dropsOf(on);
  assert.equal(answer(frame, on), undefined, reason);
  const after = dropsOf(on);
  const counted = DROP_REASONS.filter((_, place) => after[place] !== before[place]);
  assert.deepEqual(counted, [reason]);
  assert.equal(countersOf(on, VIP).requests, 0);
}

for (
  const [asked, replied, owned] of [
    ["arp/arp/request-broadcast-1", "arp/arp/reply-unicast-1", "192.0.2.2"],
    ["arp/arp-unicast/request-unicast-1", "arp/arp/reply-unicast-1", "192.0.2.2"],
    ["arp/arping/request-broadcast-1", "arp/arping/reply-unicast-1", "192.0.2.1"],
    ["arp/arping/request-unicast-1", "arp/arping/reply-unicast-1", "192.0.2.1"],
    ["arp/arping-D-conflict/probe-1", "arp/arping-D-conflict/reply-unicast-1", "192.0.2.1"],
  ] as const
) {
  Deno.test(`respond() gives the kernel's own reply to ${asked}`, () => {
    const own = table();
    setOwned(own, [ip(owned)]);
    setInterfaces(own, [{ ifindex: IFINDEX, mac: mac(vector(replied).decoded.src) }]);
    assert.deepEqual(answer(bytesOf(vector(asked)), own), bytesOf(vector(replied)));
    assert.equal(countersOf(own, ip(owned)).requests, 1);
  });
}

Deno.test("respond() answers padded, oversized and priority-tagged requests alike (corpus 2.5.12)", () => {
  const expected = answer(request());
  assert.ok(expected);
  for (const length of [60, 64, 1_514, 9_000]) {
    const frame = new Uint8Array(length).fill(0xff);
    frame.set(request());
    assert.deepEqual(answer(frame), expected, String(length));
  }
  assert.deepEqual(answer(tagged(request(), 0)), expected);
});

Deno.test("respond() reads no further than the length given, though the buffer is longer", () => {
  const buffer = new Uint8Array(2_048);
  buffer.set(request());
  for (let length = 0; length < ARP_FRAME_LENGTH; length++) {
    assert.equal(answer(buffer, table(), length), undefined, String(length));
  }
  assert.ok(answer(buffer, table(), ARP_FRAME_LENGTH));
  const withTag = new Uint8Array(2_048);
  withTag.set(tagged(request(), 0));
  assert.equal(answer(withTag, table(), ARP_FRAME_LENGTH + 3), undefined);
  assert.ok(answer(withTag, table(), ARP_FRAME_LENGTH + 4));
});

Deno.test("respond() answers the ARP sender, whoever sent the Ethernet frame (corpus 2.5.5)", () => {
  const reply = answer(request({ source: mac("02:00:00:00:00:77") }));
  assert.ok(reply);
  const packet = decodeArp(reply);
  assert.ok(!isWireError(packet));
  assert.equal(packet.destination, THEIRS);
  assert.equal(packet.targetHardwareAddress, THEIRS);
});

Deno.test("respond() answers a probe, so that the other host learns of the conflict (corpus 2.5.6)", () => {
  const reply = answer(request({ senderProtocolAddress: ip("0.0.0.0") }));
  assert.ok(reply);
  assert.deepEqual(decodeArp(reply), {
    destination: THEIRS,
    source: OURS,
    operation: 2,
    senderHardwareAddress: OURS,
    senderProtocolAddress: VIP,
    targetHardwareAddress: THEIRS,
    targetProtocolAddress: 0,
  });
  assert.equal(repliedFor(reply), VIP);
});

Deno.test("respond() drops what is no ARP for Ethernet and IPv4 (corpus 2.5.1, 2.5.2)", () => {
  const altered = (offset: number, ...octets: number[]) => {
    const frame = request();
    frame.set(octets, offset);
    return frame;
  };
  for (
    const frame of [
      new Uint8Array(0),
      request().subarray(0, 13),
      request().subarray(0, 41),
      tagged(request(), 0).subarray(0, 45),
      tagged(request(), 1),
      tagged(request(), 100),
      tagged(tagged(request(), 0), 0),
      altered(12, 0x08, 0x00),
      altered(12, 0x88, 0xa8),
      altered(14, 0, 6),
      altered(16, 0x86, 0xdd),
      altered(18, 8),
      altered(19, 16),
    ]
  ) assertDropped(frame, "not-arp");
});

Deno.test("respond() drops every operation but a request (corpus 2.5.3)", () => {
  for (const [high, low] of [[0, 0], [0, 2], [0, 3], [0, 4], [1, 1], [0xff, 0xff]] as const) {
    const frame = request();
    frame.set([high, low], 20);
    assertDropped(frame, "not-request");
  }
});

Deno.test("respond() never answers a sender address of nobody or of a group (corpus 2.5.4)", () => {
  for (
    const text of [
      "00:00:00:00:00:00",
      "ff:ff:ff:ff:ff:ff",
      "01:00:5e:00:00:01",
      "33:33:00:00:00:01",
      "03:00:00:00:00:02",
    ]
  ) assertDropped(request({ senderHardwareAddress: mac(text) }), "bad-sender");
});

Deno.test("respond() drops its own announcements when they are echoed back (corpus 2.5.7)", () => {
  for (const form of ["request", "reply"] as const) {
    const frame = new Uint8Array(ARP_FRAME_LENGTH);
    writeArp(gratuitous(VIP, OURS, form), frame);
    assertDropped(frame, form === "request" ? "own-frame" : "not-request");
  }
  assertDropped(request({ source: OURS, senderHardwareAddress: OURS }), "own-frame");
});

Deno.test("respond() drops requests to another host's hardware address", () => {
  for (const text of ["02:00:00:00:00:33", "01:00:5e:00:00:01", "00:00:00:00:00:00"]) {
    assertDropped(request({ destination: mac(text) }), "not-to-us");
  }
  assert.ok(answer(request({ destination: OURS })));
});

Deno.test("respond() is silent for addresses that this node does not own", () => {
  assertDropped(request({ targetProtocolAddress: ip("10.77.1.221") }), "not-owned");
  assertDropped(request({ targetProtocolAddress: ip("0.0.0.0") }), "not-owned");
  const lost = table();
  setOwned(lost, []);
  assertDropped(request(), "not-owned", lost);
});

Deno.test("respond() is silent on interfaces that do not answer", () => {
  const elsewhere = table();
  setInterfaces(elsewhere, [{ ifindex: IFINDEX + 1, mac: OURS }]);
  assertDropped(request(), "interface-unused", elsewhere);
});

Deno.test("respond() answers with each interface's own hardware address", () => {
  const both = table();
  const other = mac("02:00:00:00:0a:0b");
  setInterfaces(both, [{ ifindex: IFINDEX, mac: OURS }, { ifindex: 9, mac: other }]);
  const out = new Uint8Array(ARP_FRAME_LENGTH);
  for (const [ifindex, own] of [[IFINDEX, OURS], [9, other]] as const) {
    assert.equal(respond(request(), ARP_FRAME_LENGTH, ifindex, both, out), ARP_FRAME_LENGTH);
    const packet = decodeArp(out);
    assert.ok(!isWireError(packet));
    assert.deepEqual([packet.source, packet.senderHardwareAddress], [own, own]);
  }
});

Deno.test("respond() answers only what is a broadcast or unicast request for an owned address", () => {
  const own = table();
  const frames = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.tuple(
      fc.constantFrom(request(), tagged(request(), 0), ...ARP_VECTORS.map(bytesOf)),
      fc.array(fc.tuple(fc.nat(45), fc.nat(255)), { maxLength: 4 }),
      fc.nat(10),
    ).map(([frame, changes, cut]) => {
      const changed = frame.slice(0, frame.length - (cut > 7 ? cut : 0));
      for (const [at, octet] of changes) if (at < changed.length) changed[at] = octet;
      return changed;
    }),
  );
  let answered = 0;
  fc.assert(
    fc.property(frames, (frame) => {
      const reply = answer(frame, own);
      const asked = decodeArp(frame);
      const expected = !isWireError(asked) && asked.operation === 1 &&
        asked.targetProtocolAddress === VIP && asked.senderProtocolAddress !== VIP &&
        (asked.destination === BROADCAST || asked.destination === OURS) &&
        asked.senderHardwareAddress !== 0 && asked.senderHardwareAddress !== OURS &&
        ((frame[arpOffset(frame) + 8] ?? 0) & 1) === 0;
      assert.equal(reply !== undefined, expected);
      if (reply === undefined || isWireError(asked)) return;
      answered++;
      assert.deepEqual(decodeArp(reply), {
        destination: asked.senderHardwareAddress,
        source: OURS,
        operation: 2,
        senderHardwareAddress: OURS,
        senderProtocolAddress: VIP,
        targetHardwareAddress: asked.senderHardwareAddress,
        targetProtocolAddress: asked.senderProtocolAddress,
      });
    }),
    { seed: 23, numRuns: 10_000 },
  );
  assert.ok(answered > 100, `only ${answered} frames were answered`);
  assert.equal(countersOf(own, VIP).requests, answered);
});

Deno.test("respond() counts requests whose Ethernet source is not their sender, and answers the sender (corpus 2.5.5)", () => {
  const on = table();
  assert.ok(answer(request(), on));
  assert.equal(foreignSendersOf(on), 0);
  const reply = answer(request({ source: mac("02:00:00:00:00:0f") }), on);
  assert.ok(reply);
  const decoded = decodeArp(reply);
  assert.ok(!isWireError(decoded));
  assert.equal(decoded.destination, THEIRS);
  assert.equal(foreignSendersOf(on), 1);
});

Deno.test("conflictOf() finds who else has an owned address (row L10, RFC 5227 §2.4)", () => {
  const scratch = new Uint8Array(ARP_FRAME_LENGTH);
  const claimed = (part: Partial<ArpPacket>, on = table()) =>
    conflictOf(request(part), ARP_FRAME_LENGTH, IFINDEX, on, scratch);
  const theirs = { senderProtocolAddress: VIP };
  assert.equal(claimed(theirs), 28, "a request that names our address as the sender's");
  assert.equal(claimed({ ...theirs, operation: 2 }), 28, "a reply");
  assert.equal(claimed({ ...theirs, targetProtocolAddress: CLIENT }), 28);
  assert.equal(claimed({}), -1, "a usual request");
  assert.equal(claimed({ ...theirs, senderHardwareAddress: OURS }), -1, "our own frame, row 2.5.7");
  assert.equal(claimed({ senderProtocolAddress: ip("0.0.0.0") }), -1, "a probe");
  const unused = table();
  setInterfaces(unused, []);
  assert.equal(claimed(theirs, unused), -1, "an interface that we do not use");
});

Deno.test("respond() leaves a gratuitous request of another host unanswered and counts it", () => {
  assertDropped(request({ senderProtocolAddress: VIP }), "gratuitous");
});
