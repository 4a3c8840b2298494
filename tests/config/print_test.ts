import assert from "node:assert/strict";
import fc from "fast-check";
import { parseConfig } from "../../lib/config/parse.ts";
import { printConfig } from "../support/print_config.ts";
import { anyConfig } from "./arbitrary.ts";

Deno.test("poolTree(), peerTree() and profileTree() keep all: read again, they are the same configuration", () => {
  fc.assert(
    fc.property(anyConfig, (config) => {
      const text = printConfig(config);
      const read = parseConfig(text, "printed");
      assert.deepEqual(read.problems, [], text);
      // fast-check makes its objects without a prototype.
      assert.deepEqual(read.config, structuredClone(config), text);
    }),
    { seed: 4, numRuns: 300 },
  );
});
