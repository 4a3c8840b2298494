import assert from "node:assert/strict";
import type { HeartbeatTiming } from "../../lib/heartbeat/monitor_state.ts";
import { seededRandom } from "../support/random.ts";
import type { Ip } from "../../lib/net/ip.ts";
import { startSpeaker } from "./world/life.ts";
import { answering, createWorld, runUntil, schedule, type World } from "./world/world.ts";

/** The longest times in which none and two answered, since the last restart. */
interface OwnersWatch {
  readonly worst: {
    gapMs: number;
    overlapMs: number;
    /** So long one answered, and a client's cache named another. */
    misledMs: number;
    checks: number;
  };
  restart(): void;
  /** When the address, or any, last had other owners than before. */
  changedAt(ip?: Ip): number;
}

/** Watches who answers for each address and whom the clients believe, whenever that may have changed. */
export function watchOwners(world: World): OwnersWatch {
  const begin = (ip: Ip) => {
    const names = answering(world, ip);
    const [owners, count] = [names.join(), Math.min(2, names.length)];
    return { owners, count, at: world.now, misledAt: Infinity };
  };
  const since = world.vips.map(begin);
  const worst = { gapMs: 0, overlapMs: 0, misledMs: 0, checks: 0 };
  const changed = new Map(world.vips.map((ip) => [ip, -Infinity]));
  world.onStep = () => {
    world.vips.forEach((ip, index) => {
      const names = answering(world, ip);
      const count = Math.min(2, names.length);
      const owners = names.join();
      const one = since[index];
      worst.checks++;
      if (one === undefined) return;
      const lasted = world.now - one.at;
      if (one.count === 0) worst.gapMs = Math.max(worst.gapMs, lasted);
      if (one.count === 2) worst.overlapMs = Math.max(worst.overlapMs, lasted);
      worst.misledMs = Math.max(worst.misledMs, world.now - one.misledAt);
      const isMisled = count === 1 &&
        world.caches.some((cache) => (cache.get(ip) ?? owners) !== owners);
      if (!isMisled || owners !== one.owners) one.misledAt = Infinity;
      if (isMisled && one.misledAt === Infinity) one.misledAt = world.now;
      if (owners !== one.owners) {
        one.owners = owners;
        changed.set(ip, world.now);
      }
      if (one.count !== count) {
        one.count = count;
        one.at = world.now;
      }
    });
  };
  return {
    worst,
    changedAt: (ip) =>
      ip === undefined ? Math.max(...changed.values()) : changed.get(ip) ?? -Infinity,
    restart() {
      world.vips.forEach((ip, index) => since[index] = begin(ip));
      worst.gapMs = worst.overlapMs = worst.misledMs = 0;
    },
  };
}

/** An announcement so long after the last change finds neighbours that have heard it all. */
const QUIET_MS = 500;
/** Of one address by one node, which may have started and been missed meanwhile; one goes on without end. */
const CLAIMS = [{ most: 8, perMs: 1_000 }, { most: 20, perMs: 10_000 }];
const FRAMES = [{ most: 16, perMs: 5_000 }];

/** A world whose speakers have run for some seconds. */
export function settledWorld(
  seed: number,
  nodes: number,
  vips = 3,
  paces: readonly HeartbeatTiming[] = [],
  part: Partial<World> = {},
): World {
  const world = Object.assign(createWorld(nodes, vips, seededRandom(seed)), part);
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

/** The last announcement of each address is its owner's, and it came when all was quiet. */
export function assertLastWord(world: World, watch: OwnersWatch, where: string): void {
  for (const ip of world.vips) {
    const changedAt = watch.changedAt(ip);
    const [owner] = answering(world, ip);
    const last = world.lastFrames.get(ip);
    assert.equal(last?.by, owner, `${where}: the last announcement of ${ip} at ${last?.at}`);
    assert.ok(
      last !== undefined && (last.at >= changedAt + QUIET_MS || last.at < changedAt),
      `${where}: none of ${ip} at ${last?.at} after owners changed at ${changedAt}`,
    );
  }
}

/** However two nodes disagree, each says so at a bounded pace. */
export function assertNoStorm({ said }: World, where: string): void {
  for (const [key, times] of said) {
    for (const { perMs, most } of key.startsWith("claim") ? CLAIMS : FRAMES) {
      times.forEach((at, index) => {
        const first = times[index - most] ?? -Infinity;
        assert.ok(
          at - first >= perMs,
          `${where}: ${most + 1} in ${at - first} ms: ${key} at ${at}`,
        );
      });
    }
  }
}
