import assert from "node:assert/strict";
import fc from "fast-check";
import {
  createLineReader,
  parseWatchLine,
  type WatchEvent,
} from "../../../lib/host/kubernetes/watch_lines.ts";

const encoder = new TextEncoder();

function eventsOf(chunks: readonly Uint8Array[], limit?: number): (WatchEvent | "too long")[] {
  const lines = createLineReader(limit);
  return chunks.flatMap((chunk): readonly (WatchEvent | "too long")[] =>
    lines.push(chunk)?.map(parseWatchLine) ?? ["too long"]
  );
}

function line(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** Cuts bytes at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length]
    .sort((a, b) => a - b);
  return sorted.slice(1).map((end, i) => bytes.slice(sorted[i], end));
}

Deno.test("createLineReader() gives the same events however the bytes are cut", () => {
  const name = fc.string({ unit: "grapheme", maxLength: 20 });
  fc.assert(
    fc.property(
      fc.array(name, { minLength: 1, maxLength: 20 }),
      fc.array(fc.nat(), { maxLength: 100 }),
      (names, places) => {
        const bytes = encoder.encode(names.map((name) => line("ADDED", { name })).join(""));
        const whole = eventsOf([bytes]);
        assert.equal(whole.length, names.length);
        assert.deepEqual(
          whole.map((event) => event !== "too long" && event.kind),
          names.map(() => "apply"),
        );
        assert.deepEqual(eventsOf(cut(bytes, places)), whole);
        assert.deepEqual(eventsOf([...bytes].map((byte) => Uint8Array.of(byte))), whole);
      },
    ),
    { seed: 4, numRuns: 200 },
  );
});

Deno.test("createLineReader() keeps the beginning of a line though the next chunk takes its buffer", () => {
  const bytes = encoder.encode(line("ADDED", { name: "a" }));
  const lines = createLineReader();
  const buffer = bytes.slice(0, 10);
  lines.push(buffer);
  buffer.fill(0);
  const [whole] = lines.push(bytes.subarray(10)) ?? [];
  assert.deepEqual(whole && parseWatchLine(whole), { kind: "apply", object: { name: "a" } });
});

Deno.test("createLineReader() keeps 100 events in one chunk apart", () => {
  const text = Array.from({ length: 100 }, (_, i) => line("MODIFIED", { i })).join("");
  const events = eventsOf([encoder.encode(text)]);
  assert.deepEqual(
    events,
    Array.from({ length: 100 }, (_, i) => ({ kind: "apply", object: { i } })),
  );
});

Deno.test("createLineReader() reads a line up to the limit and gives up past it", () => {
  const long = line("ADDED", { text: "x".repeat(1_000) });
  const bytes = encoder.encode(long);
  assert.equal(eventsOf(cut(bytes, [10, 500]), long.length - 1)[0] === "too long", false);
  assert.ok(eventsOf(cut(bytes, [10, 500]), long.length - 2).includes("too long"));
  assert.deepEqual(eventsOf([new Uint8Array(17 * 1024 * 1024)]), ["too long"]);
});

const EVENTS: readonly [string, string, WatchEvent][] = [
  ["DELETED", line("DELETED", { a: 1 }), { kind: "delete", object: { a: 1 } }],
  [
    "a bookmark whose version is no number",
    line("BOOKMARK", { metadata: { resourceVersion: "9007199254740993-x" } }),
    { kind: "bookmark", resourceVersion: "9007199254740993-x" },
  ],
  [
    "ERROR",
    line("ERROR", { code: 410, message: "too old" }),
    { kind: "error", code: 410, message: "too old" },
  ],
  ["an unknown type", line("RENAMED", {}), { kind: "unknown", type: "RENAMED" }],
  ["cut JSON", '{"type":"ADDED","obj', { kind: "broken" }],
  ["HTML", "<html>", { kind: "broken" }],
  ["an object that is null", line("ADDED", null), { kind: "broken" }],
  ["a list", "[]", { kind: "broken" }],
  ["nothing", "", { kind: "broken" }],
];

for (const [what, text, expected] of EVENTS) {
  Deno.test(`parseWatchLine() reads ${what} as ${expected.kind}`, () => {
    assert.deepEqual(parseWatchLine(encoder.encode(text.trimEnd())), expected);
  });
}

Deno.test("parseWatchLine() refuses bytes that are no UTF-8", () => {
  const bytes = encoder.encode('{"type":"ADDED","object":{"a":"x"}}');
  bytes[bytes.length - 4] = 0xff;
  assert.deepEqual(parseWatchLine(bytes), { kind: "broken" });
});
