import assert from "node:assert/strict";
import { encodeHead, textAnswer } from "../../lib/http/answer.ts";

const DATE = "Fri, 27 Nov 2026 12:00:00 GMT";

Deno.test("encodeHead() says what comes, how long it is, and that nobody else may have it", () => {
  const answer = textAnswer(405, "größer\n", { allow: "GET, HEAD" });
  const text = new TextDecoder().decode(encodeHead(answer, { date: DATE, keepAlive: false }));
  const [first, ...lines] = text.split("\r\n");
  assert.equal(first, "HTTP/1.1 405 Method Not Allowed");
  assert.ok(text.endsWith("\r\n\r\n"));
  for (
    const line of [
      `date: ${DATE}`,
      "content-type: text/plain; charset=utf-8",
      "content-length: 9",
      "allow: GET, HEAD",
      "connection: close",
      "cache-control: no-store",
      "x-content-type-options: nosniff",
      "x-frame-options: DENY",
    ]
  ) assert.ok(lines.includes(line), line);
});

Deno.test("encodeHead() writes a line for each of several values", () => {
  const answer = textAnswer(401, "", { "www-authenticate": ["Bearer", 'Basic realm="a"'] });
  const text = new TextDecoder().decode(encodeHead(answer, { date: DATE, keepAlive: true }));
  assert.match(text, /\r\nwww-authenticate: Bearer\r\nwww-authenticate: Basic realm="a"\r\n/);
});

Deno.test("encodeHead() says when the connection is kept", () => {
  const head = encodeHead(textAnswer(200, ""), { date: DATE, keepAlive: true });
  assert.match(
    new TextDecoder().decode(head),
    /^HTTP\/1\.1 200 OK\r\n[^]*\r\nconnection: keep-alive\r\n/,
  );
});
