// deno-lint-ignore-file no-console -- tells the seed and what was checked
import assert from "node:assert/strict";
import fc from "fast-check";
import type { NamespaceFacts } from "../../../lib/model/facts.ts";
import type { Ip } from "../../../lib/net/ip.ts";
import { edit, meddle, remove } from "./api.ts";
import { bare, CONFIGS, first, NAMES, type Step, step } from "./arbitrary.ts";
import {
  changeConfig,
  changeNamespaces,
  type Counts,
  createWorld,
  depose,
  land,
  listen,
  noCounts,
  noteForeign,
  offerUnheard,
  settle,
  takeOver,
  wait,
  type World,
} from "./world.ts";
import { isEligible, isForeign } from "./model.ts";

// A failing sequence is shrunk and printed with its seed and path. `HERALD_SEED=N HERALD_PATH=P`
// replays it alone; `HERALD_SEED=N` plays other sequences, `HERALD_SEQUENCES=N` more or fewer.
const SEED = Number(Deno.env.get("HERALD_SEED") ?? 20240229);
const PATH = Deno.env.get("HERALD_PATH");
const SEQUENCES = Number(Deno.env.get("HERALD_SEQUENCES") ?? 20_000);

/** So many writes of leaders before, or given up by their senders, are on their way at most. */
const MAX_STRAY = 4;

function namespaces(team: boolean): ReadonlyMap<string, NamespaceFacts> {
  const labels = new Map(team ? [["team", "yes"]] : []);
  return new Map([["team", { name: "team", labels }]]);
}

function perform(world: World, change: Step): void {
  const { api } = world;
  switch (change.kind) {
    case "put":
      return change.edits.forEach(({ name, part }) => {
        const created = bare(name);
        if (api.services.get(created.key)?.facts.deleting) return;
        // Whoever serves the other class puts its own things into the status.
        const isTheirs = part.loadBalancerClass !== undefined;
        const before = api.services.get(created.key)?.facts;
        edit(api, created, isTheirs ? { ...part, assigned: [], hasIngress: false } : part);
        const stored = api.services.get(created.key);
        // Of what another class's controller gave nobody here can tell to whom it belongs.
        if (stored !== undefined && before !== undefined && isForeign(before)) {
          stored.meddled = true;
        }
      });
    case "meddle": {
      const facts = api.services.get(bare(change.name).key)?.facts;
      if (facts === undefined || facts.deleting || !isEligible(facts)) return;
      return meddle(api, facts.key, change.ip === undefined ? [] : [change.ip]);
    }
    case "foreign": {
      const facts = api.services.get(bare(change.name).key)?.facts;
      if (facts === undefined || facts.deleting || !isForeign(facts)) return;
      meddle(api, facts.key, change.ip === undefined ? [] : [change.ip]);
      return noteForeign(world);
    }
    case "delete":
      return remove(api, bare(change.name).key);
    case "markDeleting":
      if (!api.services.has(bare(change.name).key)) return;
      return edit(api, bare(change.name), { deleting: true });
    case "recreate": {
      const { key } = bare(change.name);
      if (!api.services.has(key)) return;
      remove(api, key);
      return edit(api, bare(change.name), {});
    }
    case "config":
      return changeConfig(world, CONFIGS[change.index] ?? assert.fail());
    case "unheard":
      return offerUnheard(world, CONFIGS[change.index] ?? assert.fail());
    case "depose":
      return depose(world);
    case "rights":
      world.mayWrite = change.granted;
      return;
    case "relabel":
      return changeNamespaces(world, namespaces(change.team));
    case "wait":
      return wait(world, change.ms);
    case "hear":
      return listen(world, change.count);
    case "land": {
      const flight = api.flights[change.index % Math.max(1, api.flights.length)];
      return flight && land(world, flight, change.fate);
    }
    case "takeOver":
      takeOver(world, change.seed);
      return dropStrays(world);
    case "settle":
      return settle(world, change.seed);
  }
}

/** Of the writes that nobody waits for, the oldest never arrive. */
function dropStrays({ api, leader }: World): void {
  const stray = api.flights.filter((flight) => !leader.awaited.has(flight));
  for (const flight of stray.slice(0, -MAX_STRAY)) {
    api.flights.splice(api.flights.indexOf(flight), 1);
  }
}

function play(at: number, steps: readonly Step[], counts: Counts, salt = ""): World {
  const world = createWorld(CONFIGS[at] ?? assert.fail(), namespaces(true), counts, salt);
  for (const change of steps) perform(world, change);
  settle(world);
  return world;
}

function statuses({ api }: World): readonly (readonly [key: string, assigned: readonly Ip[]])[] {
  return [...api.services].map(([key, { facts }]) => [key, facts.assigned] as const);
}

/** S12: when all Services are gone and nothing is kept for them any more, no table holds anything. */
function checkEmptied(world: World): void {
  for (const key of [...world.api.services.keys()]) remove(world.api, key);
  settle(world);
  wait(world, 100_000);
  const {
    contested,
    holdings,
    retiring,
    users,
    sharedIps,
    waiting,
    reported,
    remembered,
    keptFor,
  } = world.leader.book;
  const sizes = [
    contested,
    holdings,
    retiring,
    users,
    sharedIps,
    waiting,
    reported,
    remembered,
    keptFor,
  ]
    .map(({ size }) => size);
  assert.deepEqual(sizes, sizes.map(() => 0), "S12: a table is not empty");
}

Deno.test("S5 S6 S7 S8 S10 S12 planBatch() holds in any sequence of edits, configurations, other writers and classes, lost writes, rights and leads", () => {
  const counts = noCounts();
  const begun = performance.now();
  fc.assert(
    fc.property(first, fc.array(step, { maxLength: 50, size: "max" }), (at, steps) => {
      const world = play(at, steps, counts);
      // Equal sequences give equal addresses on every cluster, whatever UIDs it makes.
      if (counts.sequences % 20 === 0) {
        assert.deepEqual(statuses(play(at, steps, noCounts(), "z")), statuses(world), "five runs");
      }
      checkEmptied(world);
      counts.sequences++;
      counts.steps += steps.length;
    }),
    { seed: SEED, numRuns: SEQUENCES, ...PATH !== undefined && { path: PATH } },
  );
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`${JSON.stringify(counts)} in ${seconds} s, seed ${SEED}`);
});

Deno.test("the sequences know every name that they use", () => {
  assert.equal(new Set(NAMES.map((name) => bare(name).key)).size, NAMES.length);
});
