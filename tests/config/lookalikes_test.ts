import assert from "node:assert/strict";
import { lookalikeIn, withoutLookalikes } from "../../lib/config/lookalikes.ts";

Deno.test("lookalikeIn() finds the first character that is not what it looks like", () => {
  assert.equal(lookalikeIn("my-asn: 1 # é 可"), undefined);
  assert.deepEqual(lookalikeIn("a\u2013b\u00a0c"), {
    index: 1,
    hint: "another dash (U+2013) stands here: write -",
  });
  assert.match(lookalikeIn("\ufeffa")?.hint ?? "", /invisible character \(U\+FEFF\).*: delete it/);
});

Deno.test("withoutLookalikes() gives the text that was meant", () => {
  assert.equal(withoutLookalikes("\u00a0\u00a0my\u2011asn\uff1a\u200b"), "my-asn:");
  assert.equal(withoutLookalikes(" name "), "name");
});
