import assert from "node:assert/strict";
import fc from "fast-check";
import { isWireError } from "../../lib/base/errors.ts";
import {
  AT,
  checksumOf,
  decodeNdp,
  duplicateProbe,
  solicitedNodeGroup,
  unsolicitedAdvertisement,
  writeNdp,
} from "../../lib/ndp/packet.ts";
import { formatMac, type Mac } from "../../lib/net/ethernet.ts";
import { formatIp, parseIp6 } from "../../lib/net/ip.ts";
import { NDP_VECTORS, ndpVector } from "./vectors.ts";

const ip = (text: string) => parseIp6(text) ?? assert.fail(text);
const bytes = (name: string) => Uint8Array.fromHex(ndpVector(name).hex);
const untagged = NDP_VECTORS.filter(({ name, decoded: { icmpv6 } }) =>
  !name.includes("/vlan/") && (icmpv6.type === 135 || icmpv6.type === 136)
);

Deno.test("there are vectors of both kinds", () => assert.ok(untagged.length > 15));

for (const { name, hex, decoded } of untagged) {
  Deno.test(`decodeNdp() and writeNdp() agree with ${name}`, () => {
    const frame = Uint8Array.fromHex(hex);
    const packet = decodeNdp(frame);
    assert.ok(!isWireError(packet));
    const { icmpv6, ipv6 } = decoded;
    assert.equal(formatMac(packet.destinationMac), decoded.dst);
    assert.equal(formatMac(packet.sourceMac), decoded.src);
    assert.equal(formatIp(packet.source), ipv6.src);
    assert.equal(formatIp(packet.destination), ipv6.dst);
    assert.equal(packet.kind, icmpv6.type === 135 ? "solicitation" : "advertisement");
    assert.equal(formatIp(packet.target), icmpv6.target);
    const own = icmpv6.options?.find(({ type }) => type === (icmpv6.type === 135 ? 1 : 2));
    assert.equal(
      packet.linkLayer === undefined ? undefined : formatMac(packet.linkLayer),
      own?.mac,
    );
    const { router, solicited, override } = icmpv6.flags ?? {};
    const flags = (router ? 0x80 : 0) | (solicited ? 0x40 : 0) | (override ? 0x20 : 0);
    assert.equal(packet.flags, flags);
    if (icmpv6.options?.some(({ type }) => type === 14)) return; // a nonce is not ours to write
    const out = new Uint8Array(128);
    // ndisc6 lets the kernel put a flow label in; ours is 0.
    assert.equal(out.subarray(0, writeNdp(packet, out)).toHex(), frame.fill(0, 15, 18).toHex());
  });
}

Deno.test("solicitedNodeGroup() takes the last 24 bits (RFC 4291 §2.7.1)", () => {
  assert.equal(formatIp(solicitedNodeGroup(ip("2001:db8::fedc:1298"))), "ff02::1:ffdc:1298");
});

Deno.test("unsolicitedAdvertisement() is what row L6 asks for", () => {
  const mac = 0x0200_0000_0001 as Mac;
  const out = new Uint8Array(128);
  const length = writeNdp(unsolicitedAdvertisement(ip("2001:db8::2"), mac), out);
  // Linux sends the same when an address comes up (ndisc_notify), for its own hardware address.
  const linux = bytes("ndp/dad-conflict/na-unsolicited-O-1");
  const ours = decodeNdp(out.slice(0, length));
  const theirs = decodeNdp(linux);
  assert.ok(!isWireError(ours) && !isWireError(theirs));
  assert.deepEqual({ ...ours, sourceMac: 0, linkLayer: 0 }, {
    ...theirs,
    sourceMac: 0,
    linkLayer: 0,
  });
  assert.equal(out[AT.hopLimit], 255);
});

const BAD: readonly [string, (frame: Uint8Array) => Uint8Array, string][] = [
  ["IP version 4", (frame) => frame.with(AT.version, 0x45), "not-ndp"],
  ["a hop limit of 254 (corpus 2.5.8)", (frame) => frame.with(AT.hopLimit, 254), "bad-sender"],
  ["code 1 (corpus 2.5.8)", (frame) => frame.with(AT.code, 1), "bad-sender"],
  ["a wrong checksum (corpus 2.5.8)", (frame) => frame.with(AT.checksum, 1), "bad-checksum"],
  [
    "an option of length 0 (corpus 2.5.8)",
    (frame) => fixed(frame.with(AT.options + 1, 0)),
    "bad-length",
  ],
  ["an option past the end", (frame) => fixed(frame.with(AT.options + 1, 2)), "bad-length"],
  [
    "a payload longer than the frame",
    (frame) => frame.with(AT.payloadLength + 1, 40),
    "bad-length",
  ],
  ["a payload of 8 (corpus 2.5.8)", (frame) => frame.with(AT.payloadLength + 1, 8), "bad-length"],
  ["a frame cut short", (frame) => frame.slice(0, 60), "truncated"],
  ["an empty frame", () => new Uint8Array(), "truncated"],
  ["a redirect", (frame) => frame.with(AT.type, 137), "not-ndp"],
  ["an extension header (corpus 2.5.11)", (frame) => frame.with(AT.nextHeader, 0), "not-ndp"],
  ["a fragment (corpus 2.5.11)", (frame) => frame.with(AT.nextHeader, 44), "not-ndp"],
  [
    "an option though it has no address (corpus 2.5.9)",
    (frame) => fixed(frame.fill(0, AT.source, AT.destination)),
    "bad-sender",
  ],
  ["UDP", (frame) => frame.with(AT.nextHeader, 17), "not-ndp"],
  ["IPv4", (frame) => frame.with(12, 8).with(13, 0), "not-ndp"],
];

function fixed(frame: Uint8Array): Uint8Array {
  const open = frame.with(AT.checksum, 0).with(AT.checksum + 1, 0);
  const sum = checksumOf(open, open.length);
  return open.with(AT.checksum, sum >>> 8).with(AT.checksum + 1, sum & 255);
}

for (const [name, spoil, reason] of BAD) {
  Deno.test(`decodeNdp() refuses ${name}`, () => {
    const refused = decodeNdp(spoil(bytes("ndp/ndp/ns-multicast-1")));
    assert.ok(isWireError(refused), JSON.stringify(refused, (_, v) => String(v)));
    assert.equal(refused.reason, reason);
  });
}

Deno.test("decodeNdp() is total", () => {
  const frames = fc.oneof(
    fc.uint8Array({ maxLength: 160 }),
    fc.tuple(fc.constantFrom(...untagged), fc.array(fc.tuple(fc.nat(90), fc.nat(255)))).map(
      ([{ hex }, changes]) => {
        const frame = Uint8Array.fromHex(hex);
        for (const [at, octet] of changes) if (at < frame.length) frame[at] = octet;
        return fixed(frame);
      },
    ),
  );
  fc.assert(
    fc.property(frames, (frame) => {
      const packet = decodeNdp(frame);
      if (isWireError(packet)) return;
      assert.equal(checksumOf(frame, frame.length), 0);
    }),
    { seed: 61, numRuns: 10_000 },
  );
});

Deno.test("duplicateProbe() is byte for byte what Linux sends to detect duplicates (row L9)", () => {
  const linux = bytes("ndp/dad-conflict/dad-ns-1");
  const packet = decodeNdp(linux);
  assert.ok(!isWireError(packet));
  const frame = new Uint8Array(128);
  const length = writeNdp(duplicateProbe(packet.target, packet.sourceMac), frame);
  const ours = decodeNdp(frame.subarray(0, length));
  assert.ok(!isWireError(ours));
  assert.deepEqual(ours, packet);
});
