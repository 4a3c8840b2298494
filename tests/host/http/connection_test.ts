import assert from "node:assert/strict";
import { converse, type Wire } from "../../../lib/host/http/connection.ts";
import { textAnswer } from "../../../lib/http/answer.ts";
import { LONGEST_HEAD_BYTES, type RequestHead } from "../../../lib/http/head.ts";

const GET = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n";

/** What the other side sends, piece by piece, and what it gets. */
function wireOf(...pieces: readonly string[]) {
  const waiting = pieces.map((piece) => new TextEncoder().encode(piece));
  const got: string[] = [];
  let taken = 0;
  const wire: Wire = {
    read(buffer) {
      const piece = waiting.shift();
      if (piece === undefined) return Promise.resolve(null);
      const part = piece.subarray(0, buffer.length);
      if (part.length < piece.length) waiting.unshift(piece.subarray(part.length));
      buffer.set(part);
      taken += part.length;
      return Promise.resolve(part.length);
    },
    write(bytes) {
      // As a full socket buffer does.
      const part = bytes.subarray(0, 50);
      got.push(new TextDecoder().decode(part));
      return Promise.resolve(part.length);
    },
  };
  return { wire, text: () => got.join(""), taken: () => taken };
}

async function conversed(...pieces: readonly string[]) {
  const { taken, text, wire } = wireOf(...pieces);
  const asked: string[] = [];
  const phases: string[] = [];
  await converse(wire, {
    buffer: new Uint8Array(LONGEST_HEAD_BYTES),
    answer: ({ path }: RequestHead) => {
      asked.push(path);
      return textAnswer(200, `this is ${path}\n`);
    },
    onPhase: (phase) => phases.push(phase),
    isEnding: () => false,
  });
  return { asked, phases, taken: taken(), text: text() };
}

Deno.test("converse() answers one request after the other on a connection that is kept", async () => {
  const { asked, phases, text } = await conversed(GET, GET.replace("/a", "/b"));
  assert.deepEqual(asked, ["/a", "/b"]);
  assert.equal(text.split("HTTP/1.1 200 OK").length, 3);
  assert.ok(text.endsWith("\r\n\r\nthis is /b\n"));
  assert.deepEqual(phases, ["reading", "answering", "idle", "reading", "answering", "idle"]);
});

Deno.test("converse() answers requests that come together or in pieces", async () => {
  assert.deepEqual((await conversed(GET + GET.replace("/a", "/b"))).asked, ["/a", "/b"]);
  assert.deepEqual((await conversed(...GET)).asked, ["/a"]);
});

Deno.test("converse() ends after an answer that is the last", async () => {
  const { asked, text } = await conversed(GET.replace("1.1", "1.0"), GET);
  assert.deepEqual(asked, ["/a"]);
  assert.match(text, /connection: close/);
});

Deno.test("converse() sends no body for HEAD, and says how long it would be", async () => {
  const { text } = await conversed(GET.replace("GET", "HEAD"));
  assert.match(text, /content-length: 11\r\n/);
  assert.ok(text.endsWith("\r\n\r\n"));
});

Deno.test("fault 5: converse() holds no more than the longest head, says so and ends", async () => {
  const endless = `GET / HTTP/1.1\r\nhost: x\r\n${"x: y\r\n".repeat(60_000)}`;
  const { asked, taken, text } = await conversed(endless);
  assert.deepEqual(asked, []);
  assert.equal(taken, LONGEST_HEAD_BYTES);
  assert.match(text, /^HTTP\/1\.1 431 /);
});

Deno.test("converse() refuses other methods and names those it knows", async () => {
  const { text } = await conversed(GET.replace("GET", "POST"));
  assert.match(text, /^HTTP\/1\.1 405 [^]*\r\nallow: GET, HEAD\r\n/);
});
