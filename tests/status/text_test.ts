import assert from "node:assert/strict";
import { leadText } from "../../lib/status/text.ts";

Deno.test("leadText() names the leader", () => {
  assert.equal(leadText({ role: "leader", leader: "me_1" }), "this one (me_1)");
  assert.equal(leadText({ role: "standby", leader: "b_2" }), "b_2; this one stands by");
  assert.equal(leadText({ role: "standby" }), "nobody yet; this one stands by");
});
