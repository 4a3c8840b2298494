import assert from "node:assert/strict";
import { isWireError } from "../../lib/base/errors.ts";
import type { NodeState } from "../../lib/gossip/message.ts";
import { OWN_VSN } from "../../lib/gossip/state.ts";
import { encodePushPull, MAX_STREAM, sealStream } from "../../lib/gossip/stream.ts";
import { createStreamReader, type StreamReader } from "../../lib/gossip/stream_reader.ts";
import { ip4 } from "../support/addresses.ts";

const KEYS = [new Uint8Array(16).fill(5)];
const nodes = (count: number): NodeState[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `node${index}`,
    address: ip4(index),
    port: 7946,
    meta: crypto.getRandomValues(new Uint8Array(400)),
    incarnation: 1,
    state: "alive",
    vsn: OWN_VSN,
  }));
const sealed = (told: readonly NodeState[]) =>
  sealStream(encodePushPull(true, told), { keys: KEYS, nonce: new Uint8Array(12) });

/** Gives it the octets in pieces of at most that size, as the network does, until it has read all. */
function feed(reader: StreamReader, bytes: Uint8Array, size: number) {
  let pieces = 0;
  for (let rest = bytes; rest.length > 0; pieces++) {
    const room = reader.room();
    assert.ok(room.length > 0, "room");
    const piece = rest.subarray(0, Math.min(size, room.length));
    room.set(piece);
    rest = rest.subarray(piece.length);
    const content = reader.take(piece.length);
    if (content !== "incomplete") return { content, left: rest.length, pieces };
  }
  return { content: "incomplete", left: 0, pieces } as const;
}

for (const size of [1, 7, 4096, Infinity]) {
  Deno.test(`take() gives the content with its last octet, in pieces of ${size}`, () => {
    const told = nodes(2);
    const { content, left } = feed(createStreamReader(KEYS), sealed(told), size);
    assert.ok(typeof content === "object" && content.kind === "pushPull");
    assert.deepEqual([content.nodes, left], [told, 0]);
  });
}

Deno.test("room() grows with what comes, and nothing of it is lost", () => {
  const told = nodes(600);
  const bytes = sealed(told);
  assert.ok(bytes.length > 4 * 64 * 1024 && bytes.length < MAX_STREAM);
  const { content, pieces } = feed(createStreamReader(KEYS), bytes, Infinity);
  assert.ok(typeof content === "object" && content.kind === "pushPull");
  assert.deepEqual(content.nodes, told);
  assert.ok(pieces < 5, "it doubles");
});

Deno.test("take() refuses a stream that ends before all is there", () => {
  const reader = createStreamReader(KEYS);
  assert.equal(feed(reader, sealed(nodes(1)).slice(0, -1), 100).content, "incomplete");
  const end = reader.take(0);
  assert.ok(isWireError(end));
  assert.equal(end.reason, "truncated");
});

Deno.test("take() refuses a stream that never becomes readable, however it goes on", () => {
  const reader = createStreamReader([]);
  // A user message that says it is as long as the limit, and is not told to end.
  const { content, left } = feed(reader, endless(MAX_STREAM), 1 << 20);
  assert.ok(typeof content === "object" && isWireError(content));
  assert.equal(content.reason, "truncated");
  assert.ok(left < 2 << 20);
});

/** More octets than are read, of a message that is longer still. */
function endless(length: number): Uint8Array {
  const header = Uint8Array.of(8, 0x81, 0xaa, ...new TextEncoder().encode("UserMsgLen"), 0xce);
  const bytes = new Uint8Array(length + (1 << 20));
  bytes.set(header);
  new DataView(bytes.buffer).setUint32(header.length, length);
  return bytes;
}
