import assert from "node:assert/strict";
import { type Instant, instant } from "../../lib/base/time.ts";
import type { Ip } from "../../lib/net/ip.ts";
import { SERIES_MS } from "../../lib/speaker/layer2.ts";
import {
  claimed,
  LINGER_MS,
  nextDeadline,
  step as stepOwnership,
} from "../../lib/speaker/ownership.ts";
import {
  createOwnership,
  type OwnershipAction,
  type OwnershipEvent,
  type OwnershipState,
  type Wish,
} from "../../lib/speaker/ownership_state.ts";
import { ip4 } from "../support/addresses.ts";

const VIP = ip4(0x0a4d01dc);
const at = (ms: number): Instant => instant(ms);
/** The alphabet decides. */
const make = (self: string) => createOwnership(self, (one, other) => one < other);
const wish = (part: Partial<Wish>): OwnershipEvent => ({
  kind: "wishes",
  wishes: [{ ip: VIP, salt: "", own: false, owner: undefined, canLinger: true, ...part }],
});
const fellows = (...names: string[]): OwnershipEvent => ({
  kind: "fellows",
  names: new Set(names),
});
const claim = (from: string): OwnershipEvent => ({ kind: "claim", from, ips: [VIP] });
/** As each state was last told to answer. */
const told = new WeakMap<OwnershipState, readonly Ip[]>();
function step(state: OwnershipState, event: OwnershipEvent, now: Instant): OwnershipAction[] {
  const actions = stepOwnership(state, event, now);
  for (const action of actions) if (action.kind === "answer") told.set(state, action.ips);
  return actions;
}
const answers = (state: OwnershipState, ip: Ip) => told.get(state)?.includes(ip) === true;
const kinds = (actions: readonly OwnershipAction[]) => actions.map(({ kind }) => kind);

function owner(self: string, ...others: string[]): OwnershipState {
  const state = make(self);
  step(state, fellows(...others), at(0));
  step(state, wish({ own: true, owner: self }), at(0));
  assert.ok(answers(state, VIP));
  return state;
}

Deno.test("a new owner answers, then claims", () => {
  const state = make("a");
  const actions = step(state, wish({ own: true, owner: "a" }), at(0));
  // In this order: whoever hears the claim falls silent.
  assert.deepEqual(actions, [
    { kind: "answer", ips: [VIP], quiet: [] },
    { kind: "claim", ips: [VIP] },
  ]);
  assert.deepEqual(claimed(state), [VIP]);
  assert.deepEqual(step(state, wish({ own: true, owner: "a" }), at(1)), [], "nothing changed");
});

Deno.test("the old owner answers until the new one claims (row L4)", () => {
  const state = owner("a", "b");
  assert.deepEqual(step(state, wish({ owner: "b" }), at(10)), [
    { kind: "answer", ips: [VIP], quiet: [VIP] },
    { kind: "release", ips: [VIP] },
  ]);
  assert.ok(answers(state, VIP), "nobody else answers yet");
  assert.deepEqual(step(state, claim("b"), at(11)), [{ kind: "answer", ips: [], quiet: [] }]);
  assert.equal(nextDeadline(state), undefined);
});

Deno.test("the old owner lingers no longer than the time for it", () => {
  const state = owner("a", "b");
  step(state, wish({ owner: "b" }), at(10));
  assert.equal(nextDeadline(state), at(10 + LINGER_MS));
  step(state, { kind: "tick" }, at(9 + LINGER_MS));
  assert.ok(answers(state, VIP));
  step(state, { kind: "tick" }, at(10 + LINGER_MS));
  assert.ok(!answers(state, VIP));
});

for (
  const [why, part, others] of [
    ["it cannot serve any more (row L21)", { owner: "b", canLinger: false }, ["b"]],
    ["nobody owns the address now", { owner: undefined }, ["b"]],
    ["the new owner does not speak with us", { owner: "m" }, ["b"]],
  ] as const
) {
  Deno.test(`the old owner falls silent at once when ${why}`, () => {
    const state = owner("a", ...others);
    assert.deepEqual(kinds(step(state, wish(part), at(10))), ["answer", "release"]);
    assert.ok(!answers(state, VIP));
  });
}

Deno.test("an address that was nobody's for a moment is resumed, another's is not (row L20)", () => {
  const state = owner("a", "b");
  step(state, wish({ owner: undefined }), at(10));
  assert.ok(!answers(state, VIP));
  assert.deepEqual(step(state, wish({ own: true, owner: "a" }), at(200)), [
    { kind: "answer", ips: [VIP], quiet: [], resumed: [VIP] },
    { kind: "claim", ips: [VIP] },
  ]);
  const interruptions: readonly [string, OwnershipEvent, number][] = [
    ["another owned it", wish({ owner: "b", canLinger: false }), 500],
    ["another claimed it", claim("b"), 500],
    ["long ago", { kind: "tick" }, 300 + SERIES_MS],
  ];
  for (const [why, event, ms] of interruptions) {
    const other = owner("a", "b");
    step(other, wish({ owner: undefined }), at(300));
    step(other, event, at(ms));
    assert.equal(other.held.size, 0, why);
    const actions = step(other, wish({ own: true, owner: "a" }), at(ms + 1));
    assert.deepEqual(actions[0], { kind: "answer", ips: [VIP], quiet: [] }, why);
  }
});

Deno.test("a claim of one who comes first silences an owner before its view changes (row L4)", () => {
  const state = owner("b", "a");
  assert.deepEqual(step(state, claim("a"), at(5)), [
    { kind: "answer", ips: [], quiet: [] },
    { kind: "claim", ips: [VIP] },
  ]);
  assert.deepEqual(step(state, claim("a"), at(6)), [], "once is enough");
  assert.deepEqual(step(state, wish({ owner: "a" }), at(9)), [{ kind: "release", ips: [VIP] }]);
});

Deno.test("a claim of one who comes later is answered by a claim and announced again", () => {
  const state = owner("a", "b");
  assert.deepEqual(kinds(step(state, claim("b"), at(5))), ["claim", "announce-again"]);
  assert.ok(answers(state, VIP));
});

Deno.test("who yielded takes the address when the other releases it, goes, or says no more", () => {
  const released = owner("b", "a");
  step(released, claim("a"), at(0));
  step(released, { kind: "release", from: "c", ips: [VIP] }, at(1));
  assert.ok(!answers(released, VIP), "another's release is nothing");
  const took = step(released, { kind: "release", from: "a", ips: [VIP] }, at(2));
  assert.deepEqual(kinds(took), ["answer", "claim"]);

  const gone = owner("b", "a");
  step(gone, claim("a"), at(0));
  assert.deepEqual(kinds(step(gone, fellows("c"), at(2))), ["answer", "claim"]);

  const silent = owner("b", "a");
  step(silent, claim("a"), at(0));
  assert.deepEqual(kinds(step(silent, { kind: "tick" }, at(1_200))), ["claim"], "asks, silently");
  step(silent, claim("a"), at(1_201));
  step(silent, { kind: "tick" }, at(1_401));
  assert.ok(!answers(silent, VIP), "the other answered");
  step(silent, { kind: "tick" }, at(2_401));
  assert.deepEqual(kinds(step(silent, { kind: "tick" }, at(2_601))), ["answer"]);
});

Deno.test("who leaves answers until each address is claimed, and contradicts nobody (row L2)", () => {
  const state = owner("a", "b");
  const quiet = { kind: "answer", ips: [VIP], quiet: [VIP] };
  assert.deepEqual(step(state, { kind: "leave" }, at(10)), [quiet]);
  assert.ok(answers(state, VIP));
  assert.deepEqual(step(state, claim("b"), at(12)), [{ kind: "answer", ips: [], quiet: [] }]);
});

Deno.test("an owner again while it lingers claims again", () => {
  const state = owner("a", "b");
  step(state, wish({ owner: "b" }), at(10));
  assert.deepEqual(kinds(step(state, wish({ own: true, owner: "a" }), at(20))), [
    "answer",
    "claim",
  ]);
  assert.ok(answers(state, VIP));
});

/** Two nodes and the notices between them; `late` is how long one takes. */
function exchange(a: OwnershipState, b: OwnershipState, first: readonly OwnershipAction[]): Ip[][] {
  let queue = first.map((action) => ({ from: a, action }));
  const seen: Ip[][] = [];
  for (let rounds = 0; queue.length > 0; rounds++) {
    assert.ok(rounds < 10, "they quarrel for ever");
    queue = queue.flatMap(({ from, action }) => {
      if (action.kind !== "claim" && action.kind !== "release") return [];
      const to = from === a ? b : a;
      const event = { kind: action.kind, from: from.self, ips: action.ips };
      return step(to, event, at(50 + rounds)).map((next) => ({ from: to, action: next }));
    });
    seen.push([a, b].filter((node) => answers(node, VIP)).map(() => VIP));
  }
  return seen;
}

Deno.test("two who both think an address theirs end with the one that comes first (row L18)", () => {
  for (const first of ["a", "b"]) {
    const [a, b] = [owner("a", "b"), owner("b", "a")];
    const [one, other] = first === "a" ? [a, b] : [b, a];
    exchange(one, other, [{ kind: "claim", ips: claimed(one) }]);
    assert.deepEqual([answers(a, VIP), answers(b, VIP)], [true, false], `${first} speaks first`);
  }
});

/** What nodes say in ten seconds, each of which comes first by its own rule; notices take 1 ms. */
function quarrel(names: readonly string[]): { readonly claims: number; readonly again: number } {
  const nodes = names.map((name) => {
    const node = createOwnership(name, (one) => one === name);
    step(node, fellows(...names.filter((other) => other !== name)), at(0));
    step(node, wish({ own: true, owner: name }), at(0));
    return node;
  });
  const said = { claims: 0, again: 0 };
  let arriving = nodes.map((node) => [node, claim(node.self)] as const);
  for (let ms = 1; ms <= 10_000; ms++) {
    const now = arriving;
    arriving = [];
    for (const node of nodes) {
      const events = now.filter(([from]) => from !== node).map(([, event]) => event);
      for (const event of [...events, { kind: "tick" } as const]) {
        for (const action of step(node, event, at(ms))) {
          if (action.kind === "claim") {
            said.claims++;
            arriving.push([node, claim(node.self)]);
          } else if (action.kind === "announce-again") said.again++;
        }
      }
    }
  }
  return said;
}

Deno.test("nodes that rank by different salts answer each other's claims once a second, and announce once in five", () => {
  for (const names of [["a", "b"], ["a", "b", "c"]]) {
    const { claims, again } = quarrel(names);
    assert.ok(claims <= 11 * names.length, `${names}: ${claims} claims`);
    assert.ok(again <= 3 * names.length, `${names}: ${again} announcements`);
  }
});

Deno.test("a claim that came too soon to be answered is answered when its second is over", () => {
  const state = owner("a", "b");
  assert.deepEqual(kinds(step(state, claim("b"), at(10))), ["claim", "announce-again"]);
  assert.deepEqual(
    kinds(step(state, claim("b"), at(20))),
    [],
    "it answers a claim that it did not hear",
  );
  assert.equal(nextDeadline(state), 1_010);
  assert.deepEqual(kinds(step(state, { kind: "tick" }, at(1_010))), ["claim"]);
  assert.equal(nextDeadline(state), 5_010);
  assert.deepEqual(
    kinds(step(state, { kind: "tick" }, at(5_010))),
    ["announce-again"],
    "the last word",
  );
  assert.equal(nextDeadline(state), undefined);
});

Deno.test("what a fellow announced that was alone is put right, though it claims nothing any more", () => {
  const back = owner("a", "b");
  // Its claim may come, and then this node's last word would be the wrong one.
  for (const ms of [10_000, 10_100]) {
    assert.deepEqual(step(back, { kind: "returned" }, at(ms)), []);
  }
  for (const ms of [10_200, 15_200]) {
    assert.equal(nextDeadline(back), ms);
    assert.deepEqual(kinds(step(back, { kind: "tick" }, at(ms))), ["announce-again"]);
  }
  assert.equal(nextDeadline(back), undefined);
  const release = { kind: "release", from: "b", ips: [VIP] } as const;
  const left = owner("a", "b");
  // Who releases it may answer until it hears a claim, and may not have heard this node's.
  assert.deepEqual(kinds(step(left, release, at(10_000))), ["claim", "announce-again"]);
  assert.deepEqual(kinds(step(left, release, at(10_100))), ["claim"], "not each time");
  assert.deepEqual(kinds(step(left, { kind: "tick" }, at(11_000))), ["announce-again"]);
  assert.equal(nextDeadline(left), undefined);
  const orderly = owner("a", "b");
  assert.deepEqual(
    kinds(step(orderly, release, at(100))),
    ["claim"],
    "the old owner lets go when it hears this",
  );
});

Deno.test("what was let go while its owner did not listen is told when the owner claims it, once", () => {
  const elsewhere = wish({ owner: "b" });
  const state = owner("a");
  assert.deepEqual(kinds(step(state, elsewhere, at(1_000))), ["answer", "release"]);
  assert.deepEqual(kinds(step(state, claim("b"), at(60_000))), ["release"]);
  assert.deepEqual(step(state, claim("b"), at(60_001)), []);
  const orderly = owner("a", "b");
  step(orderly, elsewhere, at(1_000));
  assert.deepEqual(kinds(step(orderly, claim("b"), at(1_001))), ["answer"]);
  assert.deepEqual(step(orderly, claim("b"), at(2_000)), [], "it was told in time");
  const unheard = owner("a", "b");
  step(unheard, elsewhere, at(1_000));
  assert.deepEqual(kinds(step(unheard, { kind: "tick" }, at(1_000 + LINGER_MS))), ["answer"]);
  assert.deepEqual(kinds(step(unheard, claim("b"), at(2_000))), ["release"]);
  for (const again of [wish({ own: true, owner: "a" }), wish({})]) {
    const back = owner("a");
    for (const event of [elsewhere, again]) step(back, event, at(1_000));
    const answer = kinds(step(back, claim("b"), at(10_000)));
    assert.ok(!answer.includes("release"), "it is its own again, or no Service's");
  }
});

const stale = (...names: string[]): OwnershipEvent => ({ kind: "stale", names: new Set(names) });

Deno.test("of two that claim an address the one with the newer view keeps it, whatever the election says", () => {
  const first = owner("a", "b");
  step(first, stale("a"), at(1));
  assert.ok(answers(first, VIP), "nobody else claims it");
  assert.deepEqual(kinds(step(first, claim("b"), at(5))), ["answer", "claim"]);
  assert.ok(!answers(first, VIP));
  const second = owner("b", "a");
  step(second, stale("a"), at(1));
  assert.ok(kinds(step(second, claim("a"), at(5))).includes("claim"), "it contradicts");
  assert.ok(answers(second, VIP));
  const both = owner("a", "b");
  step(both, stale("a", "b"), at(1));
  step(both, claim("b"), at(5));
  assert.ok(answers(both, VIP), "among stale views the election decides");
});

Deno.test("what was left to a fellow is taken back when its view is found stale", () => {
  const state = owner("b", "a");
  step(state, claim("a"), at(1));
  assert.ok(!answers(state, VIP));
  assert.deepEqual(kinds(step(state, stale("c"), at(2))), []);
  assert.deepEqual(kinds(step(state, stale("a"), at(3))), ["answer", "claim"]);
  assert.ok(answers(state, VIP));
});
