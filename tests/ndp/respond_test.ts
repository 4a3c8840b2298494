import assert from "node:assert/strict";
import { isWireError } from "../../lib/base/errors.ts";
import { checksumOf, decodeNdp, type NdpPacket, writeNdp } from "../../lib/ndp/packet.ts";
import { conflictOf, NO_REPLY, respond } from "../../lib/ndp/respond.ts";
import { DROP_REASONS, type DropReason } from "../../lib/neighbour/drops.ts";
import {
  type AddressTable,
  countersOf,
  dropsOf,
  openTable,
  setInterfaces,
  setOwned,
  TABLE_BYTES,
} from "../../lib/neighbour/table.ts";
import type { Mac } from "../../lib/net/ethernet.ts";
import { parseIp6 } from "../../lib/net/ip.ts";
import { ndpVector } from "./vectors.ts";
import { parseMac } from "../support/addresses.ts";

const ip = (text: string) => parseIp6(text) ?? assert.fail(text);
const mac = (text: string) => parseMac(text) ?? assert.fail(text);
const IFINDEX = 7;
const OURS = mac("02:00:00:00:00:02");
const THEIRS = mac("02:00:00:00:00:01");
const VIP = ip("2001:db8::2");
const CLIENT = ip("2001:db8::1");

function table(): AddressTable {
  const made = openTable(new SharedArrayBuffer(TABLE_BYTES));
  setOwned(made, [VIP, ip("2001:db8::3")]);
  setInterfaces(made, [{ ifindex: IFINDEX, mac: OURS }]);
  return made;
}

function solicitation(part: Partial<NdpPacket> = {}): Uint8Array {
  const frame = new Uint8Array(128);
  const length = writeNdp({
    destinationMac: mac("33:33:ff:00:00:02"),
    sourceMac: THEIRS,
    source: CLIENT,
    destination: ip("ff02::1:ff00:2"),
    kind: "solicitation",
    flags: 0,
    target: VIP,
    linkLayer: THEIRS,
    ...part,
  }, frame);
  return frame.slice(0, length);
}

function answer(frame: Uint8Array, on = table()): NdpPacket | undefined {
  const out = new Uint8Array(128);
  const length = respond(frame, frame.length, IFINDEX, on, out);
  if (length === NO_REPLY) return undefined;
  const packet = decodeNdp(out.slice(0, length));
  assert.ok(!isWireError(packet));
  return packet;
}

for (
  const [asked, replied] of [
    ["ndp/ndp/ns-multicast-1", "ndp/ndp/na-SO-1"],
    ["ndp/ndisc6/ns-multicast-1", "ndp/ndisc6/na-SO-1"],
  ] as const
) {
  Deno.test(`respond() answers ${asked} byte for byte as Linux does`, () => {
    const asking = decodeNdp(Uint8Array.fromHex(ndpVector(asked).hex));
    const linux = decodeNdp(Uint8Array.fromHex(ndpVector(replied).hex));
    assert.ok(!isWireError(asking) && !isWireError(linux));
    const made = openTable(new SharedArrayBuffer(TABLE_BYTES));
    setOwned(made, [asking.target]);
    setInterfaces(made, [{ ifindex: IFINDEX, mac: linux.sourceMac }]);
    const out = new Uint8Array(128);
    const frame = Uint8Array.fromHex(ndpVector(asked).hex);
    const length = respond(frame, frame.length, IFINDEX, made, out);
    assert.equal(out.subarray(0, length).toHex(), ndpVector(replied).hex);
    assert.equal(countersOf(made, asking.target).requests, 1);
  });
}

Deno.test("respond() answers a unicast solicitation with Solicited and Override (row L7)", () => {
  const packet = answer(solicitation({ destinationMac: OURS, destination: VIP }));
  assert.deepEqual([packet?.flags, packet?.destinationMac, packet?.destination], [
    0x60,
    THEIRS,
    CLIENT,
  ]);
});

Deno.test("respond() answers without a link-layer option to the frame's source (row L7)", () => {
  const packet = answer(solicitation({ linkLayer: undefined }));
  assert.equal(packet?.destinationMac, THEIRS);
  assert.equal(packet?.linkLayer, OURS);
});

Deno.test("respond() tells all nodes when somebody detects duplicates (row L8)", () => {
  const linux = Uint8Array.fromHex(ndpVector("ndp/dad-conflict/dad-ns-1").hex);
  const expected = ndpVector("ndp/dad-conflict/na-unsolicited-O-1").hex;
  const out = new Uint8Array(128);
  const length = respond(linux, linux.length, IFINDEX, table(), out);
  assert.equal(out.subarray(0, length).toHex(), expected);
});

/** With the checksum that the changed octets ask for. */
function fixed(frame: Uint8Array): Uint8Array {
  const open = frame.with(56, 0).with(57, 0);
  const sum = checksumOf(open, open.length);
  return open.with(56, sum >>> 8).with(57, sum & 255);
}

function tagged(frame: Uint8Array, vlan: number): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, 12), 0x81, 0, 0, vlan, ...frame.subarray(12));
}

Deno.test("respond() answers a solicitation in a frame of 9,000 octets (corpus 2.5.12)", () => {
  const frame = new Uint8Array(9_000).fill(0x5a);
  frame.set(solicitation());
  assert.equal(answer(frame)?.target, VIP);
});

const DROPPED: readonly [string, Uint8Array, DropReason][] = [
  ["for others", solicitation({ target: ip("2001:db8::9") }), "not-owned"],
  ["for a group (corpus 2.5.10)", solicitation({ target: ip("ff02::1:ff00:2") }), "not-owned"],
  [
    "from :: with a link-layer option (corpus 2.5.9)",
    solicitation({ source: ip("::") }),
    "bad-sender",
  ],
  [
    "from :: to the address itself (corpus 2.5.9)",
    solicitation({ source: ip("::"), linkLayer: undefined, destination: VIP }),
    "bad-sender",
  ],
  [
    "from :: to all nodes (corpus 2.5.9)",
    solicitation({ source: ip("::"), linkLayer: undefined, destination: ip("ff02::1") }),
    "bad-sender",
  ],
  ["behind hop-by-hop options (corpus 2.5.11)", solicitation().with(20, 0), "not-ndp"],
  ["in a fragment (corpus 2.5.11)", solicitation().with(20, 44), "not-ndp"],
  ["behind a routing header (corpus 2.5.11)", solicitation().with(20, 43), "not-ndp"],
  ["with code 1 (corpus 2.5.8)", solicitation().with(55, 1), "not-ndp"],
  ["with a payload of 20 octets (corpus 2.5.8)", solicitation().with(19, 20), "not-ndp"],
  ["with an option of length 0 (corpus 2.5.8)", fixed(solicitation().with(79, 0)), "not-ndp"],
  ["with a tag of a VLAN (corpus 2.5.12)", tagged(solicitation(), 5), "not-ndp"],
  ["to another host", solicitation({ destinationMac: mac("02:00:00:00:00:77") }), "not-to-us"],
  ["of our own", solicitation({ sourceMac: OURS, linkLayer: OURS }), "own-frame"],
  ["from a group", solicitation({ linkLayer: mac("33:33:00:00:00:01") }), "bad-sender"],
  ["from nobody", solicitation({ linkLayer: 0 as Mac }), "bad-sender"],
  ["from a multicast address", solicitation({ source: ip("ff02::5") }), "bad-sender"],
  ["with a wrong checksum (corpus 2.5.8)", solicitation().with(56, 0), "bad-checksum"],
  ["with IP version 7", solicitation().with(14, 0x70), "not-ndp"],
  ["with hop limit 254 (corpus 2.5.8)", solicitation().with(21, 254), "not-ndp"],
  ["with hop limit 64", solicitation().with(21, 64), "not-ndp"],
  ["cut short", solicitation().slice(0, 70), "not-ndp"],
  ["which is an advertisement", solicitation({ kind: "advertisement" }), "not-solicitation"],
];

for (const [name, frame, reason] of DROPPED) {
  Deno.test(`respond() drops a solicitation ${name}`, () => {
    const on = table();
    assert.equal(answer(frame, on), undefined);
    const counts = dropsOf(on);
    assert.deepEqual(DROP_REASONS.filter((_, place) => counts[place] === 1), [reason]);
    assert.equal(countersOf(on, VIP).requests, 0);
  });
}

Deno.test("conflictOf() finds an advertisement of another host for an owned address (row L10, corpus 2.5.12)", () => {
  const scratch = new Uint8Array(128);
  const advertisement = { kind: "advertisement", flags: 0x20 } as const;
  const claimed = (frame: Uint8Array) => conflictOf(frame, frame.length, IFINDEX, table(), scratch);
  assert.equal(claimed(solicitation(advertisement)), 62);
  assert.equal(claimed(solicitation({ ...advertisement, sourceMac: OURS })), -1, "our own");
  assert.equal(claimed(solicitation({ ...advertisement, target: CLIENT })), -1, "its own");
  assert.equal(claimed(solicitation()), -1, "a solicitation claims nothing");
  assert.equal(claimed(solicitation(advertisement).with(56, 0)), -1, "wrong checksum");
});
