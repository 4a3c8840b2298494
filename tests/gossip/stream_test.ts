import assert from "node:assert/strict";
import fc from "fast-check";
import { isWireError } from "../../lib/base/errors.ts";
import { TYPE } from "../../lib/gossip/message.ts";
import { encodeMap } from "../../lib/gossip/msgpack.ts";
import { compress, joined } from "../../lib/gossip/seal.ts";
import { encodePushPull, openStream, sealStream } from "../../lib/gossip/stream.ts";
import { assertFields, type GossipVector, VECTORS } from "./vectors.ts";

const TCP = VECTORS.filter(({ transport }) => transport === "tcp");
const optionsOf = ({ name, settings: { key, label } }: GossipVector) => ({
  keys: key === null ? [] : [Uint8Array.fromHex(key)],
  label: label ?? "",
  answering: name.includes("response"),
});

Deno.test("there are streams of three versions", () => {
  for (const version of ["v0.1.7", "v0.3.1", "v0.7.0"]) {
    assert.ok(TCP.some(({ name }) => name.startsWith(version)), version);
  }
});

for (const vector of TCP) {
  Deno.test(`openStream() reads ${vector.name}, and waits for all of it`, () => {
    const bytes = Uint8Array.fromHex(vector.hex);
    const content = openStream(bytes, optionsOf(vector));
    assert.ok(content !== "incomplete" && !isWireError(content));
    const { message } = vector.decoded;
    assert.equal(content.kind, message.type);
    if (content.kind === "pushPull") {
      assert.equal(content.join, message.header?.Join);
      assert.equal(content.nodes.length, message.nodes?.length);
      content.nodes.forEach((node, index) => assertFields(node, message.nodes?.[index] ?? {}));
      // v0.1.7 writes an absent meta as nil.
      if (message.header?.UserStateLen === 0 && !vector.inner_hex.includes("a44d657461c0")) {
        assert.equal(encodePushPull(content.join, content.nodes).toHex(), vector.inner_hex);
      }
    } else assertFields(content, message.fields ?? { Payload: message.payload });
    const userState = Number(message.header?.UserStateLen ?? 0);
    const half = openStream(bytes.slice(0, bytes.length - 1 - userState), optionsOf(vector));
    if (bytes.length > 1) assert.equal(half, "incomplete");
  });
}

Deno.test("sealStream() closes each layer so that openStream() opens it", () => {
  const [node] = TCP.flatMap((vector) => {
    const content = openStream(Uint8Array.fromHex(vector.hex), optionsOf(vector));
    return typeof content === "object" && content.kind === "pushPull" ? content.nodes : [];
  });
  assert.ok(node);
  const body = encodePushPull(true, Array(40).fill(node));
  const nonce = new Uint8Array(12).fill(3);
  for (const keys of [[], [new Uint8Array(16).fill(5)]]) {
    for (const answering of [true, false]) {
      for (const encryptionVersion of [0, 1] as const) {
        const options = { keys, label: "x", answering, nonce, compress: true, encryptionVersion };
        const content = openStream(sealStream(body, options), options);
        assert.ok(typeof content === "object" && content.kind === "pushPull");
        assert.deepEqual(content.nodes, Array(40).fill(node));
      }
    }
  }
});

const header = (nodes: number, userState: number) =>
  joined([
    Uint8Array.of(TYPE.pushPull),
    encodeMap([["Join", true], ["Nodes", nodes], ["UserStateLen", userState]]),
  ]).toHex();
const bomb = compress(joined([Uint8Array.of(TYPE.user), new Uint8Array(21 << 20)])).toHex();

for (
  const [name, hex, keys, reason] of [
    ["a million members (corpus 2.8.10)", header(1_000_000, 0), [], "too-large"],
    ["a user state of 1 GiB (corpus 2.8.10)", header(1, 1 << 30), [], "too-large"],
    ["a bomb of more than 20 MiB (corpus 2.8.5)", bomb, [], "too-large"],
    ["a stream in the clear where we have a key", "0682", [new Uint8Array(16)], "not-encrypted"],
    ["an encrypted stream where we have none", "0a00000030", [], "bad-key"],
    ["a length of 4 GiB (corpus 2.8.5)", "0affffffff", [new Uint8Array(16)], "too-large"],
    ["another cluster's label", "f40141068", [], "bad-label"],
    ["a header that is no map", "0693010203", [], "bad-type"],
  ] as const
) {
  Deno.test(`openStream() refuses ${name}`, () => {
    const content = openStream(Uint8Array.fromHex(hex.length % 2 ? `${hex}0` : hex), { keys });
    assert.ok(isWireError(content));
    assert.equal(content.reason, reason);
  });
}

Deno.test("openStream() is total", () => {
  const bytes = fc.tuple(
    fc.constantFrom(...TCP),
    fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 6 }),
  ).map(([{ inner_hex }, changes]) => {
    const made = Uint8Array.fromHex(inner_hex);
    for (const [at, octet] of changes) if (at < made.length) made[at] = octet;
    return made;
  });
  fc.assert(
    fc.property(bytes, (one) => {
      const content = openStream(one, { keys: [] });
      assert.ok(typeof content === "object" || content === "incomplete");
    }),
    { seed: 67, numRuns: 5_000 },
  );
});
