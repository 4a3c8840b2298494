import assert from "node:assert/strict";
import fc from "fast-check";
import { explainService } from "../../../lib/cli/explain.ts";
import { impactOf } from "../../../lib/cli/impact.ts";
import { parseConfig } from "../../../lib/config/parse.ts";
import { openTree } from "../../../lib/config/print.ts";
import type { Config } from "../../../lib/config/types.ts";
import { type ConfigKeeper, keepConfig } from "../../../lib/host/config/keeper.ts";
import { createLedger } from "../../../lib/host/controller/ledger.ts";
import { withInForce } from "../../../lib/host/inspect/in_force.ts";
import { unlessRefused } from "../../../lib/host/inspect/snapshot.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import type { ServiceFacts } from "../../../lib/model/facts.ts";
import { formatIp } from "../../../lib/net/ip.ts";
import { refusalOf } from "../../../lib/speaker/withdrawals.ts";
import { inForceText } from "../../../lib/status/in_force.ts";
import { ips, service, settleAll, world } from "../../controller/fixture.ts";
import { settled, virtualClock } from "../../support/clock.ts";
import { fedCluster } from "../../support/fed_cluster.ts";
import { logOf } from "../../support/log.ts";
import { NO_WORKERS } from "../../support/roles.ts";
import { RUN_OPTIONS } from "../../support/run_options.ts";

type Refuse = (config: Config, before: Config | undefined) => string | undefined;

/** A role's keeper of the configuration, through these texts one after another. */
async function keptThrough(texts: readonly string[], refuse: Refuse, opened?: (c: Config) => void) {
  const stop = new AbortController();
  const { cluster, list } = fedCluster();
  const keeper: ConfigKeeper = keepConfig({
    clock: virtualClock(),
    options: RUN_OPTIONS,
    cluster,
    log: logOf({}),
    metrics: createMetrics(),
    signal: stop.signal,
    workers: NO_WORKERS,
  }, { refuse, onChange: (config) => opened?.(config) });
  for (const [version, config] of texts.entries()) {
    const metadata = {
      name: "config",
      namespace: "metallb-system",
      uid: "u",
      resourceVersion: `${version + 1}`,
    };
    list("ConfigMap/metallb-system/config", { metadata, data: { config } });
    await settled();
  }
  stop.abort();
  return { inForce: keeper.current(), status: keeper.status() };
}

/** What everybody says of `after` where `before` is in force and `after` stands beside it. */
async function asked(before: string, after: string, all: ReadonlyMap<string, ServiceFacts>) {
  const services = { items: all, synced: true };
  const ledger = createLedger(services, undefined);
  const running = await keptThrough([before, after], ledger.refusal, (config) => {
    ledger.open(config);
    ledger.follow(config);
  });
  const standby = await keptThrough([before, after], createLedger(services, undefined).refusal);
  const restarted = await keptThrough([after], createLedger(services, undefined).refusal);
  const speaker = await keptThrough(
    [before, after],
    (next, from) => refusalOf(all.values(), from, next, undefined),
  );
  const snapshot = {
    description: "store /srv/lb",
    services: all,
    slices: [],
    nodes: new Map(),
    unread: [],
    ...unlessRefused({ config: read(after), configReason: "" }, all.values(), undefined),
  };
  const known = withInForce(snapshot, speaker.status.inForce);
  const first = impactOf(
    read(after),
    { ...snapshot, config: read(before), configReason: "" },
    undefined,
  );
  const again = impactOf(read(after), known, undefined);
  const explained = [...all.values()].map((facts) => explainService(facts, known, undefined));
  return { running, standby, restarted, speaker, known, first, again, explained };
}

function read(text: string): Config {
  return parseConfig(text, "test").config ?? assert.fail(text);
}

/** Of two halves of a small range, so that pools shrink, split, change names and grow. */
const RANGES = [["10.0.0.0-10.0.0.3", "fd00::-fd00::3"], ["10.0.0.4-10.0.0.7", "fd00::4-fd00::7"]];

const anyText = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("one", "two", "three"),
    half: fc.nat(1),
    both: fc.boolean(),
    narrow: fc.boolean(),
    buggy: fc.boolean(),
    auto: fc.boolean(),
    protocol: fc.constantFrom("layer2", "bgp"),
  }),
  { minLength: 1, maxLength: 2, selector: ({ half }) => half },
).filter((pools) => new Set(pools.map(({ name }) => name)).size === pools.length)
  .map((pools) =>
    JSON.stringify({
      "address-pools": pools.map(({ name, half, both, narrow, buggy, auto, protocol }) => ({
        name,
        protocol,
        "avoid-buggy-ips": buggy,
        "auto-assign": auto,
        addresses: (RANGES[half] ?? []).slice(0, both ? 2 : 1)
          .map((range) => narrow ? range.replace(/[37]$/, (last) => `${Number(last) - 2}`) : range),
      })),
    })
  );

const anyService = fc.record({
  ip4: fc.nat(8),
  ip6: fc.option(fc.nat(8), { nil: undefined }),
  dual: fc.boolean(),
  /** Undefined: MetalLB v0.12 gave it and wrote no annotation. */
  allocatedFrom: fc.constantFrom(undefined, undefined, "one", "two"),
  poolRequest: fc.constantFrom(undefined, undefined, undefined, "one", "two"),
  loadBalancerClass: fc.constantFrom(undefined, undefined, undefined, undefined, "x/y"),
  isLoadBalancer: fc.constantFrom(true, true, true, true, false),
  waiting: fc.constantFrom(false, false, false, true),
});

function servicesOf(
  made: readonly (typeof anyService extends fc.Arbitrary<infer T> ? T : never)[],
) {
  return made.map(({ ip4, ip6, dual, waiting, ...rest }, index) => {
    const six = dual && ip6 !== undefined ? [`fd00::${ip6}`] : [];
    const assigned = waiting ? [] : ips(`10.0.0.${ip4}`, ...six);
    return service(`s${index}`, {
      ...rest,
      createdMs: index,
      families: dual ? [4, 6] : [4],
      assigned,
      hasIngress: assigned.length > 0,
      ...waiting && { allocatedFrom: undefined },
    });
  });
}

Deno.test("a configuration that takes live addresses is judged the same by the running and the restarted controller, standby, speaker, validate and explain, and each shows the one in force (fault 8)", async () => {
  const seen = { refused: 0, taken: 0 };
  await fc.assert(
    fc.asyncProperty(
      anyText,
      anyText,
      fc.array(anyService, { minLength: 1, maxLength: 5 }),
      async (before, after, made) => {
        // All that a leader does under the one in force: it adopts, annotates, gives and clears.
        const at = world(read(before), ...servicesOf(made));
        settleAll(at);
        const said = await asked(before, after, at.services);
        const { running, standby, restarted, speaker, known, first, again, explained } = said;
        const refused = running.status.state === "stale";
        seen[refused ? "refused" : "taken"]++;
        assert.equal(first.refused, refused, "validate --against, before it stands");
        assert.equal(again.refused, refused, "validate --against, while it stands");
        assert.deepEqual(again.lost, first.lost, "the second run stops what the first one stopped");
        assert.equal(standby.status.state, running.status.state, "the standby");
        assert.equal(speaker.status.state, running.status.state, "the speaker");
        assert.equal(restarted.status.state, refused ? "none" : "loaded", "restarted");
        assert.equal(known.refused !== undefined, refused, "explain");
        const inForce = JSON.stringify(openTree(read(refused ? before : after)));
        for (const one of [running, standby, speaker]) {
          assert.equal(JSON.stringify(openTree(one.inForce ?? assert.fail())), inForce);
          assert.equal(
            JSON.stringify(one.status.inForce),
            refused ? inForce : undefined,
            "each shows it",
          );
        }
        assert.equal(restarted.inForce === undefined, refused, "it gives and takes nothing");
        assert.equal(JSON.stringify(openTree(known.config ?? assert.fail())), inForce);
        for (const { service: key, refused: why, inForce: shown, address } of explained) {
          assert.equal(why, known.refused);
          assert.equal(shown, refused ? inForceText(JSON.parse(inForce)) : undefined);
          const facts = at.services.get(key);
          if (!refused || facts === undefined || facts.loadBalancerClass !== undefined) continue;
          if (facts.isLoadBalancer) {
            assert.deepEqual(address.ips, facts.assigned.map(formatIp), key);
          }
        }
      },
    ),
    { seed: 8, numRuns: 150 },
  );
  assert.ok(seen.refused > 30 && seen.taken > 30, JSON.stringify(seen));
});
