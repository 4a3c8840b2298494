import assert from "node:assert/strict";
import fc from "fast-check";
import { LONGEST_HEAD_BYTES, readHead } from "../../lib/http/head.ts";

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function read(text: string) {
  return readHead(bytes(text));
}

function refused(text: string): number {
  const reading = read(text);
  return reading.kind === "refused" ? reading.status : assert.fail(`${reading.kind}: ${text}`);
}

Deno.test("readHead() reads what a probe, Prometheus and a browser ask", () => {
  const text =
    "GET /status?page=2 HTTP/1.1\r\nHost: 10.0.0.1:7472\r\nAccept:\t*/* \r\nX-A: 1\r\nx-a: 2\r\n\r\n";
  const reading = read(`${text}GET /next`);
  assert.ok(reading.kind === "request");
  assert.equal(reading.bytes, text.length);
  const { fields, ...rest } = reading.head;
  assert.deepEqual(rest, {
    method: "GET",
    path: "/status",
    query: "page=2",
    host: "10.0.0.1:7472",
    keepAlive: true,
  });
  assert.deepEqual([...fields], [["host", "10.0.0.1:7472"], ["accept", "*/*"], ["x-a", "1, 2"]]);
});

Deno.test("readHead() keeps a connection only in HTTP/1.1, and where the other side does", () => {
  const rows: readonly (readonly [string, boolean])[] = [
    ["GET / HTTP/1.1\r\nhost: a\r\n\r\n", true],
    ["GET / HTTP/1.1\r\nhost: a\r\nconnection: Close\r\n\r\n", false],
    ["GET / HTTP/1.0\r\n\r\n", false],
    ["GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", false],
  ];
  for (const [text, keepAlive] of rows) {
    const reading = read(text);
    assert.ok(reading.kind === "request", text);
    assert.equal(reading.head.keepAlive, keepAlive, text);
  }
});

Deno.test("readHead() takes a whole URL as a proxy sends it, and its host over the header's", () => {
  const reading = read("HEAD http://evil.example/a?b HTTP/1.1\r\nhost: 10.0.0.1\r\n\r\n");
  assert.ok(reading.kind === "request");
  const { host, method, path, query } = reading.head;
  assert.deepEqual([method, host, path, query], ["HEAD", "evil.example", "/a", "b"]);
});

Deno.test("readHead() refuses what two readers could take for different requests", () => {
  const rows: readonly (readonly [string, number])[] = [
    ["GET /\r\n\r\n", 400],
    ["GET  / HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a\r\n folded: b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost : a\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a\x00b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a\nx: b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello", 400],
    ["GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\n", 400],
    ["GET * HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["POST / HTTP/1.1\r\nhost: a\r\n\r\n", 405],
    ["PRI * HTTP/2.0\r\n\r\n", 505],
  ];
  for (const [text, status] of rows) assert.equal(refused(text), status, JSON.stringify(text));
  const sized = (length: string) =>
    `GET / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`;
  for (const zero of ["0", " 0 ", "00"]) assert.equal(read(sized(zero)).kind, "request", zero);
  for (const odd of ["", "-0", "+0", "0x0", "0.0", "1e-999", "0, 0"]) refused(sized(odd));
});

Deno.test("fault 5: readHead() wants no more than the longest head", () => {
  const begun = "GET / HTTP/1.1\r\nhost: a\r\nx: ";
  const full = begun.padEnd(LONGEST_HEAD_BYTES, "y");
  assert.equal(read(full.slice(0, -1)).kind, "more");
  assert.equal(refused(full), 431);
});

Deno.test("readHead() finds the same end in however many pieces it comes", () => {
  const text = bytes("\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n");
  fc.assert(fc.property(fc.array(fc.nat({ max: text.length })), (cuts) => {
    let searched = 0;
    for (const cut of cuts.filter((cut) => cut < text.length).sort((a, b) => a - b)) {
      assert.equal(readHead(text.subarray(0, cut), searched).kind, "more");
      searched = cut;
    }
    const reading = readHead(text, searched);
    assert.ok(reading.kind === "request" && reading.bytes === text.length);
  }));
});

Deno.test("readHead() never throws, whatever comes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => {
    for (const start of ["", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nhost: a\r\n"]) {
      const head = bytes(start);
      readHead(Uint8Array.of(...head, ...tail, 13, 10, 13, 10));
    }
  }));
});
