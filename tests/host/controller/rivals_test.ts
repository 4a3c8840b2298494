import assert from "node:assert/strict";
import { loneWriter } from "../../../lib/host/cluster/cluster.ts";
import { createRivals } from "../../../lib/host/controller/rivals.ts";
import { ips, service } from "../../controller/fixture.ts";

const WEB = service("web", { assigned: ips("10.0.0.1") });

/** A Service whose status this one wrote at that second. */
function writtenBy(manager: string, second = 1): unknown {
  const fieldsV1 = { "f:status": { "f:loadBalancer": {} } };
  return {
    metadata: { managedFields: [{ manager, time: `2026-01-01T00:00:0${second}Z`, fieldsV1 }] },
  };
}

Deno.test("createRivals() tells of a Herald's writes that are news, once each", () => {
  const told: string[] = [];
  const { forget, look, settled } = createRivals((name) => void told.push(name));
  look(writtenBy("herald"), WEB);
  settled();
  look(writtenBy("herald"), WEB);
  assert.deepEqual(told, [], "it was found at the start");
  look(writtenBy("herald", 2), WEB);
  look(writtenBy("herald", 2), WEB);
  assert.deepEqual(told, ["herald"]);
  look(writtenBy(loneWriter("other"), 3), WEB);
  look(writtenBy("servicelb", 5), WEB);
  look({}, WEB);
  assert.deepEqual(told, ["herald", "herald-alone-other"]);
  forget(WEB.key);
  look(writtenBy("herald", 6), WEB);
  assert.equal(told.length, 3);
});

Deno.test("createRivals() takes nobody for a rival whose status is empty now, for the server notes it on", () => {
  const told: string[] = [];
  const { look, settled } = createRivals((name) => void told.push(name));
  settled();
  look(writtenBy("herald+metallb-system/herald-blue"), { ...WEB, assigned: [], hasIngress: false });
  assert.deepEqual(told, []);
  look(writtenBy("herald+metallb-system/herald-blue"), WEB);
  assert.deepEqual(told, ["herald+metallb-system/herald-blue"]);
});
