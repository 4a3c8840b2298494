import assert from "node:assert/strict";
import { addMachine, freshAddress, renumber, setDecoys } from "./world/addresses.ts";
import { kill, leave, startSpeaker } from "./world/life.ts";
import { answering, runUntil, schedule, type World } from "./world/world.ts";
import {
  assertCachesRight,
  assertNobodyAccused,
  assertNoStorm,
  assertOneOwner,
  settledWorld,
  watchOwners,
} from "./watch.ts";

// Nodes whose address changes, two nodes of one name, and addresses where no speaker is.

const OVERLAP_MS = 50;
const GAP_MS = 400;
/** A name is free again half a minute after its member is dead, which may take gossip some seconds. */
const FREE_MS = 45_000;

const owners = (world: World) => world.vips.map((ip) => answering(world, ip).join());

function assertGood(world: World, seed: number, where: string): void {
  assertOneOwner(world, seed);
  assertCachesRight(world, where);
  assertNobodyAccused(world, seed);
  assertNoStorm(world, where);
}

for (const how of ["crash, back at once", "crash, back later", "running", "goodbye"] as const) {
  Deno.test(`layer2 1: a node with another address (${how}): never two owners, and its share in the end`, () => {
    for (let seed = 1; seed <= 16; seed++) {
      const nodes = [2, 3, 5][seed % 3] ?? 3;
      const world = settledWorld(seed, nodes);
      const watch = watchOwners(world);
      const before = owners(world);
      const [name = ""] = before;
      const where = `seed ${seed}, ${nodes} nodes, ${name}`;
      if (how === "goodbye") leave(world, name);
      else if (how !== "running") kill(world, name);
      if (how === "goodbye") runUntil(world, world.now + 600);
      renumber(world, name, 20 * world.random(), freshAddress(world));
      if (how !== "running") {
        runUntil(world, world.now + (how === "crash, back later" ? 15_000 : 500));
        startSpeaker(world, name);
      }
      runUntil(world, world.now + FREE_MS);
      const { gapMs, overlapMs } = watch.worst;
      assert.ok(gapMs <= GAP_MS, `${where}: nobody for ${gapMs} ms`);
      assert.ok(overlapMs <= OVERLAP_MS, `${where}: two for ${overlapMs} ms`);
      assert.deepEqual(owners(world), before, where);
      assertGood(world, seed, where);
    }
  });
}

Deno.test("layer2 1: an address that a renewal takes away for a moment is given up and taken back", () => {
  for (let seed = 1; seed <= 24; seed++) {
    const world = settledWorld(seed, [2, 3, 5][seed % 3] ?? 3);
    const watch = watchOwners(world);
    const before = owners(world);
    const [name = ""] = before;
    const where = `seed ${seed}, ${name}`;
    const address = world.machines.get(name)?.address ?? assert.fail();
    renumber(world, name, 4_500 * world.random(), address);
    runUntil(world, world.now + FREE_MS);
    const { gapMs, overlapMs } = watch.worst;
    assert.ok(gapMs <= GAP_MS, `${where}: nobody for ${gapMs} ms`);
    assert.ok(overlapMs <= OVERLAP_MS, `${where}: two for ${overlapMs} ms`);
    assert.deepEqual(owners(world), before, where);
    assertGood(world, seed, where);
  }
});

Deno.test("layer2 6a: of two machines with one name the first stays, and nothing moves", () => {
  for (let seed = 1; seed <= 24; seed++) {
    const nodes = [2, 3, 5][seed % 3] ?? 3;
    const world = settledWorld(seed, nodes);
    const watch = watchOwners(world);
    const before = owners(world);
    const name = world.names[seed % nodes] ?? "";
    const second = addMachine(world);
    startSpeaker(world, second, name);
    for (let turn = 0; turn < 20; turn++) {
      runUntil(world, world.now + 1_000);
      assert.deepEqual(owners(world), before, `seed ${seed}, ${name}, second ${turn}`);
    }
    kill(world, second);
    runUntil(world, world.now + FREE_MS);
    const { gapMs, overlapMs } = watch.worst;
    assert.deepEqual([gapMs, overlapMs], [0, 0], `seed ${seed}, ${name}`);
    assertGood(world, seed, `seed ${seed}, ${name}`);
  }
});

Deno.test("layer2 6a: two machines of one name that start together leave exactly one", () => {
  for (let seed = 1; seed <= 24; seed++) {
    const nodes = [2, 3, 5][seed % 3] ?? 3;
    const world = settledWorld(seed, nodes);
    const [ip = assert.fail()] = world.vips;
    const [name = ""] = answering(world, ip);
    leave(world, name);
    runUntil(world, world.now + 2_000);
    const second = addMachine(world);
    startSpeaker(world, name);
    schedule(world, 2_000 * world.random(), () => startSpeaker(world, second, name));
    runUntil(world, world.now + 10_000);
    const watch = watchOwners(world);
    runUntil(world, world.now + 10_000);
    const { gapMs, overlapMs } = watch.worst;
    assert.deepEqual([gapMs, overlapMs], [0, 0], `seed ${seed}, ${name}`);
    assert.deepEqual(answering(world, ip), [name], `seed ${seed}: who started first`);
    assertGood(world, seed, `seed ${seed}, ${name}`);
  }
});

Deno.test("layer2 4: a node that starts where many keep silent finds the others before it takes what is theirs", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const world = settledWorld(seed, [2, 3, 5][seed % 3] ?? 3);
    const watch = watchOwners(world);
    setDecoys(world, 8 + Math.floor(30 * world.random()), false);
    for (const name of world.names) {
      leave(world, name);
      runUntil(world, world.now + 1_000);
      watch.restart();
      startSpeaker(world, name);
      runUntil(world, world.now + 8_000);
      const { gapMs, overlapMs } = watch.worst;
      const where = `seed ${seed}, ${world.decoys.length} silent, ${name}`;
      assert.ok(gapMs <= 5 && overlapMs <= OVERLAP_MS, `${where}: ${gapMs}, ${overlapMs} ms`);
      assertOneOwner(world, seed);
    }
    assertGood(world, seed, `seed ${seed}`);
  }
});

Deno.test("layer2 4: however many refuse or never answer where speakers are expected, all find each other", () => {
  for (let seed = 1; seed <= 24; seed++) {
    const nodes = [2, 3, 5][seed % 3] ?? 3;
    const world = settledWorld(seed, nodes);
    const before = owners(world);
    setDecoys(world, 8 + Math.floor(50 * world.random()), seed % 2 === 0);
    const [name = ""] = before;
    const others = world.names.filter((one) => one !== name);
    for (const one of others) world.network.cut.add(`${name}>${one}`).add(`${one}>${name}`);
    runUntil(world, world.now + 20_000);
    world.network.cut.clear();
    runUntil(world, world.now + 25_000);
    assert.deepEqual(owners(world), before, `seed ${seed}: healed`);
    kill(world, name);
    runUntil(world, world.now + 5_000);
    startSpeaker(world, name);
    runUntil(world, world.now + 25_000);
    assert.deepEqual(owners(world), before, `seed ${seed}: started`);
    assertGood(world, seed, `seed ${seed}, ${nodes} nodes`);
  }
});
