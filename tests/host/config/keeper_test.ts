import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import type { ClusterEvent } from "../../../lib/host/cluster/cluster.ts";
import { type ConfigKeeper, keepConfig } from "../../../lib/host/config/keeper.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import type { Config } from "../../../lib/config/types.ts";
import { fedCluster } from "../../support/fed_cluster.ts";
import { RUN_OPTIONS } from "../../support/run_options.ts";
import { NO_WORKERS } from "../../support/roles.ts";
import { logOf } from "../../support/log.ts";
import { settled } from "../../support/clock.ts";

const GOOD = "address-pools: [{name: a, protocol: layer2, addresses: [10.0.0.0/24]}]\n";
const OTHER = GOOD.replace("10.0.0.0", "10.1.0.0");
const BAD = GOOD.replace("layer2", "layer3");

/** A keeper on a ConfigMap that the test sets. */
function workshop(
  refuse: (config: Config) => string | undefined = () => undefined,
  ready?: () => boolean,
) {
  const stop = new AbortController();
  const events: ClusterEvent[] = [];
  const lines: string[] = [];
  const inForce: Config[] = [];
  const { cluster, list } = fedCluster({
    publishEvent: (event) => Promise.resolve(void events.push(event)),
  });
  const note = (level: string) => (fields: object, msg: string) =>
    void lines.push(`${level} ${msg} ${JSON.stringify(fields)}`);
  const log = logOf({ info: note("info"), warn: note("warn"), error: note("error") });
  const metrics = createMetrics();
  const context = {
    clock: systemClock,
    options: RUN_OPTIONS,
    cluster,
    log,
    metrics,
    signal: stop.signal,
    workers: NO_WORKERS,
  };
  const keeper: ConfigKeeper = keepConfig(context, {
    component: "metallb-controller",
    refuse,
    ...ready && { ready },
    onChange: (config) => void inForce.push(config),
  });
  let version = 0;
  const set = async (text: string | undefined) => {
    const metadata = {
      name: "config",
      namespace: "metallb-system",
      uid: "u",
      resourceVersion: `${++version}`,
    };
    const objects = text === undefined ? [] : [{ metadata, data: { config: text } }];
    list("ConfigMap/metallb-system/config", ...objects);
    await settled();
  };
  const gauges = async () => {
    const text = await metrics.registry.metrics();
    return ["loaded", "stale"].map((name) =>
      Number(new RegExp(`^metallb_k8s_client_config_${name}_bool (\\d)`, "m").exec(text)?.[1])
    );
  };
  return { keeper, set, events, lines, inForce, gauges, stop };
}

Deno.test("keepConfig() puts a good configuration in force and says so in status and metrics", async () => {
  const { keeper, set, inForce, gauges } = workshop();
  assert.equal(keeper.current(), undefined);
  assert.deepEqual(await gauges(), [0, 0]);
  await set(GOOD);
  assert.equal(inForce.length, 1);
  assert.equal(keeper.current(), inForce[0]);
  assert.equal(keeper.status().state, "loaded");
  assert.deepEqual(await gauges(), [1, 0]);
  await set(GOOD);
  assert.equal(inForce.length, 1, "the same text under another version is no change");
});

Deno.test("keepConfig() leaves the last good one in force when a bad one comes, and tells everyone", async () => {
  const { keeper, set, inForce, gauges, events, lines } = workshop();
  await set(GOOD);
  await set(BAD);
  assert.equal(keeper.current(), inForce[0]);
  assert.deepEqual(await gauges(), [1, 1]);
  const { state, problems } = keeper.status();
  assert.equal(state, "stale");
  assert.deepEqual(problems.map(({ source, line, column }) => `${source}:${line}:${column}`), [
    "configmap metallb-system/config key config:1:37",
  ]);
  assert.equal(events.length, 1);
  assert.deepEqual([events[0]?.type, events[0]?.reason, events[0]?.about.name], [
    "Warning",
    "ConfigRejected",
    "config",
  ]);
  assert.match(events[0]?.message ?? "", /config:1:37: "protocol" must be/);
  assert.ok(
    lines.some((line) => /^error configuration mistake .*key config:1:37/.test(line)),
    lines.join("\n"),
  );
  await set(BAD);
  assert.equal(events.length, 1, "one text is complained about once");
  await set(OTHER);
  assert.deepEqual([keeper.status().state, inForce.length, await gauges()], ["loaded", 2, [1, 0]]);
});

Deno.test("keepConfig() does not put in force what the role refuses", async () => {
  const { keeper, set, inForce, events } = workshop((config) =>
    config.pools[0]?.ranges[0]?.text === "10.1.0.0/24" ? "it would take an address" : undefined
  );
  await set(GOOD);
  await set(OTHER);
  assert.equal(keeper.current(), inForce[0]);
  assert.match(keeper.status().reason ?? "", /it would take an address/);
  assert.match(events[0]?.message ?? "", /it would take an address/);
});

Deno.test("C10: keepConfig() keeps the last one when the ConfigMap goes, and takes the same one back without a change", async () => {
  const { keeper, set, inForce } = workshop();
  await set(GOOD);
  await set(undefined);
  assert.equal(keeper.current(), inForce[0]);
  assert.equal(keeper.status().state, "stale");
  await set(GOOD);
  assert.equal(keeper.status().state, "loaded");
});

Deno.test("keepConfig() starts with nothing in force when the first one is bad", async () => {
  const { keeper, set, gauges } = workshop();
  await set(BAD);
  assert.equal(keeper.current(), undefined);
  assert.equal(keeper.status().state, "none");
  assert.deepEqual(await gauges(), [0, 1]);
});

Deno.test("reconsider() puts a refused configuration in force once nothing stands against it", async () => {
  let stands = true;
  const { keeper, set, inForce, events, gauges } = workshop((config) =>
    stands && config.pools[0]?.ranges[0]?.text === "10.1.0.0/24" ? "web has an address" : undefined
  );
  await set(GOOD);
  await set(OTHER);
  keeper.reconsider();
  keeper.reconsider();
  assert.equal(events.length, 1, "a refusal is told once");
  assert.deepEqual(await gauges(), [1, 1]);
  stands = false;
  keeper.reconsider();
  assert.equal(inForce.length, 2);
  assert.deepEqual([keeper.status().state, await gauges()], ["loaded", [1, 0]]);
  keeper.reconsider();
  assert.equal(inForce.length, 2, "what is in force is not put in force again");
});

Deno.test("reconsider() asks nothing of a configuration that is no more there", async () => {
  let refusing = true;
  const { keeper, set, inForce } = workshop(() => refusing ? "no" : undefined);
  await set(GOOD);
  await set(undefined);
  refusing = false;
  keeper.reconsider();
  assert.equal(inForce.length, 0);
});

Deno.test("keepConfig() lets a good configuration wait until all is known by which to refuse", async () => {
  let known = false;
  const { keeper, set, inForce, events } = workshop(() => "web has an address", () => known);
  await set(GOOD);
  assert.equal(keeper.current(), undefined);
  assert.match(keeper.status().reason ?? "", /waits until all Services are known/);
  assert.equal(events.length, 0);
  known = true;
  keeper.reconsider();
  assert.deepEqual([inForce.length, events.length], [0, 1]);
  assert.match(keeper.status().reason ?? "", /web has an address/);
});
