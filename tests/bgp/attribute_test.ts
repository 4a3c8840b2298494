import assert from "node:assert/strict";
import { ATTRIBUTE, FLAG, RULES } from "../../lib/bgp/attribute.ts";

Deno.test("every attribute but the MP ones has its rule", () => {
  for (const [name, code] of Object.entries(ATTRIBUTE)) {
    assert.equal(RULES.has(code), !name.startsWith("mp"), name);
  }
});

Deno.test("well-known attributes are transitive, and never optional (RFC 4271 §5)", () => {
  const known = [1, 2, 3, 5, 6];
  for (const [code, { flags }] of RULES) {
    assert.equal((flags & FLAG.optional) === 0, known.includes(code), `${code}`);
    if (known.includes(code)) assert.equal(flags, FLAG.transitive);
  }
});

Deno.test("only what no route depends on is discarded alone (RFC 7606 §7)", () => {
  const discarded = [...RULES].filter(([, rule]) => rule.onError === "attribute-discard");
  assert.deepEqual(discarded.map(([code]) => code).sort((a, b) => a - b), [6, 7, 17, 18]);
});
