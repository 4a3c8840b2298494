import assert from "node:assert/strict";
import type { Lead } from "../../../lib/host/cluster/cluster.ts";
import { LONE_WRITER } from "../../../lib/model/status_manager.ts";
import { machineTime } from "../../../lib/host/process/pauses.ts";
import { type JsonObject, listOr, objectOr, textOf } from "../../../lib/model/json.ts";
import { HURRIED_CLOCK } from "../../support/clock.ts";
import { type FaultyApi, startFaultyApi } from "../../support/faulty_api.ts";
import {
  addressOf,
  askAddress,
  CONFIG,
  configMap,
  ELECTION,
  givenTwice,
  LEASE,
  LEASES,
  ONE_POOL,
  playController,
  type PlayedController,
  servicePath,
  SERVICES,
  statusWriters,
} from "../../support/faulty_controllers.ts";
import { status, until } from "../../support/mock_api.ts";
import { pause } from "../../support/wait.ts";

/** As the API server says it until it has read its roles. */
function refuseLeases(api: FaultyApi, which = (_path: string) => true): () => void {
  const verbs: Readonly<Record<string, string>> = { GET: "get", POST: "create", PUT: "update" };
  return api.fault(({ method, path }) =>
    path.startsWith(LEASES) && which(path)
      ? status(403, `leases is forbidden: User "c" cannot ${verbs[method]} resource "leases"`)
      : undefined
  );
}

/** Each one's watch misses every other Service as long as nobody touches it. */
function missHalf(api: FaultyApi, controllers: readonly PlayedController[]): () => void {
  const undo = controllers.map(({ name }, at) =>
    api.hide(
      name,
      ({ kind, metadata }) =>
        kind === "Service" && Number(/\d+$/.exec(String(objectOr(metadata).name))?.[0]) % 2 === at,
    )
  );
  return () => undo.forEach((one) => one());
}

function touchAll(api: FaultyApi): void {
  for (const service of api.list(SERVICES)) {
    const metadata = objectOr(service.metadata);
    const labels = { touched: String(api.requests.length) };
    api.put(servicePath(String(metadata.name)), { ...service, metadata: { ...metadata, labels } });
  }
}

/** It leads, and has read what there is. */
const hasRead = ({ log }: PlayedController) =>
  log.messages().some((msg) => msg.startsWith("leading"));
const roleOf = ({ role }: PlayedController): Lead["kind"] | undefined =>
  role.controller?.().lead?.role;

Deno.test("fault 3a: two controllers whose Lease was refused at the start elect a leader as soon as it is not", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL));
  const grant = refuseLeases(api);
  await using one = await playController(api, "A");
  await using two = await playController(api, "B");
  const both = [one, two];
  await until("the end of patience", () => both.every((each) => roleOf(each) === "alone"));
  grant();
  await until("one leader", () => both.map(roleOf).sort().join() === "leader,standby");
  const show = missHalf(api, both);
  for (let at = 0; at < 6; at++) askAddress(api, `s${at}`);
  await until("what the leader sees", () => statusWriters(api).length >= 3);
  show();
  touchAll(api);
  const names = [0, 1, 2, 3, 4, 5].map((at) => `s${at}`);
  await until("all addresses", () => names.every((name) => addressOf(api, name) !== ""));
  assert.equal(new Set(statusWriters(api)).size, 1);
  assert.deepEqual(givenTwice(api), []);
});

Deno.test("fault 3b: of two controllers that may never have a Lease one falls silent when it sees the other write", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL));
  refuseLeases(api);
  await using one = await playController(api, "A");
  await using two = await playController(api, "B");
  const both = [one, two];
  await until("the end of patience", () => both.every((each) => roleOf(each) === "alone"));
  assert.match(await one.metrics.registry.metrics(), /^herald_leader_election_refused 1$/m);
  await until(
    "two that see each other",
    () => both.every((each) => each.role.notReady().length === 0),
  );
  const show = missHalf(api, both);
  for (let at = 0; at < 6; at++) askAddress(api, `s${at}`);
  await until("writes of both", () => new Set(statusWriters(api)).size === 2);
  show();
  touchAll(api);
  await until("one that is silent", () => both.some((each) => roleOf(each) === "standby"));
  const silent = both.find((each) => roleOf(each) === "standby");
  assert.match(
    silent?.role.notReady().join() ?? "",
    new RegExp(`another controller.*${LONE_WRITER}`),
  );
  assert.equal(both.filter((each) => roleOf(each) === "alone").length, 1);
  await until("no address that stands twice", () => givenTwice(api).length === 0);
  const from = api.requests.length;
  askAddress(api, "later");
  await until("its address", () => addressOf(api, "later") !== "");
  await pause(100);
  assert.equal(new Set(statusWriters(api, from)).size, 1);
});

Deno.test("fault 3: of two controllers that lead by a Lease each one falls silent when it sees the other write", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL));
  await using one = await playController(api, "A");
  const leaderElection = { ...ELECTION, namespace: "other" };
  await using two = await playController(api, "B", { options: { leaderElection } });
  const both = [one, two];
  await until("two leaders", () => both.every(hasRead));
  const show = missHalf(api, both);
  for (let at = 0; at < 6; at++) askAddress(api, `s${at}`);
  await until("writes of both", () => new Set(statusWriters(api)).size === 2);
  show();
  touchAll(api);
  await until("one that is silent", () => both.some((each) => !each.leads()));
  assert.ok(one.leads(), "always the same one is silent");
  assert.match(two.role.notReady().join(), /herald\+metallb-system\/herald-controller.*one Lease/);
  await until("no address that stands twice", () => givenTwice(api).length === 0);
  const from = api.requests.length;
  askAddress(api, "later");
  await until("its address", () => addressOf(api, "later") !== "");
  await pause(100);
  assert.deepEqual(new Set(statusWriters(api, from)), new Set(["A"]));
});

Deno.test("fault 4: two controllers of two classes that gave one address at one moment: one takes it back, once", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL));
  await using plain = await playController(api, "A");
  const leaderElection = { ...ELECTION, name: "herald-blue" };
  const options = { lbClass: "blue", leaderElection };
  await using blue = await playController(api, "B", { options });
  const both = [plain, blue];
  await until("two leaders", () => both.every(hasRead));
  const isBlue = (object: JsonObject) => objectOr(object.spec).loadBalancerClass === "blue";
  const shows = [api.hide("A", isBlue), api.hide("B", (object) => !isBlue(object))];
  const names = ["s0", "s1", "s2", "s3"];
  for (const name of names) askAddress(api, name, {}, name < "s2" ? undefined : "blue");
  await until("addresses", () => names.every((name) => addressOf(api, name) !== ""));
  assert.equal(givenTwice(api).length, 2);
  const before = names.map((name) => addressOf(api, name));
  for (const show of shows) show();
  touchAll(api);
  await until("no address that stands twice", () => givenTwice(api).length === 0);
  await pause(100);
  const moved = names.filter((name, at) => addressOf(api, name) !== before[at]);
  assert.equal(moved.length, 2, `${moved} moved`);
  assert.equal(statusWriters(api).length, 6, "each gave two, and two moved");
});

Deno.test("fault 4: an address whose Service's status is cleared is given by no controller of another class", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL));
  await using plain = await playController(api, "A");
  const leaderElection = { ...ELECTION, name: "herald-blue" };
  await using blue = await playController(api, "B", {
    options: { lbClass: "blue", leaderElection },
  });
  await until("two leaders", () => [plain, blue].every(hasRead));
  askAddress(api, "web");
  await until("an address", () => addressOf(api, "web") !== "");
  const before = addressOf(api, "web");
  const end = api.fault(({ client, path }) =>
    client === "A" && path.endsWith("/status") ? status(503, "busy") : undefined
  );
  const service = objectOr(api.get(servicePath("web")));
  const metadata = objectOr(service.metadata);
  // Nobody has written the status any more.
  const managedFields = listOr(metadata.managedFields).map(objectOr).map((entry) => (
    { ...entry, fieldsV1: { ...objectOr(entry.fieldsV1), "f:status": undefined } }
  ));
  api.put(servicePath("web"), { ...service, metadata: { ...metadata, managedFields }, status: {} });
  await pause(100);
  for (const name of ["b1", "b2"]) askAddress(api, name, {}, "blue");
  await until("addresses of the other class", () => addressOf(api, "b2") !== "");
  assert.deepEqual([addressOf(api, "b1"), addressOf(api, "b2")].includes(before), false);
  end();
  await until("the address again", () => addressOf(api, "web") === before);
});

Deno.test("a Service that goes from one class to another silences neither controller", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL));
  await using plain = await playController(api, "A");
  const leaderElection = { ...ELECTION, name: "herald-blue" };
  await using blue = await playController(api, "B", {
    options: { lbClass: "blue", leaderElection },
  });
  const both = [plain, blue];
  await until("two leaders", () => both.every(hasRead));
  for (const [from, to] of [["blue", undefined], [undefined, "blue"]] as const) {
    const name = `from-${from}`;
    askAddress(api, name, {}, from);
    await until("an address", () => addressOf(api, name) !== "");
    // By way of another type: that empties the status, and who wrote it stays noted.
    const { spec, ...rest } = objectOr(api.get(servicePath(name)));
    const emptied = { ...rest, status: { loadBalancer: {} } };
    const { loadBalancerClass: _, ...plainSpec } = objectOr(spec);
    api.put(servicePath(name), { ...emptied, spec: { ...plainSpec, type: "ClusterIP" } });
    const ofClass = to === undefined ? {} : { loadBalancerClass: to };
    api.put(servicePath(name), { ...emptied, spec: { ...plainSpec, ...ofClass } });
    await until("an address by the other", () => addressOf(api, name) !== "");
    assert.ok(both.every((each) => each.leads()), `${both.map(roleOf)} after ${from} to ${to}`);
  }
});

Deno.test("fault 18: a Lease that is deleted under a slow leader makes no second one", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL));
  await using one = await playController(api, "A");
  await until("the lead", one.leads);
  askAddress(api, "first");
  await until("an address", () => addressOf(api, "first") !== "");
  api.fault(({ client, path, watch }, next) =>
    client === "A" && path.startsWith(LEASES) && !watch ? api.delay(1_000).then(next) : undefined
  );
  const from = api.requests.length;
  api.remove(LEASE);
  await using two = await playController(api, "B");
  const show = missHalf(api, [one, two]);
  await until(
    "a look for the Lease",
    () =>
      api.requests.some(({ client, path, status }) =>
        client === "B" && path === LEASE && status === 404
      ),
  );
  await pause(100);
  for (let at = 0; at < 10; at++) askAddress(api, `s${at}`);
  await pause(100);
  await until("the Lease again", () => api.get(LEASE) !== undefined);
  const holder = textOf(objectOr(api.get(LEASE)?.spec).holderIdentity);
  show();
  touchAll(api);
  const names = [...Array(10).keys()].map((at) => `s${at}`);
  await until("all addresses", () => names.every((name) => addressOf(api, name) !== ""));
  assert.deepEqual(givenTwice(api), []);
  const writers = statusWriters(api, from);
  assert.equal(writers.indexOf("A", writers.indexOf("B") + 1), writers.indexOf("B") < 0 ? 0 : -1);
  assert.ok(holder);
});

Deno.test("fault 11: a watch that is refused once is opened again after the next list", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL));
  let refusals = 0;
  api.fault(({ path, watch }) =>
    watch && path === SERVICES && refusals++ < 1
      ? status(403, 'services is forbidden: cannot watch resource "services"')
      : undefined
  );
  await using one = await playController(api, "A", { clock: HURRIED_CLOCK });
  await until("the lead", one.leads);
  const opened = () => api.requests.filter(({ path, watch }) => watch && path === SERVICES).length;
  await until("another watch", () => opened() === 2);
  const lists = api.requests.filter(({ method, path, watch }) =>
    method === "GET" && path === SERVICES && !watch
  );
  assert.ok(lists.length <= 3, `${lists.length} lists`);
  askAddress(api, "web");
  await until("an address", () => addressOf(api, "web") !== "");
});

for (const clock of ["boot", "wall"] as const) {
  Deno.test(`fault 19: a leader whose machine stood writes nothing when it goes on, by the ${clock} clock`, async () => {
    await using api = startFaultyApi();
    api.put(CONFIG, configMap(ONE_POOL));
    let stoodMs = 0;
    const time = {
      ...machineTime,
      bootMs: () => machineTime.bootMs() + (clock === "boot" ? stoodMs : 0),
      wallMs: () => machineTime.wallMs() + (clock === "wall" ? stoodMs : 0),
    };
    await using one = await playController(api, "A", { time });
    await until("the lead", one.leads);
    askAddress(api, "first");
    await until("an address", () => addressOf(api, "first") !== "");
    // Another has led for long when it wakes; only the machine's clocks know of it.
    stoodMs = 20_000;
    api.fault(({ client, path, watch }) =>
      client === "A" && path.startsWith(LEASES) && !watch ? status(503, "busy") : undefined
    );
    const from = api.requests.length;
    for (let at = 0; at < 12; at++) askAddress(api, `s${at}`);
    await until("the end of the lead", () => !one.leads());
    await pause(100);
    assert.deepEqual(statusWriters(api, from), []);
  });
}
