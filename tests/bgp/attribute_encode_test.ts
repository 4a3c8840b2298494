import assert from "node:assert/strict";
import { FLAG } from "../../lib/bgp/attribute.ts";
import { encodeAttributes, mpReachHead } from "../../lib/bgp/attribute_encode.ts";
import { hex } from "../../lib/bgp/notification.ts";
import { ip6 } from "../../lib/net/ip.ts";
import { ip4 } from "../support/addresses.ts";

Deno.test("an attribute has the long length where it must, or where the flags say so", () => {
  const head = (flags: number, length: number) => {
    const attribute = { kind: "opaque", code: 2, flags, bytes: new Uint8Array(length) } as const;
    const encoded = encodeAttributes([attribute], 4);
    return hex(encoded.subarray(0, encoded.length - length));
  };
  assert.equal(head(0x40, 255), "4002ff");
  assert.equal(head(0x40, 256), "50020100");
  assert.equal(head(0x50, 0), "50020000");
});

Deno.test("mpReachHead() writes one next hop, or a global and a link-local one (RFC 2545)", () => {
  const global = ip6(0xfd00n << 112n | 1n);
  const local = ip6(0xfe80n << 112n | 2n);
  assert.equal(hex(mpReachHead(2, 1, [global])), `00020110fd00${"00".repeat(13)}0100`);
  assert.equal(mpReachHead(2, 1, [global, local])[3], 32);
});

Deno.test("attributes that Herald only receives encode too", () => {
  const flags = FLAG.optional | FLAG.transitive;
  const address = ip4(0x0a000001);
  const attributes = [
    { kind: "aggregator", asn: 64500, address, flags },
    { kind: "atomic-aggregate", flags: FLAG.transitive },
    { kind: "originator-id", address, flags: FLAG.optional },
    { kind: "cluster-list", ids: [address], flags: FLAG.optional },
    { kind: "as4-aggregator", asn: 4_200_000_000, address, flags },
    { kind: "as4-path", segments: [{ kind: "set", asns: [4_200_000_000] }], flags },
    { kind: "opaque", code: 99, bytes: Uint8Array.of(1), flags },
  ] as const;
  assert.equal(
    hex(encodeAttributes(attributes, 2)),
    "c00706fbf40a000001" + "400600" + "8009040a000001" + "800a040a000001" +
      "c01208fa56ea000a000001" + "c011060101fa56ea00" + "c0630101",
  );
});
