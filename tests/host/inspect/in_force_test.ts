import assert from "node:assert/strict";
import fc from "fast-check";
import { openTree } from "../../../lib/config/print.ts";
import { type KnownSnapshot, withInForce } from "../../../lib/host/inspect/in_force.ts";
import { anyConfig } from "../../config/arbitrary.ts";
import { ONE } from "../../controller/fixture.ts";

const REFUSED: KnownSnapshot = {
  description: "store /srv/lb",
  services: new Map(),
  slices: [],
  nodes: new Map(),
  config: undefined,
  configReason: "it would take addresses",
  unread: [],
};

Deno.test("withInForce() reads what a role tells of the configuration in force as it was, but for passwords", () => {
  fc.assert(
    fc.property(anyConfig, (config) => {
      const told = JSON.parse(JSON.stringify(openTree(config)));
      const known = withInForce(REFUSED, told);
      assert.deepEqual(JSON.parse(JSON.stringify(openTree(known.config ?? assert.fail()))), told);
      assert.equal(known.refused, "it would take addresses");
      assert.ok(!("password" in (told.peers?.[0] ?? {})));
    }),
    { seed: 17, numRuns: 100 },
  );
});

Deno.test("withInForce() leaves a snapshot alone where what stands counts, and where no role tells", () => {
  assert.equal(withInForce(REFUSED, undefined), REFUSED);
  const standing = { ...REFUSED, config: ONE };
  assert.equal(withInForce(standing, openTree(ONE)), standing);
});
