import assert from "node:assert/strict";
import { withGiven } from "../../lib/model/given.ts";
import { ips, service } from "../controller/fixture.ts";

const GIVEN = service("web", { assigned: ips("10.0.0.1") });
const OVER = service("web", { assigned: ips("192.0.2.1"), overwritten: true });

Deno.test("withGiven() keeps what a status showed before others wrote over it, however often", () => {
  const once = withGiven(OVER, GIVEN);
  assert.deepEqual(once, { ...OVER, given: ips("10.0.0.1") });
  assert.deepEqual(withGiven({ ...OVER, assigned: [] }, once).given, ips("10.0.0.1"));
  assert.deepEqual(withGiven(GIVEN, once), GIVEN);
});

Deno.test("withGiven() knows nothing of another Service of the name, of none, and of a start", () => {
  for (const before of [undefined, OVER, service("web"), { ...GIVEN, uid: "another" }]) {
    assert.deepEqual(withGiven(OVER, before), OVER);
  }
});
