import assert from "node:assert/strict";
import { setExcluded } from "./world/api.ts";
import { answering, runUntil } from "./world/world.ts";
import {
  assertCachesRight,
  assertLastWord,
  assertNobodyAccused,
  assertNoStorm,
  assertOneOwner,
  settledWorld,
  watchOwners,
} from "./watch.ts";

// Watches are of one server and not of one moment: an owner hears that it is none any more seconds
// after the next one began, and says until then that the address is its own.

const OVERLAP_MS = 50;

Deno.test("an owner that hears late of a change says nothing that its neighbours believe for longer than a second", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const nodes = [2, 3, 5][seed % 3] ?? 3;
    const world = settledWorld(seed, nodes);
    world.labelsMs = [200, 1_000, 4_000][seed % 4] ?? 8_000;
    const watch = watchOwners(world);
    for (let round = 0; round < 6; round++) {
      const excluded = new Set(world.names.filter(() => world.random() < 0.4));
      const where = `seed ${seed}, round ${round}, ${world.labelsMs} ms, without ${
        [...excluded].join()
      }`;
      watch.restart();
      setExcluded(world, excluded);
      runUntil(world, world.now + world.labelsMs);
      const changedAt = watch.changedAt();
      runUntil(world, Math.max(world.now + 10, changedAt + 1_000));
      const { overlapMs } = watch.worst;
      assert.ok(overlapMs <= OVERLAP_MS, `${where}: two for ${overlapMs} ms`);
      assertOneOwner(world, seed);
      assertCachesRight(world, where);
      const eligible = excluded.size < nodes ? excluded : new Set<string>();
      for (const ip of world.vips) {
        assert.ok(
          !eligible.has(answering(world, ip)[0] ?? ""),
          `${where}: ${answering(world, ip)}`,
        );
      }
      // Whatever was held back for a while is said by now.
      runUntil(world, world.now + 7_000);
      assertCachesRight(world, `${where}, later`);
      assertLastWord(world, watch, where);
    }
    assertNobodyAccused(world, seed);
    assertNoStorm(world, `seed ${seed}`);
  }
});
