import assert from "node:assert/strict";
import fc from "fast-check";
import { isWireError, type WireError } from "../../lib/base/errors.ts";
import { decodeRoute, linkDumpRequest, type RouteMessage } from "../../lib/netlink/route.ts";
import { NETLINK_VECTORS, type NetlinkVector, vectors } from "./vectors.ts";
import { parseMac } from "../support/addresses.ts";

const MESSAGES = NETLINK_VECTORS.filter(({ name }) => !name.startsWith("request/"));

function expected({ decoded }: NetlinkVector): RouteMessage {
  const { type_name, seq, attributes = {}, flags_names = [], arphrd } = decoded;
  const type = decoded.nlmsg_type;
  const has = (flag: string) => flags_names.includes(flag);
  if (type_name === "NLMSG_DONE") {
    return { kind: "done", sequence: seq, errno: 0, interrupted: false };
  }
  if (type_name === "NLMSG_ERROR") {
    return { kind: "error", sequence: seq, errno: -(decoded.error ?? 0) };
  }
  if (/^RTM_(NEW|DEL)ADDR$/.test(type_name)) return { kind: "addresses" };
  const ifindex = decoded.ifindex ?? 0;
  if (decoded.family !== 0) return { kind: "other", type };
  if (type_name === "RTM_DELLINK") return { kind: "linkGone", ifindex };
  return {
    kind: "link",
    sequence: seq,
    dumped: (decoded.nlmsg_flags & 2) !== 0,
    interrupted: (decoded.nlmsg_flags & 0x10) !== 0,
    link: {
      ifindex,
      name: attributes.IFLA_IFNAME ?? "",
      mac: arphrd === 1 ? parseMac(attributes.IFLA_ADDRESS ?? "") : undefined,
      up: has("UP"),
      running: has("RUNNING"),
      broadcast: has("BROADCAST"),
      noArp: has("NOARP"),
      loopback: has("LOOPBACK"),
      master: attributes.IFLA_MASTER,
      kind: attributes.IFLA_LINKINFO?.IFLA_INFO_KIND,
      sharesCableOf: undefined,
    },
  };
}

for (const vector of MESSAGES) {
  Deno.test(`decodeRoute() reads ${vector.name}`, () => {
    assert.deepEqual(decodeRoute(Uint8Array.fromHex(vector.hex)), [expected(vector)]);
  });
}

Deno.test("linkDumpRequest() is the request that a kernel answered", () => {
  assert.equal(linkDumpRequest(1).toHex(), vectors("request/links")[0]?.hex);
});

Deno.test("decodeRoute() reads several messages of one datagram, from any place in memory", () => {
  const dump = vectors("linux-6.18/dump/links/");
  const hex = dump.map(({ hex }) => hex).join("");
  const shifted = Uint8Array.fromHex("ffffff" + hex).subarray(3);
  assert.deepEqual(decodeRoute(shifted), dump.map(expected));
});

const LINK = Uint8Array.fromHex(vectors("linux-6.1/event/veth-carrier/")[0]?.hex ?? "");

function only(bytes: Uint8Array): RouteMessage | WireError {
  const [message, ...rest] = decodeRoute(bytes);
  assert.ok(message !== undefined && rest.length === 0);
  return message;
}

/** A link message whose attributes are these bytes. */
function withAttributes(hex: string): Uint8Array {
  const attributes = Uint8Array.fromHex(hex);
  const bytes = new Uint8Array(32 + attributes.length);
  bytes.set(LINK.subarray(0, 32));
  bytes.set(attributes, 32);
  new DataView(bytes.buffer).setUint32(0, bytes.length, true);
  return bytes;
}

const NAME = "0900030065746830" + "00000000"; // eth0

Deno.test("decodeRoute() calls every cut of a message truncated", () => {
  for (let length = 1; length < LINK.length; length++) {
    const message = only(LINK.subarray(0, length));
    assert.ok(isWireError(message) && message.reason === "truncated", `cut at ${length}`);
  }
  assert.deepEqual(decodeRoute(new Uint8Array()), []);
});

const REFUSED: readonly [name: string, hex: string, reason: string, offset: number][] = [
  ["an attribute shorter than its header", NAME + "03000100", "bad-length", 44],
  ["an attribute beyond the message", NAME + "0b00010002000000", "bad-length", 44],
  ["half an attribute header", NAME + "0400", "truncated", 44],
  ["an attribute of length 0", "00000000", "bad-length", 32],
];
for (const [name, hex, reason, offset] of REFUSED) {
  Deno.test(`decodeRoute() drops a message with ${name}, and reads its neighbour (corpus 2.9.5)`, () => {
    const bad = withAttributes(hex);
    const padded = new Uint8Array((bad.length + 3) & ~3);
    padded.set(bad);
    const [error, neighbour] = decodeRoute(Uint8Array.fromHex(padded.toHex() + LINK.toHex()));
    assert.ok(error !== undefined && isWireError(error));
    assert.deepEqual([error.protocol, error.reason, error.offset], ["netlink", reason, offset]);
    assert.ok(neighbour?.kind === "link");
  });
}

Deno.test("decodeRoute() stops where a message is shorter than its header", () => {
  const bytes = LINK.slice();
  new DataView(bytes.buffer).setUint32(0, 15, true);
  const message = only(bytes);
  assert.ok(isWireError(message) && message.reason === "bad-length");
});

Deno.test("decodeRoute() skips unknown attributes and reads types whose flag bits are set (corpus 2.9.6)", () => {
  const message = only(
    withAttributes("0800ff0f01020304" + NAME.replace("0900030065", "0900038065")),
  );
  assert.ok(message.kind === "link");
  assert.equal(message.link.name, "eth0");
});

const ADDRESSES: readonly [name: string, hex: string][] = [
  ["no hardware address", ""],
  ["one of 0 bytes (a tunnel)", "04000100"],
  ["one of 20 bytes (InfiniBand)", "18000100" + "80".repeat(20)],
  ["one of 32 bytes", "24000100" + "80".repeat(32)],
];
for (const [name, hex] of ADDRESSES) {
  Deno.test(`decodeRoute() gives a link without MAC for ${name} (corpus 2.9.7)`, () => {
    const message = only(withAttributes(NAME + hex));
    assert.ok(message.kind === "link" && message.link.mac === undefined);
  });
}

/** Nested IFLA_INFO_KIND. */
function kindOf(kind: string): string {
  const text = new TextEncoder().encode(`${kind}\0`).toHex();
  const octets = (length: number) => `${length.toString(16).padStart(2, "0")}00`;
  const length = text.length / 2;
  const padding = "00".repeat(-length & 3);
  return `${octets(8 + length)}1200${octets(4 + length)}0100${text}${padding}`;
}

Deno.test("decodeRoute() knows whose cable a macvlan or ipvlan shares, not a VLAN's or another namespace's", () => {
  const parent = "0800050007000000";
  const sharing = (hex: string) => {
    const message = only(withAttributes(NAME + hex));
    assert.ok(message.kind === "link", hex);
    return message.link.sharesCableOf;
  };
  for (const kind of ["macvlan", "macvtap", "ipvlan", "ipvtap"]) {
    assert.equal(sharing(kindOf(kind) + parent), 7, kind);
  }
  assert.equal(sharing(kindOf("vlan") + parent), undefined);
  assert.equal(sharing(kindOf("veth") + parent), undefined);
  assert.equal(sharing(kindOf("macvlan") + parent + "0800250001000000"), undefined);
  assert.equal(sharing(kindOf("macvlan") + "0600050007000000"), undefined, "two octets");
  assert.equal(sharing(parent), undefined);
});

Deno.test("decodeRoute() takes an absent or broken description of the kind for a plain link (corpus 2.9.10)", () => {
  for (const info of ["", "0c001200ffff0100766c616e", "04001200"]) {
    const message = only(withAttributes(NAME + info));
    assert.ok(message.kind === "link" && message.link.kind === undefined, info);
  }
});

Deno.test("decodeRoute() takes no wireless event, which has no name, for a link", () => {
  assert.deepEqual(only(withAttributes("08000b0001020304")), { kind: "other", type: 16 });
});

Deno.test("decodeRoute() sees an interrupted dump in a link and in the end", () => {
  for (const { hex } of vectors("linux-6.18/dump/links/")) {
    const bytes = Uint8Array.fromHex(hex);
    bytes[6] = (bytes[6] ?? 0) | 0x10;
    const message = only(bytes);
    assert.ok((message.kind === "link" || message.kind === "done") && message.interrupted);
  }
});

Deno.test("decodeRoute() throws on no bytes, random or nearly right", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const message of decodeRoute(bytes)) assert.equal(typeof message.kind, "string");
    }),
    { seed: 4, numRuns: 3_000 },
  );
  const place = fc.nat({ max: 120 });
  fc.assert(
    fc.property(fc.array(fc.tuple(place, fc.nat({ max: 255 })), { maxLength: 4 }), (changes) => {
      const bytes = LINK.slice();
      for (const [at, value] of changes) bytes[at] = value;
      assert.ok(decodeRoute(bytes).length > 0);
    }),
    { seed: 5, numRuns: 3_000 },
  );
});

Deno.test("decodeRoute() tells that an address came (RTM_NEWADDR) or went (RTM_DELADDR)", () => {
  for (const type of ["1400", "1500"]) {
    const message = only(Uint8Array.fromHex(`18000000${type}0000${"00".repeat(16)}`));
    assert.deepEqual(message, { kind: "addresses" });
  }
});
