import assert from "node:assert/strict";
import type { HeartbeatTiming } from "../../lib/heartbeat/monitor_state.ts";
import { seededRandom } from "../support/random.ts";
import { answering, createWorld, runUntil, schedule, startSpeaker, type World } from "./world.ts";

/** The longest times in which none and two answered, since the last restart. */
interface OwnersWatch {
  readonly worst: { gapMs: number; overlapMs: number; checks: number };
  restart(): void;
}

/** Watches how many answer for each address, after every event. */
export function watchOwners(world: World): OwnersWatch {
  const since = world.vips.map(() => ({ count: -1, at: 0 }));
  const worst = { gapMs: 0, overlapMs: 0, checks: 0 };
  world.onStep = () => {
    world.vips.forEach((ip, index) => {
      const count = Math.min(2, answering(world, ip).length);
      const one = since[index];
      worst.checks++;
      if (one === undefined) return;
      const lasted = world.now - one.at;
      if (one.count === 0) worst.gapMs = Math.max(worst.gapMs, lasted);
      if (one.count === 2) worst.overlapMs = Math.max(worst.overlapMs, lasted);
      if (one.count !== count) since[index] = { count, at: world.now };
    });
  };
  return {
    worst,
    restart() {
      since.forEach((_, index) => since[index] = { count: -1, at: world.now });
      worst.gapMs = 0;
      worst.overlapMs = 0;
    },
  };
}

/** A world whose speakers have run for some seconds. */
export function settledWorld(
  seed: number,
  nodes: number,
  vips = 3,
  paces: readonly HeartbeatTiming[] = [],
  api: Partial<Pick<World, "oldMs" | "ringBeyond" | "signMs">> = {},
): World {
  const world = Object.assign(createWorld(nodes, vips, seededRandom(seed)), api);
  paces.forEach((pace, index) => world.paces.set(world.names[index] ?? "", pace));
  for (const name of world.names) {
    schedule(world, 100 * world.random(), () => startSpeaker(world, name));
  }
  runUntil(world, 4_000);
  return world;
}

/** Each address is answered by one. */
export function assertOneOwner(world: World, seed: number): void {
  for (const ip of world.vips) {
    const owners = answering(world, ip);
    assert.equal(
      owners.length,
      1,
      `seed ${seed}: ${owners.join(" and ") || "nobody"} at ${world.now}`,
    );
  }
}

/** No speaker takes a fellow for a foreign host, whatever befell them. */
export function assertNobodyAccused(world: World, seed: number): void {
  assert.deepEqual(world.accused, [], `seed ${seed}`);
}

/** Each client that has the address in its neighbour cache has its owner there. */
export function assertCachesRight(world: World, where: string): void {
  for (const ip of world.vips) {
    const [owner] = answering(world, ip);
    for (const [client, cache] of world.caches.entries()) {
      assert.equal(cache.get(ip) ?? owner, owner, `${where}: client ${client + 1} at ${world.now}`);
    }
  }
}
