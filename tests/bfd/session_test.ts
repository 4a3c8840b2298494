import assert from "node:assert/strict";
import fc from "fast-check";
import { after, type Instant, instant } from "../../lib/base/time.ts";
import { type BfdPacket, type BfdState, DIAGNOSTIC } from "../../lib/bfd/packet.ts";
import {
  type BfdAction,
  type BfdSession,
  type BfdSessionEvent,
  createBfdSession,
  detectionTimeMs,
  nextBfdDeadline,
  step,
  transmitIntervalMs,
} from "../../lib/bfd/session.ts";
import type { BfdProfile } from "../../lib/config/types.ts";
import { seededRandom } from "../support/random.ts";

const PROFILE: BfdProfile = {
  name: "fast",
  receiveIntervalMs: 50,
  transmitIntervalMs: 50,
  detectMultiplier: 3,
  echoIntervalMs: 50,
  echoMode: false,
  passiveMode: false,
  minimumTtl: 254,
};

interface Side {
  readonly session: BfdSession;
  readonly changes: { atMs: number; state: BfdState; diagnostic: number; admin: boolean }[];
  readonly sentAt: number[];
  readonly packets: BfdPacket[];
}

/** Two machines on a path without delay, in virtual time. */
function path(a: Partial<BfdProfile> = {}, b: Partial<BfdProfile> = {}, seed = 1) {
  const random = seededRandom(seed);
  let now: Instant = instant(0);
  const side = (profile: Partial<BfdProfile>, id: number): Side => ({
    session: createBfdSession({ ...PROFILE, ...profile }, id),
    changes: [],
    sentAt: [],
    packets: [],
  });
  const sides = [side(a, 11), side(b, 22)] as const;
  const cut = [false, false];
  function perform(index: 0 | 1, actions: readonly BfdAction[]): void {
    const { changes, sentAt, packets } = sides[index];
    for (const action of actions) {
      if (action.kind === "changed") {
        const { state, diagnostic, peerAdminDown: admin } = action;
        changes.push({ atMs: now, state, diagnostic, admin });
      } else {
        sentAt.push(now);
        packets.push(action.packet);
        assert.ok(!(action.packet.poll && action.packet.final), "Poll and Final together");
        if (!cut[index]) send(index === 0 ? 1 : 0, { kind: "packet", packet: action.packet });
      }
    }
  }
  function send(index: 0 | 1, event: BfdSessionEvent): void {
    perform(index, step(sides[index].session, event, now, random));
  }
  function pass(ms: number): void {
    const until = after(now, ms);
    for (let turn = 0; turn < 1_000_000; turn++) {
      const [x, y] = sides.map(({ session }) => nextBfdDeadline(session) ?? instant(Infinity));
      const next = Math.min(x ?? Infinity, y ?? Infinity);
      if (next > until) break;
      now = instant(Math.max(now, next));
      send((x ?? Infinity) <= (y ?? Infinity) ? 0 : 1, { kind: "tick" });
    }
    now = until;
  }
  return { a: sides[0], b: sides[1], cut, send, pass, now: () => now };
}

function bothUp(a: Partial<BfdProfile> = {}, b: Partial<BfdProfile> = {}, seed = 1) {
  const run = path(a, b, seed);
  run.send(0, { kind: "start" });
  run.send(1, { kind: "start" });
  run.pass(5000);
  assert.deepEqual([run.a.session.state, run.b.session.state], ["Up", "Up"]);
  return run;
}

Deno.test("two sides come up, and then go at the pace that both agree upon", () => {
  const run = bothUp({ transmitIntervalMs: 50 }, { receiveIntervalMs: 200 });
  assert.equal(transmitIntervalMs(run.a.session), 200);
  assert.equal(transmitIntervalMs(run.b.session), 50);
  assert.equal(detectionTimeMs(run.b.session), 600);
  assert.equal(run.a.session.polling, false, "the Poll was answered");
});

Deno.test("B16: silence at 50 ms x 3 is Down with diagnostic 1, 150 ms after the last packet", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const run = bothUp({}, {}, seed);
    const before = run.a.changes.length;
    run.cut[1] = true;
    const last = Math.max(...run.b.sentAt);
    run.pass(400);
    const change = run.a.changes[before];
    assert.ok(change);
    assert.deepEqual([change.state, change.diagnostic, change.admin], [
      "Down",
      DIAGNOSTIC.timeExpired,
      false,
    ]);
    assert.ok(Math.abs(change.atMs - last - 150) < 0.001, `${change.atMs - last}`);
    // The other side hears of it, and goes down too.
    assert.equal(run.b.session.state, "Down");
    assert.equal(run.b.session.diagnostic, DIAGNOSTIC.neighborDown);
  }
});

Deno.test("B18: intervals lie within 75 and 100 % of the agreed one, 90 % with multiplier 1", () => {
  for (const [detectMultiplier, most] of [[3, 1], [1, 0.9]] as const) {
    const run = bothUp({ detectMultiplier });
    run.a.sentAt.length = 0;
    run.pass(400_000);
    assert.ok(run.a.sentAt.length > 8_000);
    for (let index = 1; index < run.a.sentAt.length; index++) {
      const gap = (run.a.sentAt[index] ?? 0) - (run.a.sentAt[index - 1] ?? 0);
      assert.ok(gap >= 37.5 && gap <= 50 * most, `${gap}`);
    }
  }
});

Deno.test("B18: while it is not Up a side sends no faster than once a second", () => {
  const run = path();
  run.cut[0] = run.cut[1] = true;
  run.send(0, { kind: "start" });
  run.pass(60_000);
  for (let index = 1; index < run.a.sentAt.length; index++) {
    assert.ok((run.a.sentAt[index] ?? 0) - (run.a.sentAt[index - 1] ?? 0) >= 750);
  }
  for (const { desiredMinTxUs } of run.a.packets) assert.ok(desiredMinTxUs >= 1_000_000);
});

Deno.test("B18: slower values hold only after the peer's Final, a Poll is answered at once", () => {
  const run = bothUp();
  run.cut[1] = true; // its Final does not come through
  run.send(0, { kind: "profile", profile: { ...PROFILE, transmitIntervalMs: 400 } });
  run.pass(60);
  assert.equal(transmitIntervalMs(run.a.session), 50, "the old pace until then");
  assert.equal(run.a.packets.at(-1)?.poll, true);
  assert.equal(run.a.packets.at(-1)?.desiredMinTxUs, 400_000);
  run.cut[1] = false;
  run.pass(200);
  assert.equal(run.a.session.polling, false);
  assert.equal(transmitIntervalMs(run.a.session), 400);
  assert.ok(run.b.packets.some(({ final }) => final));
  assert.equal(run.a.session.state, "Up");
});

Deno.test("B19: a peer's AdminDown is told apart from a failure", () => {
  const run = bothUp();
  const before = run.a.changes.length;
  run.send(1, { kind: "admin-down" });
  const change = run.a.changes[before];
  assert.deepEqual([change?.state, change?.diagnostic, change?.admin], ["Down", 3, true]);
  run.pass(10_000);
  assert.equal(run.a.session.state, "Down", "it stays so until the peer speaks again");
  assert.equal(run.b.packets.at(-1)?.diagnostic, DIAGNOSTIC.adminDown);
});

Deno.test("a passive side is silent until it is spoken to", () => {
  const run = path({ passiveMode: true });
  run.send(0, { kind: "start" });
  run.pass(10_000);
  assert.deepEqual(run.a.sentAt, []);
  run.send(1, { kind: "start" });
  run.pass(5_000);
  assert.equal(run.a.session.state, "Up");
});

Deno.test("2.7-7: a peer that wants no packets gets none, and intervals of 0 divide nothing", () => {
  const run = bothUp();
  const packet = run.b.packets.at(-1);
  assert.ok(packet);
  run.cut[1] = true;
  run.send(0, {
    kind: "packet",
    packet: { ...packet, poll: false, requiredMinRxUs: 0, desiredMinTxUs: 0 },
  });
  assert.equal(run.a.session.sendAt, undefined);
  assert.equal(detectionTimeMs(run.a.session), 150);
});

Deno.test("2.7-8, 2.7-9: the longest intervals do not overflow; demand silences only Up and Up", () => {
  const run = bothUp();
  const packet = run.b.packets.at(-1);
  assert.ok(packet);
  run.cut[1] = true;
  const huge = { ...packet, poll: false, desiredMinTxUs: 0xffff_ffff, detectMultiplier: 255 };
  run.send(0, { kind: "packet", packet: huge });
  assert.equal(detectionTimeMs(run.a.session), 255 * 4_294_967.295);
  run.send(0, { kind: "packet", packet: { ...packet, poll: false, demand: true } });
  assert.equal(run.a.session.sendAt, undefined);
});

Deno.test("any two profiles meet, whoever starts first, and stay up", () => {
  const profile = fc.record({
    receiveIntervalMs: fc.integer({ min: 10, max: 2000 }),
    transmitIntervalMs: fc.integer({ min: 10, max: 2000 }),
    detectMultiplier: fc.integer({ min: 1, max: 10 }),
  });
  fc.assert(
    fc.property(profile, profile, fc.nat(3000), fc.nat(1000), (a, b, lateMs, seed) => {
      const run = path(a, b, seed);
      run.send(0, { kind: "start" });
      run.pass(lateMs);
      run.send(1, { kind: "start" });
      run.pass(20_000);
      assert.deepEqual([run.a.session.state, run.b.session.state], ["Up", "Up"]);
      const ups = run.a.changes.filter(({ state }) => state === "Up").length;
      assert.equal(ups, 1, "it never fell");
    }),
    { seed: 21, numRuns: 200 },
  );
});
