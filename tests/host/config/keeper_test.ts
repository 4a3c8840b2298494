import assert from "node:assert/strict";
import type { ClusterEvent } from "../../../lib/host/cluster/cluster.ts";
import { type ConfigKeeper, keepConfig } from "../../../lib/host/config/keeper.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import type { Config } from "../../../lib/config/types.ts";
import { serviceKey } from "../../../lib/model/facts.ts";
import { conflictText, STAYS } from "../../../lib/model/address_conflict.ts";
import { ip } from "../../controller/fixture.ts";
import { broken, MARK, MARKED } from "../../config/marked.ts";
import { fedCluster } from "../../support/fed_cluster.ts";
import { RUN_OPTIONS } from "../../support/run_options.ts";
import { NO_WORKERS } from "../../support/roles.ts";
import { logOf } from "../../support/log.ts";
import { settled, virtualClock } from "../../support/clock.ts";

const GOOD = "address-pools: [{name: a, protocol: layer2, addresses: [10.0.0.0/24]}]\n";
const OTHER = GOOD.replace("10.0.0.0", "10.1.0.0");
const BAD = GOOD.replace("layer2", "layer3");

/** A keeper on a ConfigMap that the test sets. */
function workshop(
  refuse: (config: Config) => string | undefined = () => undefined,
  waitsFor?: () => string | undefined,
  tells = () => true,
) {
  const stop = new AbortController();
  const events: ClusterEvent[] = [];
  const lines: string[] = [];
  const inForce: Config[] = [];
  const { cluster, list } = fedCluster();
  const clock = virtualClock();
  const note = (level: string) => (fields: object, msg: string) =>
    void lines.push(`${level} ${msg} ${JSON.stringify(fields)}`);
  const log = logOf({ info: note("info"), warn: note("warn"), error: note("error") });
  const metrics = createMetrics();
  const context = {
    clock,
    options: RUN_OPTIONS,
    cluster,
    log,
    metrics,
    signal: stop.signal,
    workers: NO_WORKERS,
  };
  const keeper: ConfigKeeper = keepConfig(context, {
    tell: (event) => tells() && events.push(event) > 0,
    refuse,
    ...waitsFor && { waitsFor },
    onChange: (config) => void inForce.push(config),
  });
  let version = 0;
  const set = async (text: string | undefined, uid = "u") => {
    const metadata = {
      name: "config",
      namespace: "metallb-system",
      uid,
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
  const scrape = () => metrics.registry.metrics();
  return { clock, keeper, set, events, lines, inForce, gauges, scrape, stop };
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
  assert.deepEqual(events, [{
    about: { kind: "ConfigMap", namespace: "metallb-system", name: "config", uid: "u" },
    standing: true,
    type: "Warning",
    reason: "ConfigRejected",
    message: "the configuration has 1 mistake; the configuration before it stays in force: " +
      '(1) line 1:37: "protocol" must be layer2 or bgp, not "layer3"; did you mean "layer2"?',
    component: "metallb-controller",
  }]);
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
  assert.equal(events[0]?.message, "it would take an address");
});

Deno.test("field d14: each rejection says once what stays in force", async () => {
  const conflict = { service: serviceKey("default", "web"), ip: ip("10.0.0.1"), pool: "a" };
  const { keeper, set, events } = workshop((config) =>
    config.pools[0]?.ranges[0]?.text === "10.1.0.0/24" ? conflictText([conflict], STAYS) : undefined
  );
  for (
    const texts of [[BAD, `${BAD}${BAD}`, "[]"], [GOOD, BAD, OTHER, `${OTHER}\n`, "", "a: [b"]]
  ) {
    for (const text of texts) {
      await set(text);
      if (text === GOOD) continue;
      const message = events.at(-1)?.message ?? "";
      for (const said of [message, keeper.status().reason ?? ""]) {
        assert.equal(said.match(/in force/g)?.length, 1, said);
      }
    }
  }
  assert.equal(events.length, 8);
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
  const { keeper, set, inForce, events } = workshop(
    () => "web has an address",
    () => known ? undefined : "it waits until all Services are known",
  );
  await set(GOOD);
  keeper.resume();
  assert.equal(keeper.current(), undefined);
  assert.match(keeper.status().reason ?? "", /waits until all Services are known/);
  assert.equal(events.length, 0);
  known = true;
  keeper.resume();
  assert.deepEqual([inForce.length, events.length], [0, 1]);
  assert.match(keeper.status().reason ?? "", /web has an address/);
});

Deno.test("keepConfig() tells how many mistakes there are, the first of them, and logs all", async () => {
  const { set, events, lines } = workshop();
  const wrong = Array.from({ length: 40 }, (_, index) => `key-number-${index}: 1\n`);
  await set(GOOD + wrong.join(""));
  const message = events[0]?.message ?? "";
  assert.match(
    message,
    /^the configuration has 40 mistakes, all in the log; nothing is in force: \(1\) line 2:1: /,
  );
  assert.match(message, / \(6\) line 7:1: .* and 34 more$/);
  assert.ok(message.length < 1_024, `${message.length}`);
  assert.equal(lines.filter((line) => line.startsWith("error configuration mistake")).length, 40);
  await set(wrong.concat(wrong, wrong).map((line, at) => line.replace(":", `-${at}:`)).join(""));
  assert.match(
    events[1]?.message ?? "",
    /^the configuration has more than 100 problems, the first of them in the log; nothing /,
  );
});

Deno.test("keepConfig() tells of what stands rejected once it is its task, unless it was mended", async () => {
  let leads = false;
  const { keeper, set, events } = workshop(undefined, undefined, () => leads);
  await set(BAD);
  keeper.tellStanding();
  assert.equal(events.length, 0, "another tells");
  leads = true;
  keeper.tellStanding();
  keeper.tellStanding();
  assert.equal(events.length, 1);
  leads = false;
  await set(`${BAD}\n`);
  await set(GOOD);
  leads = true;
  keeper.tellStanding();
  await set(BAD);
  assert.equal(events.length, 2);
  leads = false;
  await set(`${BAD}\n`);
  await set(undefined);
  leads = true;
  keeper.tellStanding();
  assert.equal(events.length, 2, "what is gone is not told of");
});

Deno.test("keepConfig() tells of the same bad text again where another ConfigMap has it", async () => {
  const { set, events } = workshop();
  await set(BAD, "first");
  await set(BAD, "second");
  assert.deepEqual(events.map(({ about }) => about.uid), ["first", "second"]);
});

Deno.test("keepConfig() reminds of what stands rejected before the API server forgets it", async () => {
  const { clock, set, events } = workshop();
  await set(BAD);
  await clock.elapse(59 * 60_000);
  assert.equal(events.length, 2);
  assert.deepEqual(events[1], events[0]);
  await set(GOOD);
  await clock.elapse(3_600_000);
  assert.equal(events.length, 2);
});

Deno.test("keepConfig() lets what is in force go on while a newer one waits, and takes that when it may", async () => {
  let lacking: string | undefined;
  const { keeper, set, inForce, gauges } = workshop(undefined, () => lacking);
  await set(GOOD);
  lacking = "it waits until the labels of Namespaces are known";
  await set(`${GOOD}# newer\n`);
  keeper.resume();
  assert.equal(keeper.current(), inForce[0]);
  assert.deepEqual([keeper.status().state, await gauges()], ["stale", [1, 1]]);
  assert.match(keeper.status().reason ?? "", /Namespaces are known; the configuration before/);
  lacking = undefined;
  keeper.resume();
  assert.deepEqual([inForce.length, keeper.status().state], [2, "loaded"]);
});

Deno.test("refresh() goes back to the configuration before where the one in force takes addresses", async () => {
  let taking: readonly Config[] = [];
  const { keeper, set, inForce, events } = workshop((one) =>
    taking.includes(one) ? "it would take the address of web" : undefined
  );
  await set(GOOD);
  await set(`${GOOD}# newer\n`);
  await keeper.refresh();
  assert.equal(keeper.current(), inForce[1], "nothing stands against it");
  taking = inForce.slice(1);
  await keeper.refresh();
  assert.equal(keeper.current(), inForce[0]);
  assert.deepEqual([keeper.status().state, events.length], ["stale", 1]);
  taking = inForce.slice(0, 1);
  await keeper.refresh();
  assert.equal(keeper.current(), undefined, "nothing is better than what takes addresses");
});

Deno.test("a keeper that runs tells no secret of a configuration in log, events, metrics and status (fault 9)", async () => {
  const { keeper, set, events, lines, scrape, stop } = workshop();
  let turn = 0;
  for (const document of MARKED) {
    for (const text of [document, ...broken(document)]) {
      if (text !== document && turn++ % 997 !== 0) continue;
      await set(text);
      const said = JSON.stringify([events.splice(0), lines.splice(0), keeper.status()]);
      assert.ok(!said.includes(MARK), `${text}\n=> ${said}`);
    }
  }
  assert.ok(!(await scrape()).includes(MARK));
  stop.abort();
});
