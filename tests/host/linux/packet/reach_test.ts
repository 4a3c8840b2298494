import assert from "node:assert/strict";
import { createReach } from "../../../../lib/host/linux/packet/reach.ts";
import { ip } from "../../../controller/fixture.ts";

Deno.test("a reach knows nothing before it was set, and asks for the addresses each time", () => {
  let own = [{ ip: ip("10.77.1.12"), length: 24, interface: "eth0" }];
  const reach = createReach([], () => own);
  assert.equal(reach.addresses(), undefined);
  assert.equal(reach.leadsToAny([]), false);
  assert.deepEqual(reach.cutOff([]), []);
  reach.set([], []);
  assert.deepEqual(reach.addresses(), new Set([ip("10.77.1.12")]));
  own = [];
  reach.set([], []);
  assert.deepEqual(reach.addresses(), new Set());
  assert.equal(reach.leadsToAny([]), false, "no interface answers");
});
