import assert from "node:assert/strict";
import { isOurClass } from "../../lib/model/service_class.ts";
import { isAnnounced } from "../../lib/speaker/plan.ts";
import { service } from "../controller/fixture.ts";

Deno.test("isOurClass() takes exactly the class that is served, and the speakers judge by it", () => {
  for (const served of [undefined, "blue", "red"]) {
    for (const loadBalancerClass of [undefined, "blue", "red", ""]) {
      const facts = service("web", { loadBalancerClass });
      assert.equal(isOurClass(facts, served), loadBalancerClass === served);
      assert.equal(isAnnounced(facts, served), loadBalancerClass === served);
      assert.equal(isAnnounced({ ...facts, isLoadBalancer: false }, served), false);
    }
  }
});
