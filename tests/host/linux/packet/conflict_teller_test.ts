import assert from "node:assert/strict";
import { createConflictTeller } from "../../../../lib/host/linux/packet/conflict_teller.ts";
import type { Conflict } from "../../../../lib/host/linux/packet/orders.ts";
import type { Mac } from "../../../../lib/net/ethernet.ts";
import { ip4 } from "../../../support/addresses.ts";
import { seededRandom } from "../../../support/random.ts";

const claim = (address: number, host = 1): Conflict => ({
  ip: ip4(0x0a000000 + address),
  mac: 0x0200_0000_0000 + host as Mac,
  ifindex: 2,
});

/** A thread that waits for frames and for the teller; gives what was told, and when. */
function run(frames: readonly (readonly [atMs: number, conflict: Conflict])[]) {
  const told: { readonly atMs: number; readonly conflict: Conflict }[] = [];
  let now = 0;
  const teller = createConflictTeller((conflict) => told.push({ atMs: now, conflict }));
  const pass = (until: number) => {
    for (let due = now + teller.waitMs(now); due <= until; due = now + teller.waitMs(now)) {
      now = Math.max(now, due);
      teller.settle(now);
    }
    now = Math.max(now, until);
  };
  for (const [atMs, conflict] of frames) {
    pass(atMs);
    teller.seen(conflict, now);
  }
  pass(now + 1_000);
  return told;
}

Deno.test("a conflict is told at once, and what is seen of it right after that a moment later", () => {
  assert.deepEqual(run([[5, claim(1)]]).map(({ atMs }) => atMs), [5]);
  const pair = run([[5, claim(1)], [6, claim(1)]]);
  assert.deepEqual(pair.map(({ atMs }) => atMs), [5, 105]);
  assert.deepEqual(run([[5, claim(1)], [5_000, claim(1)]]).map(({ atMs }) => atMs), [5, 5_000]);
});

Deno.test("a host that insists is told of ten times a second, however fast it is", () => {
  const frames = Array.from({ length: 30_000 }, (_, at) => [at / 30, claim(1)] as const);
  const told = run(frames);
  assert.ok(told.length >= 10 && told.length <= 12, `${told.length}`);
  assert.ok((told.at(-1)?.atMs ?? 0) >= 999, "the last frame is told too");
});

Deno.test("of many addresses at once each is told, and a forger's random ones are limited", () => {
  const burst = Array.from({ length: 400 }, (_, at) => [at / 2.2, claim(at >> 1)] as const);
  assert.equal(new Set(run(burst).map(({ conflict }) => conflict.ip)).size, 200);
  const forged = Array.from({ length: 20_000 }, (_, at) => [at / 20, claim(1, at)] as const);
  assert.ok(run(forged).length <= 11 * 256);
});

Deno.test("what was seen last of any conflict is told within a tenth of a second", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = seededRandom(seed);
    const frames = Array.from(
      { length: 200 },
      () => [2_000 * random(), claim(Math.floor(5 * random()), Math.floor(3 * random()))] as const,
    ).sort(([one], [other]) => one - other);
    const told = run(frames);
    for (const [atMs, { ip, mac }] of frames) {
      const found = told.some((one) =>
        one.conflict.ip === ip && one.conflict.mac === mac && one.atMs >= atMs &&
        one.atMs <= atMs + 101
      );
      assert.ok(found, `seed ${seed}: seen at ${atMs}`);
    }
  }
});
