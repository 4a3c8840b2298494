import assert from "node:assert/strict";
import { METALLB_VERSIONS } from "../../lib/speaker/judgement.ts";
import { rankCandidates } from "../../lib/speaker/election.ts";
import { setExcluded } from "./world/api.ts";
import { kill, leave, startSpeaker } from "./world/life.ts";
import { answering, runUntil, saltOf, type World } from "./world/world.ts";
import {
  assertCachesRight,
  assertNobodyAccused,
  assertNoStorm,
  assertOneOwner,
  settledWorld,
  watchOwners,
} from "./watch.ts";

// Speakers that decide by other rules: MetalLB's, which know no heartbeat and hand nothing over, and
// those of Herald that elect otherwise.

/** A dead owner of Herald's: gossip tells MetalLB's speakers at once. */
const HERALD_DEAD_MS = 1_500;
/** An owner of MetalLB's is missed by memberlist's own time: suspicion, and what it takes to ask. */
const METALLB_DEAD_MS = 9_000;

function mixedWorld(seed: number): World {
  const version = METALLB_VERSIONS[seed % 3] ?? "v0.16";
  const nodes = [3, 4, 5][seed % 3] ?? 3;
  const theirs = Array.from({ length: nodes }, (_, index) => `node${index + 1}`)
    .filter((_, index) => index % 2 === seed % 2);
  const metallb = new Map(theirs.map((name) => [name, version]));
  const world = settledWorld(seed, nodes, 3, [], { metallb });
  runUntil(world, world.now + 6_000);
  return world;
}

function assertGood(world: World, seed: number, where: string): void {
  assertOneOwner(world, seed);
  assertCachesRight(world, where);
  assertNobodyAccused(world, seed);
  assertNoStorm(world, where);
}

Deno.test("beside MetalLB's speakers a death is made good in time, and each address has the owner that all elect", () => {
  let [heralds, theirs] = [0, 0];
  for (let seed = 1; seed <= 40; seed++) {
    const world = mixedWorld(seed);
    const watch = watchOwners(world);
    for (const name of world.names) {
      const where = `seed ${seed}, ${name}, MetalLB ${world.metallb.get(name) ?? "beside"}`;
      const isTheirs = world.metallb.has(name);
      assertGood(world, seed, where);
      const owned = world.vips.filter((ip) => answering(world, ip)[0] === name);
      if (owned.length > 0) isTheirs ? theirs++ : heralds++;
      watch.restart();
      kill(world, name);
      runUntil(world, world.now + 15_000);
      const { gapMs } = watch.worst;
      const isMissed = !isTheirs && world.metallb.size < world.names.length - 1;
      const limit = isMissed ? HERALD_DEAD_MS : METALLB_DEAD_MS;
      assert.ok(gapMs <= limit, `${where}: nobody for ${gapMs} ms`);
      assertGood(world, seed, `${where}, dead`);
      startSpeaker(world, name);
      runUntil(world, world.now + 10_000);
      for (const ip of world.vips) {
        const [first = ""] = rankCandidates(world.names, saltOf(ip));
        assert.deepEqual(answering(world, ip), [first], `${where}: back`);
      }
    }
  }
  assert.ok(heralds > 20 && theirs > 20, `${heralds} of Herald's and ${theirs} of MetalLB's owned`);
});

Deno.test("beside MetalLB's speakers labels leave no address with two owners, or with none that a node could serve", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const world = mixedWorld(seed);
    const version = [...world.metallb.values()][0];
    for (const name of world.names) {
      setExcluded(world, new Set([name]));
      runUntil(world, world.now + 2_000);
      const counting = version === "v0.16"
        ? world.names.filter((one) => one !== name)
        : world.names;
      for (const ip of world.vips) {
        const [first = ""] = rankCandidates(counting, saltOf(ip));
        assert.deepEqual(answering(world, ip), [first], `seed ${seed}, ${version}, ${name}`);
      }
    }
    setExcluded(world, new Set());
    runUntil(world, world.now + 7_000);
    assertGood(world, seed, `seed ${seed}`);
  }
});

Deno.test("after a partition beside MetalLB's speakers, which put nothing right, neighbours believe the owner again", () => {
  for (let seed = 1; seed <= 24; seed++) {
    const world = mixedWorld(seed);
    const { network: { cut }, names } = world;
    const name = names[seed % names.length] ?? "";
    for (const other of names) {
      if (other !== name) cut.add(`${name}>${other}`).add(`${other}>${name}`);
    }
    runUntil(world, world.now + 10_000 + 10_000 * world.random());
    cut.clear();
    runUntil(world, world.now + 45_000);
    assertGood(world, seed, `seed ${seed}, ${name} of ${names.length} alone`);
  }
});

Deno.test("layer2 7: speakers that elect by different rules, for however long, say so at a bounded pace", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const world = settledWorld(seed, [2, 3, 5][seed % 3] ?? 3);
    const name = world.names[seed % world.names.length] ?? "";
    leave(world, name);
    runUntil(world, world.now + 1_000);
    world.otherRules.add(name);
    startSpeaker(world, name);
    runUntil(world, world.now + 60_000);
    assertNoStorm(world, `seed ${seed}, ${name} alone`);
    leave(world, name);
    runUntil(world, world.now + 1_000);
    world.otherRules.delete(name);
    startSpeaker(world, name);
    runUntil(world, world.now + 20_000);
    assertGood(world, seed, `seed ${seed}, ${name} with the others`);
  }
});
