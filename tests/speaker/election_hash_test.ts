import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { electionHash } from "../../lib/speaker/election_hash.ts";

function headOf(node: string, salt: string): number {
  return createHash("sha256").update(`${node}#${salt}`).digest().readUIntBE(0, 6);
}

Deno.test("electionHash() is the head of SHA-256, for every length around one block", () => {
  assert.equal(electionHash("node1", "10.77.1.220"), headOf("node1", "10.77.1.220"));
  for (let length = 0; length < 130; length++) {
    const node = "n".repeat(length);
    assert.equal(electionHash(node, ""), headOf(node, ""), String(length));
  }
});

Deno.test("electionHash() takes any text", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: "binary-ascii" }),
      (node, salt) => {
        assert.equal(electionHash(node, salt), headOf(node, salt));
      },
    ),
    { seed: 43, numRuns: 2_000 },
  );
});
