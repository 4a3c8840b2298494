import assert from "node:assert/strict";
import { CLAIM_MS } from "../../lib/speaker/unclaimed.ts";
import { rankCandidates } from "../../lib/speaker/election.ts";
import { cutApi, setApiDown, setExcluded } from "./world/api.ts";
import { answering, runUntil, saltOf, schedule, type World } from "./world/world.ts";
import {
  assertCachesRight,
  assertNobodyAccused,
  assertNoStorm,
  assertOneOwner,
  settledWorld,
  watchOwners,
} from "./watch.ts";

// What one speaker sees of the cluster, and others do not. Minutes of Kubernetes are seconds here.

const OLD_MS = 9_000;
const OVERLAP_MS = 50;
/** Where claims cross while views turn. */
const GAP_MS = 150;
/** A notice that another overtook comes again after 10 ms. */
const TURN_MS = 25;
/** What nobody claims is left to others, in turn. */
const LEFT_MS = CLAIM_MS + 1_500;

function hurriedWorld(seed: number, nodes: number): World {
  const world = settledWorld(seed, nodes, 3, [], { signMs: 6_000, oldMs: OLD_MS });
  runUntil(world, world.now + 1_000);
  return world;
}
const owners = (world: World) => world.vips.map((ip) => answering(world, ip).join());
const first = (world: World, names: readonly string[]) =>
  world.vips.map((ip) => rankCandidates(names, saltOf(ip))[0]);

Deno.test("layer2 9: who sees nothing new gives way to those who do, and takes its share back without a gap", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const nodes = [2, 3, 5][seed % 3] ?? 3;
    const world = hurriedWorld(seed, nodes);
    const watch = watchOwners(world);
    const where = `seed ${seed}, ${nodes} nodes`;
    const before = owners(world);
    const [name = ""] = before;
    const others = world.names.filter((one) => one !== name);
    cutApi(world, name, true);
    runUntil(world, world.now + 3 * OLD_MS);
    assert.deepEqual(owners(world), first(world, others), `${where}: ${name} sees nothing new`);
    // What only the others hear.
    setExcluded(world, new Set(others.slice(1)));
    runUntil(world, world.now + 2_000);
    assert.deepEqual(owners(world), first(world, others.slice(0, 1)), where);
    setExcluded(world, new Set());
    runUntil(world, world.now + 2_000);
    cutApi(world, name, false);
    runUntil(world, world.now + 12_000);
    assert.deepEqual(owners(world), before, `${where}: ${name} sees all again`);
    const { gapMs, overlapMs } = watch.worst;
    // Labels reach each speaker at a moment of its own.
    assert.ok(gapMs <= 25, `${where}: nobody for ${gapMs} ms`);
    assert.ok(overlapMs <= OVERLAP_MS, `${where}: two for ${overlapMs} ms`);
    assertNobodyAccused(world, seed);
  }
});

Deno.test("layer2 9: a stale view that names its node keeps nothing from who sees that another serves", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const world = hurriedWorld(seed, 3);
    const watch = watchOwners(world);
    const [name = ""] = owners(world);
    const others = world.names.filter((one) => one !== name);
    // In its view no other node serves; then the cluster turns round, and it does not hear of that.
    setExcluded(world, new Set(others));
    runUntil(world, world.now + 1_000);
    assert.deepEqual(new Set(owners(world)), new Set([name]));
    cutApi(world, name, true);
    setExcluded(world, new Set([name]));
    runUntil(world, world.now + 4 * OLD_MS);
    assert.deepEqual(owners(world), first(world, others), `seed ${seed}: the stale view wins`);
    watch.restart();
    runUntil(world, world.now + 20_000);
    const { gapMs, overlapMs } = watch.worst;
    assert.deepEqual([gapMs, overlapMs], [0, 0], `seed ${seed}: ${gapMs}, ${overlapMs} ms`);
    assert.deepEqual(owners(world), first(world, others), `seed ${seed}: later`);
  }
});

Deno.test("layer2 9: an API server that is away for all, for however long, changes no owner", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const world = hurriedWorld(seed, [2, 3, 5][seed % 3] ?? 3);
    const before = owners(world);
    const { changes } = world;
    for (const lastMs of [0.5, 1, 1.5, 2, 6].map((olds) => olds * OLD_MS)) {
      setApiDown(world, true);
      runUntil(world, world.now + lastMs);
      setApiDown(world, false);
      runUntil(world, world.now + 8_000);
    }
    assert.deepEqual(owners(world), before, `seed ${seed}`);
    assert.equal(world.changes, changes, `seed ${seed}: owners changed meanwhile`);
    assertOneOwner(world, seed);
  }
});

Deno.test("labels that reach each speaker at a moment of its own leave no address with nobody or with two", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const nodes = [2, 3, 5][seed % 3] ?? 3;
    const world = settledWorld(seed, nodes);
    const watch = watchOwners(world);
    for (let round = 0; round < 12; round++) {
      const excluded = new Set(world.names.filter(() => world.random() < 0.4));
      watch.restart();
      setExcluded(world, excluded);
      runUntil(world, world.now + 1_500);
      const { gapMs, overlapMs } = watch.worst;
      const where = `seed ${seed}, round ${round}, without ${[...excluded].join()}`;
      // A notice that another overtook comes again after 10 ms.
      assert.ok(gapMs <= 25, `${where}: nobody for ${gapMs} ms`);
      assert.ok(overlapMs <= OVERLAP_MS, `${where}: two for ${overlapMs} ms`);
      assertOneOwner(world, seed);
    }
  }
});

Deno.test("layer2 9: where by now only a node with a stale view can serve, it answers, whatever that view says", () => {
  for (let seed = 1; seed <= 24; seed++) {
    const nodes = [2, 3, 5][seed % 3] ?? 3;
    const world = hurriedWorld(seed, nodes);
    const [name = "", second = name] = owners(world);
    // Sometimes two see nothing new, of which one can serve.
    const unseeing = seed % 2 === 0 || nodes < 4 ? [name] : [name, second];
    for (const one of unseeing) cutApi(world, one, true);
    runUntil(world, world.now + 3 * OLD_MS);
    const where = `seed ${seed}, ${nodes} nodes, ${unseeing.join()}`;
    assert.ok(owners(world).every((owner) => !unseeing.includes(owner)), where);
    // They hear nothing of that: in their view the others can serve, and come first.
    setExcluded(world, new Set(world.names.filter((one) => one !== name)));
    runUntil(world, world.now + CLAIM_MS + 2_000);
    assertOneOwner(world, seed);
    assert.ok(
      owners(world).every((owner) => unseeing.includes(owner)),
      `${where}: ${owners(world)}`,
    );
    const watch = watchOwners(world);
    runUntil(world, world.now + 20_000);
    assert.deepEqual([watch.worst.gapMs, watch.worst.overlapMs], [0, 0], `${where}: it stays`);
    // Who sees it takes it back at once.
    setExcluded(world, new Set(unseeing));
    runUntil(world, world.now + 2_000);
    const others = world.names.filter((one) => !unseeing.includes(one));
    assert.deepEqual(owners(world), first(world, others), `${where}: others serve again`);
    const { gapMs, overlapMs } = watch.worst;
    assert.ok(gapMs <= 25 && overlapMs <= OVERLAP_MS, `${where}: ${gapMs}, ${overlapMs} ms`);
    runUntil(world, world.now + 6_000);
    assertCachesRight(world, where);
    assertNobodyAccused(world, seed);
    assertNoStorm(world, where);
  }
});

Deno.test("layer2 9: views that grow stale one after the other, all but one, leave each address with one who answers", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const nodes = [3, 5, 7][seed % 3] ?? 3;
    const world = hurriedWorld(seed, nodes);
    const watch = watchOwners(world);
    const before = owners(world);
    const [seeing = "", ...unseeing] = world.names.toSorted(() => world.random() - 0.5);
    for (const name of unseeing) {
      schedule(world, 3_000 * world.random(), () => cutApi(world, name, true));
    }
    runUntil(world, world.now + 40_000);
    const { gapMs, overlapMs } = watch.worst;
    const where = `seed ${seed}, ${nodes} nodes`;
    assert.ok(gapMs <= GAP_MS && overlapMs <= OVERLAP_MS, `${where}: ${gapMs}, ${overlapMs} ms`);
    assert.deepEqual(owners(world), world.vips.map(() => seeing), where);
    assertCachesRight(world, where);
    // And they come back one after the other.
    watch.restart();
    for (const name of unseeing) {
      schedule(world, 4_000 * world.random(), () => cutApi(world, name, false));
    }
    runUntil(world, world.now + 16_000);
    const back = watch.worst;
    assert.ok(
      back.gapMs <= TURN_MS && back.overlapMs <= OVERLAP_MS,
      `${where}, back: ${back.gapMs}, ${back.overlapMs} ms`,
    );
    assert.deepEqual(owners(world), before, where);
    assertCachesRight(world, where);
    assertNoStorm(world, where);
  }
});

Deno.test("layer2 9: two that give an address to each other, before any view counts as stale: one answers in seconds", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const nodes = [2, 3, 5][seed % 3] ?? 3;
    const world = hurriedWorld(seed, nodes);
    const [vip = assert.fail()] = world.vips;
    const [owner = "", second = ""] = rankCandidates(world.names, saltOf(vip));
    cutApi(world, second, true);
    // All others see that only the second can serve by now; to it the first does, as before.
    setExcluded(world, new Set(world.names.filter((one) => one !== second)));
    const where = `seed ${seed}, ${nodes} nodes, ${owner} and ${second}`;
    const watch = watchOwners(world);
    runUntil(world, world.now + LEFT_MS + 1_000);
    const { gapMs, overlapMs } = watch.worst;
    assert.ok(gapMs <= LEFT_MS && overlapMs <= OVERLAP_MS, `${where}: ${gapMs}, ${overlapMs} ms`);
    assert.deepEqual(answering(world, vip), [second], where);
    // It stays, whatever its view becomes, until one wants it.
    watch.restart();
    runUntil(world, world.now + 4 * OLD_MS);
    assert.deepEqual(watch.worst.gapMs, 0, `${where}: later`);
    setExcluded(world, new Set());
    runUntil(world, world.now + 1_000);
    cutApi(world, second, false);
    runUntil(world, world.now + 16_000);
    assert.deepEqual(owners(world), first(world, world.names), where);
    const { gapMs: backMs, overlapMs: bothMs } = watch.worst;
    assert.ok(backMs <= TURN_MS && bothMs <= OVERLAP_MS, `${where}, back: ${backMs}, ${bothMs} ms`);
    assertCachesRight(world, where);
    assertNobodyAccused(world, seed);
    assertNoStorm(world, where);
  }
});

Deno.test("layer2 9: a stale view that leaves its own node out keeps nothing from being answered, where no other can serve", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const nodes = [2, 3, 5][seed % 3] ?? 3;
    const world = hurriedWorld(seed, nodes);
    const [name = ""] = owners(world);
    setExcluded(world, new Set([name]));
    runUntil(world, world.now + 1_000);
    cutApi(world, name, true);
    runUntil(world, world.now + 3 * OLD_MS);
    // Now it can, and no other: it does not hear of that.
    setExcluded(world, new Set(world.names.filter((one) => one !== name)));
    runUntil(world, world.now + LEFT_MS);
    const where = `seed ${seed}, ${nodes} nodes, ${name}`;
    assert.deepEqual(owners(world), world.vips.map(() => name), where);
    const watch = watchOwners(world);
    cutApi(world, name, false);
    runUntil(world, world.now + 16_000);
    assert.deepEqual(owners(world), world.vips.map(() => name), `${where}: it sees it now`);
    assert.deepEqual([watch.worst.gapMs, watch.worst.overlapMs], [0, 0], where);
    assertNobodyAccused(world, seed);
    assertNoStorm(world, where);
  }
});
