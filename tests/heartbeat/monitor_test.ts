import assert from "node:assert/strict";
import { after, instant } from "../../lib/base/time.ts";
import type { HeartbeatBody, Notice } from "../../lib/heartbeat/packet.ts";
import { nextDeadline, step } from "../../lib/heartbeat/monitor.ts";
import { SETTLE_MS } from "../../lib/heartbeat/outstanding.ts";
import {
  createMonitor,
  DEFAULT_TIMING,
  type HeartbeatTiming,
  type MonitorAction,
  type MonitorEvent,
  timingOf,
} from "../../lib/heartbeat/monitor_state.ts";
import { seededRandom } from "../support/random.ts";

const random = seededRandom(1);
const BEAT: HeartbeatBody = {
  kind: "beat",
  intervalMs: 50,
  multiplier: 3,
  canAnnounce: true,
  ringed: false,
  stale: false,
};
const { intervalMs, multiplier } = DEFAULT_TIMING;

/** A monitor and its clock; every millisecond has a tick, as short waits do. */
function bench(...names: string[]) {
  return benchOf(DEFAULT_TIMING, ...names);
}

function benchOf(timing: HeartbeatTiming, ...names: string[]) {
  const state = createMonitor(timing);
  let now = 1_000;
  let sequence = 0;
  const told: MonitorAction[] = [];
  const act = (event: MonitorEvent) => {
    const actions = step(state, event, instant(now), random);
    told.push(...actions);
    return actions;
  };
  act({ kind: "peers", peers: names.map((name) => ({ name, boot: 1, inRing: false })) });
  return {
    state,
    act,
    told,
    now: () => now,
    hear: (sender: string, body: HeartbeatBody = BEAT, boot = 1) =>
      act({ kind: "packet", packet: { sender, boot, sequence: ++sequence, body } }),
    /** Time passes; those named beat all along. */
    pass(ms: number, ...alive: string[]) {
      const found: MonitorAction[] = [];
      const end = now + ms;
      while (now < end) {
        now++;
        found.push(...act({ kind: "tick" }));
        if (now % intervalMs === 0) { for (const name of alive) found.push(...this.hear(name)); }
      }
      return found;
    },
    skip: (ms: number) => now += ms,
  };
}

const of = <K extends MonitorAction["kind"]>(actions: readonly MonitorAction[], kind: K) =>
  actions.filter((action): action is MonitorAction & { kind: K } => action.kind === kind);
const sends = (actions: readonly MonitorAction[], kind: HeartbeatBody["kind"]) =>
  of(actions, "send").filter(({ body }) => body.kind === kind);

Deno.test("each peer gets a beat every interval", () => {
  const one = bench("a", "b");
  const beats = sends(one.pass(1_000), "beat");
  for (const name of ["a", "b"]) {
    assert.equal(beats.filter(({ to }) => to === name).length, 1_000 / intervalMs);
  }
});

Deno.test("a silent peer is given up when nobody else hears it, three intervals after its last beat", () => {
  const one = bench("a");
  assert.deepEqual(of(one.hear("a"), "up").map(({ name }) => name), ["a"]);
  const heard = one.now();
  assert.equal(of(one.pass(intervalMs * multiplier - 1), "down").length, 0);
  const [down] = of(one.pass(2), "down");
  assert.equal(down?.name, "a");
  assert.equal(one.now() - heard <= intervalMs * multiplier + 1, true);
});

Deno.test("a peer that another hears is not given up (row L19)", () => {
  const one = bench("a", "c");
  one.hear("a");
  one.hear("c");
  let [asked, probed] = [0, 0];
  const found = [];
  for (let ms = 0; ms < 60_000; ms++) {
    const actions = one.pass(1, "c");
    for (const { to, body } of sends(actions, "query")) {
      if (to === "a") {
        assert.equal(probed++, 0, "it is asked itself once");
        continue;
      }
      assert.equal(to, "c");
      assert.ok(body.kind === "query" && body.target === "a");
      asked++;
      found.push(...one.hear("c", { kind: "answer", id: body.id, heard: true }));
    }
    found.push(...actions);
  }
  assert.deepEqual(of(found, "down"), []);
  assert.ok(asked > 500, `${asked}`);
});

Deno.test("a peer whom only another heard is given up when that one misses it twice, not once", () => {
  const one = bench("a", "c");
  one.hear("a");
  one.hear("c");
  const downs: string[] = [];
  for (const heard of [true, false, true, false, false]) {
    assert.equal(downs.length, 0);
    let query: HeartbeatBody | undefined;
    while (query === undefined) {
      query = sends(one.pass(1, "c"), "query").find(({ to }) => to === "c")?.body;
    }
    assert.ok(query.kind === "query");
    const found = one.hear("c", { kind: "answer", id: query.id, heard });
    downs.push(...of(found, "down").map(({ name }) => name));
  }
  assert.equal(downs.join(), "a");
});

Deno.test("a peer that nobody hears is given up as soon as all have said so", () => {
  const one = bench("a", "b", "c");
  for (const name of ["a", "b", "c"]) one.hear(name);
  let last: readonly MonitorAction[] = [];
  const others = () => sends(last, "query").filter(({ to }) => to !== "a");
  while (others().length === 0) last = one.pass(1, "b", "c");
  assert.deepEqual(sends(last, "query").map(({ to }) => to).sort(), ["b", "c"]);
  const [query] = sends(last, "query");
  assert.ok(query?.body.kind === "query");
  const answer = { kind: "answer", id: query.body.id, heard: false } as const;
  assert.deepEqual(of(one.hear("b", answer), "down"), []);
  assert.deepEqual(of(one.hear("c", answer), "down").map(({ name }) => name), ["a"]);
});

Deno.test("a peer whose kernel says that nobody listens is given up sooner", () => {
  const one = bench("a");
  one.hear("a");
  one.act({ kind: "refused", name: "a" });
  let last: readonly MonitorAction[] = [];
  let waited = 0;
  while (sends(last, "query").length === 0) [last, waited] = [one.pass(1), waited + 1];
  assert.ok(waited > 1.3 * intervalMs && waited < 1.5 * intervalMs, `${waited} ms`);
  assert.deepEqual(sends(last, "query").map(({ to }) => to), ["a"], "it is asked itself");
  const downs = of(one.act({ kind: "refused", name: "a" }), "down");
  assert.deepEqual(downs.map(({ name }) => name), ["a"]);
});

Deno.test("a lie about one packet gives up nobody who answers the next", () => {
  const one = bench("a");
  one.hear("a");
  one.act({ kind: "refused", name: "a" });
  assert.deepEqual(of(one.pass(1.7 * intervalMs), "down"), []);
  const [query] = sends(one.told, "query");
  assert.ok(query?.body.kind === "query");
  one.hear("a", { kind: "answer", id: query.body.id, heard: false });
  assert.deepEqual(of(one.pass(2.9 * intervalMs), "down"), []);
});

Deno.test("a filter that refuses our packets makes no late beat a death: who was heard lives", () => {
  const one = bench("a");
  one.hear("a");
  for (let beat = 0; beat < 100; beat++) {
    one.act({ kind: "refused", name: "a" });
    // Each beat is late by nearly as much as is allowed to who is not refused.
    assert.deepEqual(of(one.pass((beat === 0 ? 1.5 : 2.9) * intervalMs), "down"), []);
    one.hear("a");
  }
  one.act({ kind: "refused", name: "a" });
  assert.equal(
    of(one.pass(4 * intervalMs), "down").length,
    1,
    "who is silent is missed all the same",
  );
});

Deno.test("whom others hear is no dead speaker, whatever refuses our packets", () => {
  const one = bench("a", "b");
  one.hear("a");
  one.hear("b");
  one.act({ kind: "refused", name: "a" });
  let last: readonly MonitorAction[] = [];
  while (sends(last, "query").length === 0) last = one.pass(1, "b");
  const query = sends(last, "query")[0];
  assert.ok(query?.body.kind === "query");
  one.act({ kind: "refused", name: "a" });
  one.hear("b", { kind: "answer", id: query.body.id, heard: true });
  one.act({ kind: "refused", name: "a" });
  assert.deepEqual(of(one.pass(0.9 * intervalMs, "b"), "down"), []);
});

Deno.test("who was refused itself does not vouch for a peer that it heard lately", () => {
  const one = bench("a", "b");
  one.hear("a");
  one.hear("b");
  one.act({ kind: "refused", name: "a" });
  const answer = sends(one.hear("b", { kind: "query", id: 5, target: "a" }), "answer")[0];
  assert.deepEqual(answer?.body, { kind: "answer", id: 5, heard: false });
});

Deno.test("a query is answered by whether the target was heard lately", () => {
  const one = bench("a", "b");
  one.hear("a");
  one.hear("b");
  const ask = () => sends(one.hear("b", { kind: "query", id: 5, target: "a" }), "answer")[0]?.body;
  assert.deepEqual(ask(), { kind: "answer", id: 5, heard: true });
  one.pass(2 * intervalMs, "b");
  assert.deepEqual(ask(), { kind: "answer", id: 5, heard: false });
});

Deno.test("replayed, reordered and old runs' packets change nothing", () => {
  const one = bench("a");
  one.hear("a");
  const packet = { sender: "a", boot: 1, sequence: 1, body: { ...BEAT, canAnnounce: false } };
  assert.deepEqual(of(one.act({ kind: "packet", packet }), "can-announce"), []);
  assert.deepEqual(of(one.hear("a", { ...BEAT, canAnnounce: false }, 2), "can-announce"), []);
  assert.deepEqual(of(one.hear("x", BEAT), "up"), [], "nobody's peer");
});

Deno.test("that a peer's view is stale is told once, and again with a peer that comes back", () => {
  const one = bench("a");
  const views = (actions: readonly MonitorAction[]) =>
    of(actions, "view").map(({ stale }) => stale);
  assert.deepEqual(views(one.hear("a")), []);
  assert.deepEqual(views(one.hear("a", { ...BEAT, stale: true })), [true]);
  assert.deepEqual(views(one.hear("a", { ...BEAT, stale: true })), []);
  one.pass(10 * intervalMs);
  assert.deepEqual(views(one.hear("a", { ...BEAT, stale: true })), [true]);
  assert.deepEqual(views(one.hear("a")), [false]);
  const claim: Notice = { what: "claim", ips: [], macs: [] };
  const told = one.hear("a", { kind: "notice", id: 1, notice: claim, stale: true });
  assert.deepEqual(
    told.map(({ kind }) => kind).slice(0, 2),
    ["view", "notice"],
    "it overtook the beat",
  );
  one.act({ kind: "notify", id: 1, notice: claim });
  one.act({ kind: "view", stale: true });
  one.skip(10);
  const [again] = sends(one.act({ kind: "tick" }), "notice");
  assert.ok(again?.body.kind === "notice" && again.body.stale, "as it is now");
});

Deno.test("a pause of the process condemns nobody and is told (row L25)", () => {
  const one = bench("a");
  one.hear("a");
  one.pass(20, "a");
  one.skip(30_000);
  const found = one.act({ kind: "tick" });
  assert.equal(of(found, "paused")[0]?.ms, 30_000);
  assert.deepEqual(of(found, "down"), []);
  assert.deepEqual(of(one.pass(intervalMs), "down"), [], "it has a new chance to be heard");
});

Deno.test("nobody may answer longer than the others wait", () => {
  const one = bench("a");
  const leases = of(one.pass(500, "a"), "awake");
  assert.equal(leases.length, 500 / intervalMs);
  const last = leases.at(-1)?.until ?? 0;
  assert.ok(last - one.now() <= intervalMs * multiplier);
});

Deno.test("a notice is repeated until it is acknowledged, and then settled", () => {
  const one = bench("a", "b");
  one.hear("a");
  one.hear("b");
  const first = one.act({ kind: "notify", id: 1, notice: { what: "leaving" } });
  assert.deepEqual(sends(first, "notice").map(({ to }) => to).sort(), ["a", "b"]);
  one.hear("a", { kind: "ack", id: 1 });
  assert.deepEqual(sends(one.pass(35, "a", "b"), "notice").map(({ to }) => to), ["b", "b"]);
  assert.deepEqual(of(one.hear("b", { kind: "ack", id: 1 }), "settled")[0]?.missing, []);
  assert.deepEqual(sends(one.pass(50, "a", "b"), "notice"), []);
});

Deno.test("a notice that is not acknowledged is settled after its time, with who is missing", () => {
  const one = bench("a");
  one.hear("a");
  one.act({ kind: "notify", id: 1, notice: { what: "leaving" } });
  const found = one.pass(SETTLE_MS, "a");
  assert.deepEqual(of(found, "settled").map(({ missing }) => missing), [["a"]]);
  assert.deepEqual(
    of(bench().act({ kind: "notify", id: 2, notice: { what: "leaving" } }), "settled"),
    [{ kind: "settled", id: 2, missing: [] }],
  );
});

Deno.test("a notice is told once and acknowledged each time", () => {
  const one = bench("a");
  const leaving = { what: "leaving" } as const;
  const notice: HeartbeatBody = { kind: "notice", id: 3, notice: leaving, stale: false };
  assert.equal(of(one.hear("a", notice), "notice").length, 1);
  assert.deepEqual(of(one.hear("a", notice), "notice"), [], "it is being carried out");
  assert.equal(sends(one.act({ kind: "acknowledge", name: "a", id: 3 }), "ack").length, 1);
  assert.equal(sends(one.hear("a", notice), "ack").length, 1);
});

Deno.test("another run of a peer is another peer", () => {
  const one = bench("a");
  one.hear("a");
  one.act({ kind: "peers", peers: [{ name: "a", boot: 2, inRing: false }] });
  assert.deepEqual(of(one.hear("a", BEAT, 1), "up"), []);
  assert.equal(of(one.hear("a", BEAT, 2), "up").length, 1);
});

Deno.test("nextDeadline() is within a beat: no tick before it does anything, the tick at it does", () => {
  const one = bench("a", "b");
  one.hear("a");
  one.hear("b");
  const deadline = () => nextDeadline(one.state, instant(one.now()));
  for (let round = 0; round < 2_000; round++) {
    const due = deadline();
    const wait = Math.max(1, Math.ceil(due - one.now()));
    assert.ok(wait <= intervalMs, `${wait}`);
    const told = one.told.length;
    for (let ms = 1; ms < wait; ms++) {
      one.skip(1);
      one.act({ kind: "tick" });
      // What a lease allows is told at each tick.
      const early = one.told.slice(told).filter(({ kind }) => kind !== "awake");
      assert.deepEqual(early, [], "the wait was too long");
    }
    one.skip(1);
    one.act({ kind: "tick" });
    assert.ok(one.told.length > told || deadline() > after(due, 1), "the wait was too short");
    if (round % 3 === 0) one.hear("b");
    if (round % 40 === 0) one.hear("a");
    if (round % 7 === 0) one.act({ kind: "notify", id: round, notice: { what: "leaving" } });
  }
});

Deno.test("another run of a peer, or somebody unknown, is asked after, and not too often", () => {
  const one = bench("a");
  one.hear("a");
  const asked = () => of(one.hear("a", BEAT, 2), "stranger").map(({ name }) => name);
  assert.deepEqual(asked(), ["a"]);
  assert.deepEqual(asked(), []);
  one.pass(200, "a");
  assert.deepEqual(asked(), ["a"]);
  one.pass(200, "a");
  assert.deepEqual(of(one.hear("unknown"), "stranger").map(({ name }) => name), ["unknown"]);
});

Deno.test("each peer is missed by the pace that it told itself, whatever ours", () => {
  const one = benchOf(timingOf(20, 4), "slow", "quick");
  const slow: HeartbeatBody = { ...BEAT, intervalMs: 500, multiplier: 5 };
  one.hear("slow", slow);
  one.hear("quick");
  const first = of(one.pass(2_000), "down");
  assert.deepEqual(first.map(({ name }) => name), ["quick"]);
  assert.ok((first[0]?.silentMs ?? 0) >= 3 * 50, "three of its own intervals");
  const [second] = of(one.pass(600), "down");
  assert.equal(second?.name, "slow");
  assert.ok(second.silentMs >= 5 * 500 && second.silentMs < 5 * 500 + 60, `${second.silentMs}`);
});

Deno.test("a peer that tells a pace of nothing is not missed at once", () => {
  const one = bench("a");
  one.hear("a", { ...BEAT, intervalMs: 50, multiplier: 0 });
  assert.deepEqual(of(one.pass(149), "down"), []);
  assert.equal(of(one.pass(60), "down").length, 1);
});

for (const [intervalMs, multiplier] of [[10, 3], [50, 3], [500, 5], [5_000, 20]] as const) {
  Deno.test(`nobody who beats each ${intervalMs} ms answers as long as others wait, alone or not`, () => {
    const timing = timingOf(intervalMs, multiplier);
    const among = benchOf(timing, "a");
    among.hear("a", { ...BEAT, intervalMs, multiplier });
    among.skip(intervalMs);
    const awake = of(among.act({ kind: "tick" }), "awake")[0];
    assert.ok(awake !== undefined);
    const leaseMs = awake.until - among.now();
    assert.ok(leaseMs > intervalMs && leaseMs < 2.25 * intervalMs, `${leaseMs} ms`);
    const alone = of(benchOf(timing).told, "awake")[0];
    assert.ok(alone !== undefined && alone.until - 1_000 > intervalMs, "it outlasts the beats");
    assert.ok(timing.confirmMs >= 20);
  });
}

Deno.test("timingOf() gives 40 ms to answers at the default pace, and never less than 20", () => {
  assert.deepEqual(DEFAULT_TIMING, { intervalMs: 50, multiplier: 3, confirmMs: 40 });
  assert.equal(timingOf(10, 3).confirmMs, 20);
});

Deno.test("a peer that is heard again and cannot announce is told to be so anew", () => {
  const one = bench("a");
  one.hear("a", { ...BEAT, canAnnounce: false });
  one.pass(intervalMs * multiplier + 1);
  assert.equal(of(one.told, "down").length, 1);
  one.told.length = 0;
  one.hear("a", { ...BEAT, canAnnounce: false });
  assert.deepEqual(one.told.map(({ kind }) => kind).slice(0, 2), ["up", "can-announce"]);
});
