import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import {
  createGossip,
  type GossipAction,
  type GossipEvent,
  type MemberState,
} from "../../lib/gossip/state.ts";
import { nextDeadline, step } from "../../lib/gossip/step.ts";
import { formatIp, type Ip4, parseIp4 } from "../../lib/net/ip.ts";

const ip = (last: number): Ip4 => parseIp4(`10.0.0.${last}`) ?? assert.fail();
const PORT = 7946;

/** A node `self` at 10.0.0.1 that is given these candidates; joins end when the test says so. */
function bench(...candidates: readonly number[]) {
  let now = instant(5_000);
  let random = 0.5;
  let known = candidates;
  let complete = true;
  const state = createGossip({ name: "self", address: ip(1), port: PORT }, new Uint8Array(), now);
  const act = (event: GossipEvent): GossipAction[] =>
    step(state, event, now, () => random).flatMap((action) =>
      action.kind === "candidates"
        ? act({ kind: "candidates", addresses: known.map(ip), complete })
        : [action]
    );
  /** The joins of its ticks until then, each with its time. */
  const pass = (ms: number): string[] => {
    const found: string[] = [];
    for (const end = now + ms; now < end;) {
      now = instant(Math.min(end, Math.max(nextDeadline(state), now + 1)));
      found.push(...joins(act({ kind: "tick" })).map((to) => `${now - 5_000}: ${to}`));
    }
    return found;
  };
  return {
    state,
    act,
    pass,
    tick: () => act({ kind: "tick" }),
    ended: (last: number) => act({ kind: "join-ended", address: ip(last) }),
    meet: (name: string, last: number, told: MemberState) => {
      const node = { name, address: ip(last), port: PORT, meta: new Uint8Array(), vsn: VSN };
      act({ kind: "merge", nodes: [{ ...node, incarnation: 1, state: "alive" }] });
      const member = state.members.get(name) ?? assert.fail();
      member.state = told;
    },
    setCandidates: (...next: readonly number[]) => known = next,
    setComplete: (value: boolean) => complete = value,
    setRandom: (value: number) => random = value,
    skip: (ms: number) => now = instant(now + ms),
    wait: () => nextDeadline(state) - now,
  };
}
const VSN = Uint8Array.of(1, 5, 2, 0, 0, 0);

const joins = (actions: readonly GossipAction[]): string[] =>
  actions.flatMap((action) => action.kind === "join" ? [formatIp(action.to.address)] : []);
const isOver = (actions: readonly GossipAction[]): boolean =>
  actions.some(({ kind }) => kind === "first-join-over");

Deno.test("the first tick joins the candidates, by address, and not this node itself", () => {
  const one = bench(9, 1, 3);
  const found = one.tick();
  assert.deepEqual(joins(found), ["10.0.0.3", "10.0.0.9"]);
  const [first] = found.filter(({ kind }) => kind === "join");
  assert.deepEqual(first, { kind: "join", to: { address: ip(3), port: PORT } });
});

Deno.test("a missing candidate is tried again after 2 s, and then every 2 s, 20 % more or less", () => {
  const one = bench(3);
  one.setRandom(0);
  one.tick();
  one.ended(3);
  assert.deepEqual(one.pass(2_000), ["2000: 10.0.0.3"]);
  one.ended(3);
  one.setRandom(1);
  assert.deepEqual(one.pass(1_599), []);
  assert.deepEqual(one.pass(1), ["3600: 10.0.0.3"]);
  one.ended(3);
  assert.deepEqual(one.pass(2_399), []);
  assert.deepEqual(one.pass(1), ["6000: 10.0.0.3"]);
});

Deno.test("a candidate whose join is under way is not tried beside it", () => {
  const one = bench(3, 4);
  one.tick();
  one.ended(4);
  assert.deepEqual(one.pass(2_000), ["2000: 10.0.0.4"]);
  one.ended(3);
  assert.deepEqual(one.pass(2_000), ["4000: 10.0.0.3"]);
});

Deno.test("members that are present are not joined, those that died are, those that left are not", () => {
  const one = bench(2, 3);
  one.meet("present", 2, "alive");
  one.meet("suspect", 3, "suspect");
  one.meet("dead", 4, "dead");
  one.meet("left", 5, "left");
  assert.deepEqual(joins(one.tick()), ["10.0.0.4"]);
});

Deno.test("an address that a present member took over from a dead one is not joined", () => {
  const one = bench();
  one.meet("old", 2, "dead");
  one.meet("new", 2, "alive");
  assert.deepEqual(joins(one.tick()), []);
});

Deno.test("at most eight are tried at a time, the others follow", () => {
  const one = bench(...Array.from({ length: 12 }, (_, index) => index + 2));
  assert.equal(joins(one.tick()).length, 8);
  assert.deepEqual(one.pass(2_000).map((line) => line.split(": ")[1]), [
    "10.0.0.10",
    "10.0.0.11",
    "10.0.0.12",
    "10.0.0.13",
  ]);
});

Deno.test("a start tries others beside those that keep silent, before it counts on being alone", () => {
  const one = bench(...Array.from({ length: 40 }, (_, index) => index + 2));
  const tried = joins(one.tick());
  tried.push(...one.pass(1_499).flatMap((line) => line.split(": ").slice(1)));
  assert.equal(new Set(tried).size, 40, "each once, before the first join is over");
  assert.equal(tried.length, 40);
});

/** Rounds until `wanted` is tried, where all others refuse at once or drop what they get. */
function roundsUntil(wanted: number, others: number, refuse: boolean): number {
  const candidates = Array.from({ length: others }, (_, index) => index + 2);
  const one = bench(...candidates, wanted);
  const silent: { readonly last: number; readonly endsIn: number }[] = [];
  let trying: string[] = [];
  for (let round = 1; round <= 100; round++) {
    trying.push(...joins(one.tick()));
    for (let next = trying.shift(); next !== undefined; next = trying.shift()) {
      const last = Number(next.split(".")[3]);
      if (last === wanted) return round;
      if (refuse) trying.push(...joins(one.ended(last)));
      else silent.push({ last, endsIn: round + 5 });
    }
    one.skip(2_000);
    const over = silent.filter(({ endsIn }) => endsIn === round);
    trying = over.flatMap(({ last }) => joins(one.ended(last)));
  }
  return Infinity;
}

Deno.test("however many candidates refuse or keep silent, each has its turn (layer 2, fault 4)", () => {
  for (const others of [7, 8, 9, 60, 200]) {
    const [refused, dropped] = [true, false].map((refuse) => roundsUntil(250, others, refuse));
    assert.equal(refused, Math.ceil((others + 1) / 64), `${others} that refuse`);
    assert.ok(
      dropped !== undefined && dropped <= Math.ceil((others + 1) / 8),
      `${others}: ${dropped}`,
    );
  }
});

Deno.test("the next one is joined as soon as a join ends, and each once in a round", () => {
  const one = bench(...Array.from({ length: 10 }, (_, index) => index + 2));
  one.tick();
  assert.deepEqual(joins(one.ended(2)), ["10.0.0.10"]);
  assert.deepEqual(joins(one.ended(3)), ["10.0.0.11"]);
  assert.deepEqual(joins(one.ended(4)), []);
  assert.deepEqual(joins(one.ended(10)), []);
});

Deno.test("new candidates are joined at the next tick, once for however many changes", () => {
  const one = bench(3);
  one.tick();
  one.setCandidates(3, 4);
  one.skip(300);
  assert.deepEqual(joins(one.act({ kind: "join-soon" })), []);
  assert.deepEqual(joins(one.act({ kind: "join-soon" })), []);
  assert.equal(one.wait(), 0);
  assert.deepEqual(joins(one.tick()), ["10.0.0.4"]);
  one.ended(4);
  assert.deepEqual(one.pass(2_000), ["2300: 10.0.0.4"], "two seconds from then");
});

Deno.test("the first join is over when each of its candidates answered or failed", () => {
  const one = bench(3, 4);
  assert.equal(isOver(one.tick()), false);
  assert.equal(isOver(one.ended(3)), false);
  assert.equal(isOver(one.ended(3)), false, "that one is counted");
  assert.equal(isOver(one.ended(4)), true);
  assert.equal(isOver(one.ended(4)), false, "only once");
});

Deno.test("the first join of a node without candidates is over at once", () => {
  assert.equal(isOver(bench().tick()), true);
});

Deno.test("the first join is over after 1.5 s, whoever does not answer", () => {
  const one = bench(3);
  one.tick();
  one.skip(1_499);
  assert.equal(isOver(one.tick()), false);
  assert.ok(one.wait() <= 1);
  one.skip(1);
  assert.equal(isOver(one.tick()), true);
  assert.equal(isOver(one.ended(3)), false);
});

Deno.test("the first join does not wait for candidates of whom others told meanwhile", () => {
  const one = bench(...Array.from({ length: 20 }, (_, index) => index + 2));
  one.tick();
  for (let last = 2; last <= 21; last++) one.meet(`n${last}`, last, "alive");
  const over = Array.from({ length: 8 }, (_, index) => isOver(one.ended(index + 2)));
  assert.deepEqual(over, [...new Array<boolean>(7).fill(false), true]);
});

Deno.test("the first join is not over before all candidates are known", () => {
  const one = bench();
  one.setComplete(false);
  assert.equal(isOver(one.tick()), false);
  one.skip(5_000);
  assert.equal(isOver(one.tick()), false);
  one.setCandidates(3);
  one.setComplete(true);
  one.act({ kind: "join-soon" });
  assert.deepEqual(joins(one.tick()), ["10.0.0.3"]);
  one.skip(1_499);
  assert.equal(isOver(one.tick()), false);
  assert.equal(isOver(one.ended(3)), true);
});

Deno.test("later joins do not prolong the first", () => {
  const one = bench(3);
  one.tick();
  one.setCandidates(3, 4);
  one.act({ kind: "join-soon" });
  assert.deepEqual(joins(one.tick()), ["10.0.0.4"]);
  assert.equal(isOver(one.ended(3)), true);
});

Deno.test("a process that ends joins no member any more, and its first join is over", () => {
  const one = bench(3);
  one.tick();
  assert.equal(isOver(one.act({ kind: "ending" })), true);
  assert.equal(isOver(one.act({ kind: "ending" })), false);
  one.ended(3);
  one.act({ kind: "join-soon" });
  assert.deepEqual(one.pass(10_000), []);
});

Deno.test("a member with news is joined where it is known to be, an unknown one where it was heard", () => {
  const one = bench();
  one.meet("moved", 7, "alive");
  const to = (name: string) => one.act({ kind: "ask", name, address: ip(8) })[0];
  assert.deepEqual(to("stranger"), {
    kind: "push-pull",
    to: { address: ip(8), port: PORT },
    join: true,
  });
  const known = to("moved");
  assert.ok(known?.kind === "push-pull");
  assert.deepEqual([known.to.address, known.join], [ip(7), true]);
});
