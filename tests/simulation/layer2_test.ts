// deno-lint-ignore-file no-console -- tells the seeds and what was checked
import assert from "node:assert/strict";
import { DEFAULT_TIMING, RING_BEYOND, timingOf } from "../../lib/heartbeat/monitor_state.ts";
import { rankCandidates } from "../../lib/speaker/election.ts";
import { setApiDown, setExcluded } from "./world/api.ts";
import { kill, leave, type Pause, pause, startSpeaker } from "./world/life.ts";
import { strike } from "./strikes.ts";
import { answering, runUntil, saltOf, type World } from "./world/world.ts";
import {
  assertCachesRight,
  assertLastWord,
  assertNobodyAccused,
  assertNoStorm,
  assertOneOwner,
  settledWorld,
  watchOwners,
} from "./watch.ts";

/** What the invariants of the reliability reference allow. */
const FAILOVER_MS = 400;
const HANDOVER_GAP_MS = 5;
const OVERLAP_MS = 50;
/** Where the old owner's last frame overtakes the new one's first, the repeat 1.1 s later puts it right. */
const MISLED_MS = 1_110;
/** After the last fault one speaker answers by then: memberlist's own time, and joining anew. */
const HEALED_MS = 12_000;
const CALM_MS = 5_000;
/** The longest fault that leaves two owners, for nobody can know better, and what it takes to heal. */
const LONGEST_MS = 8_000;
/** A machine both of whose clocks stood still answers for the rest of its lease: it cannot know better. */
const LEASE_MS = 110;
/**
 * A name that another machine had is free again by then: to each half a minute after that one is dead,
 * which takes a suspicion that nobody confirms 24 seconds.
 */
const NAME_FREE_MS = 75_000;
/** A seed to replay, by hand. */
const ONLY = Number(Deno.env.get("HERALD_SEED") ?? 0);

/** One node after the other dies or leaves, and returns. Gives how many changes of owner it saw. */
function failovers(seed: number, nodes: number, rounds: number): { count: number; checks: number } {
  const world = settledWorld(seed, nodes);
  const watch = watchOwners(world);
  assertOneOwner(world, seed);
  let count = 0;
  for (let round = 0; round < rounds; round++) {
    const ip = world.vips[Math.floor(world.random() * world.vips.length)] ?? assert.fail();
    const [name = ""] = answering(world, ip);
    const owned = world.vips.filter((ip) => answering(world, ip)[0] === name);
    count += owned.length;
    const crash = world.random() < 0.5;
    watch.restart();
    if (crash) kill(world, name);
    else leave(world, name);
    runUntil(world, world.now + 600);
    const { gapMs, overlapMs } = watch.worst;
    const where = `seed ${seed}, round ${round}, ${crash ? "kill" : "SIGTERM"} of ${name}`;
    assert.ok(gapMs <= (crash ? FAILOVER_MS : HANDOVER_GAP_MS), `${where}: S2: ${gapMs} ms silent`);
    assert.ok(overlapMs <= OVERLAP_MS, `${where}: S1: two for ${overlapMs} ms`);
    assertOneOwner(world, seed);
    runUntil(world, world.now + 800);
    assertCachesRight(world, where);
    assert.ok(watch.worst.misledMs <= MISLED_MS, `${where}: ${watch.worst.misledMs} ms misled`);
    watch.restart();
    startSpeaker(world, name);
    runUntil(world, world.now + 1_400);
    const back = watch.worst;
    assertCachesRight(world, `${where}, return`);
    assert.ok(back.misledMs <= MISLED_MS, `${where}, return: ${back.misledMs} ms misled`);
    assert.ok(back.gapMs <= HANDOVER_GAP_MS, `${where}, return: S2: ${back.gapMs} ms silent`);
    assert.ok(back.overlapMs <= OVERLAP_MS, `${where}, return: S1: two for ${back.overlapMs} ms`);
    for (const ip of owned) {
      assert.deepEqual(answering(world, ip), [name], `${where}: it did not take its share back`);
    }
  }
  runUntil(world, world.now + 5_000);
  assertLastWord(world, watch, `seed ${seed}`);
  assertNobodyAccused(world, seed);
  assertNoStorm(world, `seed ${seed}`);
  return { count, checks: watch.worst.checks };
}

Deno.test("10,000 seeded failovers: each in time, by one owner, and taken back without a gap (S1, S2)", () => {
  let [count, checks, seeds] = [0, 0, 0];
  for (let seed = ONLY || 1; count < 10_000; seed++) {
    const nodes = seed % 10 === 0 ? 5 : 3;
    const found = failovers(seed, nodes, 40);
    count += found.count;
    checks += found.checks;
    seeds++;
    if (ONLY) break;
  }
  console.log(`simulation: ${seeds} seeds, ${count} failovers, ${checks} checks of S1 and S2`);
});

/** Some worlds have speakers of MetalLB, hear of their pods late, or have views that grow old within seconds. */
function surroundings(seed: number, nodes: number): Partial<World> {
  const versions = ["v0.10", "v0.12", "v0.16"] as const;
  const version = versions[seed % 3] ?? "v0.16";
  const theirs = Array.from({ length: nodes - 1 }, (_, index) => `node${index + 1}`)
    .filter((_, index) => index % 2 === 0);
  return {
    ...seed % 8 === 3 ? { metallb: new Map(theirs.map((name) => [name, version])) } : {},
    ...seed % 8 === 5 ? { signMs: 2_000, oldMs: 3_000 } : {},
    ...seed % 5 === 1 ? { podsKnownMs: 2_000 } : {},
  };
}

/** Faults at random for a while, then calm: one owner, the right one, and no change any more. */
function chaos(
  seed: number,
  nodes: number,
  lastMs: number,
  ringBeyond = RING_BEYOND,
): { faults: number; checks: number; trace: number } {
  const world = settledWorld(seed, nodes, 3, [], { ringBeyond, ...surroundings(seed, nodes) });
  const watch = watchOwners(world);
  const where = `seed ${seed}, ${nodes} nodes`;
  const kinds = seed % 20 === 7 ? "all" : "short";
  let faults = 0;
  for (const end = world.now + lastMs; world.now < end;) {
    strike(world, kinds);
    faults++;
    runUntil(world, world.now + 2_000 * world.random());
  }
  // What goes on by itself ends by then.
  runUntil(world, world.now + (kinds === "all" ? NAME_FREE_MS : 6_000));
  setApiDown(world, false);
  setExcluded(world, new Set());
  const { overlapMs } = watch.worst;
  const mostMs = kinds === "short" ? LONGEST_MS : Infinity;
  assert.ok(overlapMs <= mostMs, `${where}: two for ${overlapMs} ms`);
  watch.restart();
  const over = world.now;
  const isCalm = () => world.now >= Math.max(over, watch.changedAt()) + CALM_MS;
  for (const end = world.now + HEALED_MS + CALM_MS; world.now < end && !isCalm();) {
    runUntil(world, Math.max(over, watch.changedAt()) + CALM_MS);
  }
  assert.ok(isCalm(), `${where}: S10: owners still change at ${world.now}`);
  // Who starts by another address while gossip is filtered can know of nobody.
  if (kinds === "short") assertNobodyAccused(world, seed);
  assertNoStorm(world, where);
  assertCachesRight(world, where);
  assertLastWord(world, watch, where);
  for (const ip of world.vips) {
    const [first = ""] = rankCandidates(world.names, saltOf(ip));
    assert.deepEqual(answering(world, ip), [first], `${where}: S3: not the first in the election`);
  }
  return { faults, checks: watch.worst.checks, trace: world.trace };
}

Deno.test("after any faults one owner remains, the one that the election names (S1, S2, S3, S10)", () => {
  let [faults, checks, seeds] = [0, 0, 0];
  const last = ONLY || 2_000;
  for (let seed = ONLY || 1; seed <= last; seed++) {
    // Most are short and small; some are as long and as large as it takes to find what needs that.
    const nodes = seed % 200 === 0 ? 20 : [3, 4, 5, 3, 7, 3, 4, 5, 2, 3][seed % 10] ?? 3;
    const found = chaos(seed, nodes, seed % 20 === 0 ? 24_000 : 8_000);
    faults += found.faults;
    checks += found.checks;
    seeds++;
  }
  console.log(`simulation: ${seeds} seeds of chaos, ${faults} faults, ${checks} checks`);
});

Deno.test("in a ring too one owner remains after any faults, the one that the election names", () => {
  for (let seed = ONLY || 1; seed <= (ONLY || 6); seed++) chaos(seed, 10, 24_000, 8);
});

Deno.test("fifty speakers: a death is noticed in time and by all (S1, S2)", () => {
  const { count } = failovers(7, 50, 3);
  assert.ok(count > 0);
});

Deno.test("speakers of different paces agree on who is gone, each missed by its own (S1, S2)", () => {
  const paces = [timingOf(200, 4), timingOf(20, 3), timingOf(50, 10)];
  for (let seed = 1; seed <= 40; seed++) {
    const world = settledWorld(seed, 4, 3, paces);
    const watch = watchOwners(world);
    for (let round = 0; round < 12; round++) {
      const name = world.names[round % world.names.length] ?? "";
      const { intervalMs, multiplier } = world.paces.get(name) ?? DEFAULT_TIMING;
      const missedMs = intervalMs * multiplier;
      // A pause shorter than it is missed for, a longer one, and an end.
      const ms = [0.8 * missedMs, missedMs + 400][round % 3];
      watch.restart();
      if (ms === undefined) kill(world, name);
      else pause(world, name, ms);
      runUntil(world, world.now + missedMs + 2_500);
      const { gapMs, overlapMs } = watch.worst;
      const where = `seed ${seed}, round ${round}, ${name}`;
      assert.ok(gapMs <= missedMs + FAILOVER_MS, `${where}: ${gapMs} ms silent`);
      assert.ok(overlapMs <= OVERLAP_MS, `${where}: two for ${overlapMs} ms`);
      if (ms === undefined) {
        startSpeaker(world, name);
        runUntil(world, world.now + 2_000);
      }
      assertOneOwner(world, seed);
    }
  }
});

Deno.test("a seed replays exactly", () => {
  assert.equal(chaos(11, 4, 8_000).trace, chaos(11, 4, 8_000).trace);
  assert.notEqual(chaos(11, 4, 8_000).trace, chaos(12, 4, 8_000).trace);
});

for (const what of ["process", "suspended", "migrated"] as const) {
  Deno.test(`an owner that stands still (${what}) loses its addresses, and says nothing before it knows (row L25; layer 2, fault 14)`, () => {
    for (let seed = 1; seed <= 40; seed++) standStill(seed, what);
  });
}

function standStill(seed: number, what: Pause): void {
  const world = settledWorld(seed, 3, 1);
  const watch = watchOwners(world);
  const [ip] = world.vips;
  assert.ok(ip !== undefined);
  const [name = ""] = answering(world, ip);
  for (const ms of [90, 300, 1_000, 30_000]) {
    watch.restart();
    pause(world, name, ms, what);
    runUntil(world, world.now + ms + 1_500);
    const { gapMs, overlapMs } = watch.worst;
    assert.ok(gapMs <= FAILOVER_MS, `seed ${seed}, ${ms} ms: ${gapMs} ms silent`);
    const mostMs = what === "migrated" ? LEASE_MS : OVERLAP_MS;
    assert.ok(overlapMs <= mostMs, `seed ${seed}, ${ms} ms: two for ${overlapMs} ms`);
    assert.deepEqual(answering(world, ip), [name], `seed ${seed}, ${ms} ms`);
  }
}
