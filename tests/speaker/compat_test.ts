import assert from "node:assert/strict";
import { COMPAT, COMPAT_WORDS } from "../../lib/speaker/compat.ts";
import { judgeBeside, METALLB_VERSIONS } from "../../lib/speaker/judgement.ts";
import { metallbOn } from "../support/facts.ts";

Deno.test("COMPAT has the election and the key of each version, and its key is recognised", () => {
  assert.deepEqual(COMPAT_WORDS, ["v0.10", "v0.12", "v0.16", "none"]);
  assert.deepEqual(
    METALLB_VERSIONS.map((version) => [COMPAT[version].election, COMPAT[version].keyBytes]),
    [["v0.10", 16], ["v0.11", 16], ["v0.11", 32]],
  );
  const recognised = METALLB_VERSIONS.map((version) =>
    judgeBeside(metallbOn(["n1"], COMPAT[version].keyBytes), undefined)
  );
  // v0.10 and v0.12 judge nodes alike.
  assert.deepEqual(recognised, ["v0.12", "v0.12", "v0.16"]);
});
