import assert from "node:assert/strict";
import { virtualClock } from "../../support/clock.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import { createPoolMetrics } from "../../../lib/host/controller/pools.ts";
import { controllerStatus, unknownHere } from "../../../lib/host/controller/status.ts";
import { config, pool, put, world } from "../../controller/fixture.ts";

Deno.test("controllerStatus() tells of each Service what it has, or why it has none", () => {
  const at = world(config(pool("main", "10.0.0.1")));
  put(at, "web");
  put(at, "late");
  put(at, "other", { isLoadBalancer: false });
  const poolMetrics = createPoolMetrics(createMetrics(), virtualClock());
  const { services, pools: shown } = controllerStatus(at.services, at.book, poolMetrics, at.config);
  assert.deepEqual(services.map(({ service, ips, pool }) => [service, ips, pool]), [
    ["default/late", [], undefined],
    ["default/web", ["10.0.0.1"], "main"],
  ]);
  assert.match(services[0]?.reason ?? "", /pool "main" is full/);
  assert.deepEqual(shown[0], {
    name: "main",
    protocol: "layer2",
    addresses: "1",
    inUse: 1,
    services: 1,
    kept: 0,
    reserved: 0,
    fullInMs: 0,
  });
  assert.deepEqual(controllerStatus(at.services, undefined, poolMetrics, at.config), {
    pools: [],
    services: [],
  });
});

Deno.test("first use H3: unknownHere() says that a standby stands by, who leads, and what it sees", () => {
  const at = world(config(pool("main", "10.0.0.1")));
  put(at, "web");
  put(at, "other", { isLoadBalancer: false });
  const standby = { role: "standby", leader: "pod-b_1" } as const;
  const told = (lead: Parameters<typeof unknownHere>[3], notReady: string[] = []) =>
    unknownHere(at.services, undefined, at.config, lead, notReady);
  assert.match(
    told(standby) ?? "",
    /^this controller stands by, ask the leader, pod-b_1; 1 of type LoadBalancer seen, /,
  );
  assert.match(told({ role: "standby" }) ?? "", /stands by, nobody leads yet; 1 of/);
  assert.match(
    told({ role: "leader", leader: "me_1" }, ["no configuration in force"]) ?? "",
    /^no configuration in force; 1 of type/,
  );
  assert.equal(unknownHere(at.services, at.book, at.config, { role: "alone" }, []), undefined);
});
