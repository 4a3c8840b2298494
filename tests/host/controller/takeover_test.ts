import assert from "node:assert/strict";
import { HURRIED_CLOCK } from "../../support/clock.ts";
import { type ApiRequest, startFaultyApi } from "../../support/faulty_api.ts";
import {
  addressOf,
  askAddress,
  CONFIG,
  configMap,
  LEASE,
  LEASES,
  ONE_POOL,
  playController,
  servicePath,
  statusWriters,
  SYSTEM,
} from "../../support/faulty_controllers.ts";
import { pause } from "../../support/wait.ts";
import { status, until } from "../../support/mock_api.ts";
import { type JsonObject, listOr, objectOr } from "../../../lib/model/json.ts";

const NOTE = `${SYSTEM}/configmaps/herald-sticky-addresses`;
const TWO_POOLS =
  "address-pools: [{name: one, protocol: layer2, addresses: [10.77.1.10-10.77.1.12]}, " +
  "{name: two, protocol: layer2, addresses: [10.77.2.10-10.77.2.19]}]";

Deno.test("fault 2: a controller that takes over after its watches fell silent clears nothing that it had not heard of", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL.replace("1.40", "1.12")));
  await using first = await playController(api, "A");
  await until("the lead", first.leads);
  await using second = await playController(api, "B");
  await until("a standby", () => second.role.notReady().length === 0);
  for (const name of ["w1", "w2", "w3"]) askAddress(api, name);
  await until("three addresses", () => addressOf(api, "w3") !== "");
  const listen = api.silence("B");
  api.put(CONFIG, configMap(TWO_POOLS));
  await until(
    "the other pool",
    () => first.log.lines.filter(({ msg }) => msg === "configuration in force").length === 2,
  );
  for (const name of ["x1", "x2"]) askAddress(api, name);
  await until("addresses of the other pool", () => addressOf(api, "x2") !== "");
  const before = ["w1", "w2", "w3", "x1", "x2"].map((name) => addressOf(api, name));
  await first.end();
  await until("the takeover", () => second.log.messages().some(isLeading));
  listen();
  askAddress(api, "later");
  await until("an address of the new leader", () => addressOf(api, "later") !== "");
  assert.deepEqual(["w1", "w2", "w3", "x1", "x2"].map((name) => addressOf(api, name)), before);
});

const NEEDS_ALL = `address-pools:
- name: shop
  protocol: layer2
  addresses: [10.77.3.10-10.77.3.19]
  sticky-time: 1h
  service-allocation: { namespace-selectors: [{ match-labels: { team: shop } }] }
`;

Deno.test("who begins to lead has read anew whatever it read before, and only then writes", async () => {
  await using api = startFaultyApi();
  const shop = { metadata: { labels: { team: "shop" } } };
  api.put("/api/v1/namespaces/default", shop);
  api.put(CONFIG, configMap(NEEDS_ALL));
  await using one = await playController(api, "A");
  await until("the lead", one.leads);
  askAddress(api, "web");
  await until("an address", () => addressOf(api, "web") !== "");
  api.remove(servicePath("web"));
  await until("a note", () => api.get(NOTE) !== undefined);
  await using two = await playController(api, "B");
  await until("a standby", () => two.role.notReady().length === 0);
  await one.end();
  await until("the takeover", two.leads);
  askAddress(api, "later");
  await until("an address of it", () => addressOf(api, "later") !== "");
  // It led, lost the lead and leads again: by now it has read all that it ever reads.
  api.put(LEASE, { spec: { holderIdentity: "C", leaseDurationSeconds: 1 } });
  await until("the end of the lead", () => !two.leads());
  const from = api.requests.length;
  const inputs = (requests: readonly ApiRequest[]) =>
    new Set(
      requests.filter(({ client, method }) => client === "B" && method === "GET")
        .map(({ path }) => path).filter((path) => !path.startsWith(LEASES)),
    );
  const ever = inputs(api.requests.slice(0, from));
  await until("the lead again", () => two.log.messages().filter(isLeading).length === 2);
  askAddress(api, "last");
  await until("another address", () => addressOf(api, "last") !== "");
  const written = api.requests.findIndex(({ client, path }, at) =>
    at >= from && client === "B" && path.endsWith("/status")
  );
  const anew = inputs(api.requests.slice(from, written).filter(({ watch }) => !watch));
  assert.ok(ever.size >= 4, `it reads ${[...ever]}`);
  assert.deepEqual([...ever].sort(), [...anew].sort());
});

Deno.test("fault 7: a restart under a refused configuration moves nothing that MetalLB gave", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL));
  const given = ["10.77.1.20", "10.77.1.21", "10.77.1.22"];
  for (const [index, ip] of given.entries()) {
    askAddress(api, `old${index}`);
    const path = servicePath(`old${index}`);
    api.put(path, { ...api.get(path), status: { loadBalancer: { ingress: [{ ip }] } } });
  }
  const standing = () => given.map((_, index) => addressOf(api, `old${index}`));
  {
    await using first = await playController(api, "A");
    await until("one write for each", () => statusWriters(api).length === 3);
    api.put(CONFIG, configMap(ONE_POOL.replace("10.77.1.10-", "10.77.1.30-")));
    await until("the refusal", () => first.role.config.status().state === "stale");
  }
  await using second = await playController(api, "B");
  await until("the lead", second.leads);
  askAddress(api, "new");
  const reason = () => second.role.config.status().reason ?? "";
  await until("the refusal again", () => reason().includes("old2"));
  assert.deepEqual([standing(), addressOf(api, "new")], [given, ""]);
  api.put(CONFIG, configMap(ONE_POOL));
  await until("an address", () => addressOf(api, "new") !== "");
  assert.deepEqual([standing(), statusWriters(api).length], [given, 4], "once, at the takeover");
});

Deno.test("a takeover while another writes over a status holds up no other Service", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL));
  await using first = await playController(api, "A");
  askAddress(api, "web");
  await until("an address", () => addressOf(api, "web") !== "");
  await using second = await playController(api, "B");
  await until("a standby", () => second.role.notReady().length === 0);
  const end = api.fault(({ path }) => path.endsWith("/web/status") ? status(503, "") : undefined);
  api.put(servicePath("web"), overwritten(objectOr(api.get(servicePath("web")))));
  await first.end();
  await until("the takeover", second.leads);
  askAddress(api, "new");
  await until("the other's address", () => addressOf(api, "new") !== "");
  assert.equal(second.role.config.status().state, "loaded");
  end();
  await until("the status put right", () => addressOf(api, "web").startsWith("10.77.1."));
});

for (const [how, spoil] of [["written over", overwritten], ["cleared", cleared]] as const) {
  Deno.test(`a takeover while a status is ${how} gives its address back to its Service, and to nobody else`, () =>
    takeOverSpoilt(spoil));
}

async function takeOverSpoilt(spoil: (service: JsonObject) => JsonObject): Promise<void> {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL));
  await using first = await playController(api, "A");
  for (const name of ["other", "web"]) askAddress(api, name);
  await until(
    "two addresses",
    () => addressOf(api, "web") !== "" && addressOf(api, "other") !== "",
  );
  const before = addressOf(api, "web");
  await using second = await playController(api, "B");
  await until("a standby", () => second.role.notReady().length === 0);
  // The lowest address is free when the next leader begins.
  const end = api.fault(({ path }) => path.endsWith("/web/status") ? status(503, "") : undefined);
  api.put(servicePath("web"), spoil(objectOr(api.get(servicePath("web")))));
  api.remove(servicePath("other"));
  await pause(100);
  await first.end();
  await until("the takeover", second.leads);
  for (const name of ["new", "newer"]) askAddress(api, name);
  await until("addresses of the new ones", () => addressOf(api, "newer") !== "");
  end();
  await until("the status put right", () => addressOf(api, "web").startsWith("10.77.1."));
  assert.equal(addressOf(api, "web"), before);
  assert.ok(addressOf(api, "new") !== before && addressOf(api, "newer") !== before);
}

/** As the API server notes one that writes a node's address over what Herald gave. */
function overwritten(service: JsonObject): JsonObject {
  const fields = {
    herald: { "f:metadata": { "f:annotations": { "f:metallb.io/ip-allocated-from-pool": {} } } },
    k3s: { "f:status": { "f:loadBalancer": { "f:ingress": {} } } },
  };
  const managedFields = Object.entries(fields).map(([manager, fieldsV1]) => (
    { manager, operation: "Update", time: "2026-01-01T00:00:00Z", fieldsV1 }
  ));
  return {
    ...service,
    metadata: { ...objectOr(service.metadata), managedFields },
    status: { loadBalancer: { ingress: [{ ip: "192.168.0.5" }] } },
  };
}

/** As the API server notes one that takes the addresses away: not at all. */
function cleared(service: JsonObject): JsonObject {
  const metadata = objectOr(service.metadata);
  const managedFields = listOr(metadata.managedFields).map(objectOr).map((entry) => (
    { ...entry, fieldsV1: { ...objectOr(entry.fieldsV1), "f:status": undefined } }
  ));
  return { ...service, metadata: { ...metadata, managedFields }, status: { loadBalancer: {} } };
}

const isLeading = (msg: string) => msg.startsWith("leading");

Deno.test("a standby that accepted what takes addresses it had not heard of goes back when it leads", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(TWO_POOLS));
  await using first = await playController(api, "A");
  await until("the lead", first.leads);
  await using second = await playController(api, "B");
  await until("a standby", () => second.role.notReady().length === 0);
  const show = api.hide("B", ({ kind }) => kind === "Service");
  askAddress(api, "x", { "metallb.universe.tf/address-pool": "two" });
  await until("an address", () => addressOf(api, "x") !== "");
  const before = addressOf(api, "x");
  api.put(CONFIG, configMap(ONE_POOL));
  await until("the refusal of who knows", () => first.role.config.status().state === "stale");
  await until(
    "the acceptance of who does not",
    () => second.log.lines.filter(({ msg }) => msg === "configuration in force").length === 2,
  );
  await first.end();
  await until("the takeover", () => second.log.messages().some(isLeading));
  show();
  askAddress(api, "later", { "metallb.universe.tf/address-pool": "two" });
  await until("an address of the pool that stays", () => addressOf(api, "later") !== "");
  assert.equal(addressOf(api, "x"), before);
  assert.equal(second.role.config.status().state, "stale");
});

Deno.test("fault 16: a configuration that needs Namespaces waits until they are known, and what ran runs on", async () => {
  await using api = startFaultyApi();
  api.put("/api/v1/namespaces/default", { metadata: { labels: { team: "shop" } } });
  api.put(CONFIG, configMap(ONE_POOL));
  const grant = api.fault(({ path }) =>
    path === "/api/v1/namespaces" ? status(403, "cannot list resource namespaces") : undefined
  );
  await using one = await playController(api, "A", { clock: HURRIED_CLOCK });
  askAddress(api, "before");
  await until("an address", () => addressOf(api, "before") !== "");
  api.put(CONFIG, configMap(ONE_POOL.replace("]}]", "]}, ") + SHOP));
  await until("the wait", () => one.role.config.status().state === "stale");
  assert.match(one.role.config.status().reason ?? "", /labels of Namespaces.*stays in force/);
  api.remove(servicePath("before"));
  askAddress(api, "after", { "metallb.universe.tf/address-pool": "one" });
  await until("an address by the configuration before", () => addressOf(api, "after") !== "");
  assert.deepEqual(one.role.notReady(), []);
  grant();
  askAddress(api, "shop", { "metallb.universe.tf/address-pool": "shop" });
  await until("an address of the pool that waited", () => addressOf(api, "shop") !== "");
  assert.equal(one.role.config.status().state, "loaded");
});

Deno.test("a configuration that keeps addresses waits until those kept are known, and what ran runs on", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL));
  const grant = api.fault(({ path }) =>
    path === NOTE ? status(403, "cannot get resource configmaps") : undefined
  );
  await using one = await playController(api, "A", { clock: HURRIED_CLOCK });
  askAddress(api, "before");
  await until("an address", () => addressOf(api, "before") !== "");
  api.put(CONFIG, configMap(ONE_POOL.replace("layer2,", "layer2, sticky-time: 1h,")));
  await until("the wait", () => one.role.config.status().state === "stale");
  assert.match(one.role.config.status().reason ?? "", /kept for deleted Services.*stays in force/);
  askAddress(api, "after");
  await until("an address by the configuration before", () => addressOf(api, "after") !== "");
  grant();
  await until("the new one", () => one.role.config.status().state === "loaded");
  api.remove(servicePath("before"));
  await until("a note", () => api.get(NOTE) !== undefined);
});

const SHOP = "{name: shop, protocol: layer2, addresses: [10.77.3.10-10.77.3.19], " +
  "service-allocation: {namespace-selectors: [{match-labels: {team: shop}}]}}]";
