import assert from "node:assert/strict";
import { encodeMessage, messageLength, TYPE, writeHeader } from "../../lib/bgp/frame.ts";
import { encodeKeepalive } from "../../lib/bgp/message.ts";
import { hex } from "../../lib/bgp/notification.ts";

function header(length: number, type: number): Uint8Array {
  const bytes = new Uint8Array(19);
  writeHeader(bytes, length, type);
  return bytes;
}

function answerTo(bytes: Uint8Array, maxLength = 4096): string {
  const found = messageLength(bytes, 0, bytes.length, maxLength);
  assert.ok(typeof found === "object", String(found));
  const { answer } = found;
  return answer === undefined
    ? "none"
    : `${answer.code}/${answer.subcode} ${hex(answer.data)}`.trim();
}

Deno.test("2.6-1: a marker that is not all ones is 1/1", () => {
  for (let at = 0; at < 16; at++) {
    const bytes = header(19, TYPE.keepalive);
    bytes[at] = 0xfe;
    assert.equal(answerTo(bytes), "1/1");
  }
});

Deno.test("2.6-2: lengths that no such message has are 1/2 with the length as data", () => {
  assert.equal(answerTo(header(18, TYPE.keepalive)), "1/2 0012");
  assert.equal(answerTo(header(4097, TYPE.update)), "1/2 1001");
  assert.equal(answerTo(header(20, TYPE.keepalive)), "1/2 0014");
  assert.equal(answerTo(header(28, TYPE.open)), "1/2 001c");
  assert.equal(answerTo(header(22, TYPE.update)), "1/2 0016");
  assert.equal(messageLength(header(4097, TYPE.update), 0, 19, 65_535), 4097, "RFC 8654");
});

Deno.test("2.6-3: message types 0 and 9 are 1/3 with the type as data", () => {
  assert.equal(answerTo(header(19, 0)), "1/3 00");
  assert.equal(answerTo(header(19, 9)), "1/3 09");
});

Deno.test("2.6-8: a NOTIFICATION of 20 bytes is never answered", () => {
  assert.equal(answerTo(header(20, TYPE.notification)), "none");
});

Deno.test("2.6-4: a header in pieces waits for the rest", () => {
  const bytes = encodeKeepalive();
  for (let count = 0; count < 19; count++) {
    assert.equal(messageLength(bytes, 0, count, 4096), undefined);
  }
  assert.equal(messageLength(bytes, 0, 19, 4096), 19);
});

Deno.test("encodeMessage() puts marker, length and type before the body", () => {
  assert.equal(
    hex(encodeMessage(TYPE.notification, Uint8Array.of(6, 2))),
    `${"ff".repeat(16)}0015030602`,
  );
});
