import assert from "node:assert/strict";
import { openTree } from "../../lib/config/print.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { inForceText } from "../../lib/status/in_force.ts";

Deno.test("inForceText() names the pools in force, in one line", () => {
  const { config } = parseConfig(
    "address-pools: [{name: a, protocol: layer2, addresses: [10.0.0.0/24, fd00::/64]}, " +
      "{name: b, protocol: bgp, addresses: [10.1.0.1-10.1.0.9]}]",
    "c",
  );
  assert.equal(
    inForceText(openTree(config ?? assert.fail())),
    'in force is pool "a" (layer2) 10.0.0.0/24, fd00::/64; pool "b" (bgp) 10.1.0.1-10.1.0.9',
  );
  assert.equal(inForceText({}), "in force is one without pools");
  assert.equal(inForceText(undefined), undefined);
});
