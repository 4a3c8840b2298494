import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import type { GossipMessage } from "../../lib/gossip/message.ts";
import { createGossip, type GossipEvent, OWN_VSN } from "../../lib/gossip/state.ts";
import { nextDeadline, step } from "../../lib/gossip/step.ts";
import { ownAlive } from "../../lib/gossip/told.ts";
import { seededRandom } from "../support/random.ts";
import { ip4 } from "../support/addresses.ts";

const alive = (part: object = {}): GossipMessage => ({
  kind: "alive",
  node: "b",
  address: ip4(2),
  port: 7946,
  meta: new Uint8Array(),
  incarnation: 3,
  vsn: OWN_VSN,
  ...part,
});
const accuse = (kind: "suspect" | "dead", part: object = {}): GossipMessage => ({
  kind,
  node: "b",
  incarnation: 3,
  from: "x",
  ...part,
});

function member() {
  const state = createGossip(
    { name: "a", address: ip4(1), port: 7946 },
    new Uint8Array(),
    instant(0),
  );
  const random = seededRandom(1);
  const tell = (message: GossipMessage, at = 1) => {
    const event: GossipEvent = { kind: "message", message, from: { address: ip4(9), port: 1 } };
    return step(state, event, instant(at), random);
  };
  step(state, { kind: "tick" }, instant(0), random);
  tell(alive());
  return { state, tell, b: () => state.members.get("b"), random };
}

Deno.test("old news, replayed or late, change nothing (corpus 2.8.2)", () => {
  const { tell, b } = member();
  tell(alive({ incarnation: 2, meta: Uint8Array.of(7) }));
  tell(alive({ meta: Uint8Array.of(7) }));
  assert.equal(b()?.meta.length, 0);
  tell(accuse("suspect", { incarnation: 2 }));
  tell(accuse("dead", { incarnation: 2 }));
  tell(accuse("dead", { node: "nobody" }));
  assert.equal(b()?.state, "alive");
});

Deno.test("an accusation is refuted by the accused, louder, and ends the suspicion", () => {
  const { tell, b } = member();
  tell(accuse("suspect"));
  assert.equal(b()?.state, "suspect");
  tell(alive({ incarnation: 4 }));
  assert.deepEqual([b()?.state, b()?.suspicion], ["alive", undefined]);
});

Deno.test("an accusation from before what this node last told is answered by that: the news got lost", () => {
  const { state, tell, random } = member();
  for (const text of ["one", "two"]) {
    const meta = new TextEncoder().encode(text);
    step(state, { kind: "meta", meta }, instant(10), random);
  }
  state.broadcasts.clear();
  for (const kind of ["suspect", "dead"] as const) {
    tell(accuse(kind, { node: "a", incarnation: 1 }), 20);
    assert.deepEqual(state.broadcasts.get("a")?.message, ownAlive(state), kind);
    assert.deepEqual([state.incarnation, state.health], [3, 0], kind);
    state.broadcasts.clear();
  }
});

Deno.test("a flood of forged suspicions about ourselves is refuted and kills nobody (corpus 2.8.12)", () => {
  const { state, tell } = member();
  for (let round = 0; round < 10_000; round++) {
    tell(accuse("suspect", { node: "a", incarnation: state.incarnation, from: `x${round}` }));
  }
  assert.equal(state.incarnation, 10_001);
  assert.equal(state.health, 7, "the score is bounded");
  tell(accuse("dead", { node: "a", incarnation: 0xffff_ffff }));
  assert.equal(state.incarnation, 10_001, "nothing is louder than the loudest");
  assert.ok(state.broadcasts.size <= 2);
});

Deno.test("an accusation of ourselves is refuted by the next gossip, within 200 ms (corpus 2.8.12)", () => {
  for (const kind of ["suspect", "dead"] as const) {
    const { state, tell, random } = member();
    state.broadcasts.clear();
    tell(accuse(kind, { node: "a", incarnation: 1 }), 1_000);
    assert.equal(state.incarnation, 2);
    const due = nextDeadline(state);
    assert.ok(due <= 1_200, `${due}`);
    const sent = step(state, { kind: "tick" }, due, random).flatMap((action) =>
      action.kind === "send" ? action.messages : []
    );
    const told = sent.find((message) => message.kind === "alive" && message.node === "a");
    assert.ok(told?.kind === "alive" && told.incarnation === 2, kind);
  }
});

Deno.test("a peer at the last incarnation is kept, ours never wraps to 0 (corpus 2.8.11)", () => {
  const { state, tell, b } = member();
  tell(alive({ incarnation: 0xffff_ffff }));
  assert.deepEqual([b()?.state, b()?.incarnation], ["alive", 0xffff_ffff]);
  for (let round = 0; round < 100; round++) {
    tell(alive({ node: "a", address: ip4(1), incarnation: 0xffff_ffff, meta: Uint8Array.of(1) }));
    tell(accuse("suspect", { node: "a", incarnation: 0xffff_ffff }));
  }
  assert.equal(state.incarnation, 1, "a forgery that cannot be outdone is not answered");
  tell(accuse("suspect", { node: "a", incarnation: 0xffff_fffe }));
  assert.equal(state.incarnation, 0xffff_ffff);
  assert.equal(b()?.state, "alive");
});

Deno.test("a dead member's goodbye, address change and return follow memberlist's rules", () => {
  const { tell, b } = member();
  const moved = { address: ip4(5), incarnation: 9 };
  const [conflict] = tell(alive(moved)).filter(({ kind }) => kind === "name-conflict");
  assert.deepEqual(conflict, {
    kind: "name-conflict",
    name: "b",
    other: { address: 5, port: 7946 },
  });
  assert.equal(b()?.address, 2, "a name claimed twice moves nothing (row L23)");
  tell(accuse("dead", { from: "b" }));
  assert.equal(b()?.state, "left");
  tell(alive(moved));
  assert.deepEqual([b()?.state, b()?.address], ["alive", 5], "who left may come back elsewhere");
});

Deno.test("another's dead only raises a suspicion when it comes by push/pull", () => {
  const { state, b, random } = member();
  const node = { name: "b", address: ip4(2), port: 7946, meta: new Uint8Array(), incarnation: 3 };
  const nodes = [{ ...node, state: "dead" as const, vsn: OWN_VSN }];
  step(state, { kind: "merge", nodes }, instant(2), random);
  assert.equal(b()?.state, "suspect");
  step(
    state,
    { kind: "merge", nodes: nodes.map((one) => ({ ...one, state: "left" as const })) },
    instant(3),
    random,
  );
  assert.equal(b()?.state, "left");
});

Deno.test("two others of one name make this node nobody's rival", () => {
  const { state, tell } = member();
  const kinds = tell(alive({ address: ip4(7), incarnation: 9 })).map(({ kind }) => kind);
  assert.ok(kinds.includes("name-conflict"));
  assert.equal(state.rival, undefined);
});

Deno.test("a name is free for another address when its member has been dead for 30 s, as with memberlist (layer 2, fault 1)", () => {
  for (
    const [seconds, free] of [[1, false], [5, false], [29.9, false], [30, true], [
      3_599,
      true,
    ]] as const
  ) {
    const { tell, b } = member();
    tell(accuse("dead"), 1_000);
    const kinds = tell(alive({ address: ip4(5), incarnation: 1 }), 1_000 + seconds * 1_000)
      .map(({ kind }) => kind);
    assert.equal(b()?.address, free ? 5 : 2, `${seconds} s after the death`);
    assert.equal(b()?.state, free ? "alive" : "dead");
    assert.equal(kinds.includes("name-conflict"), !free);
  }
});

Deno.test("other metadata of this node is told to all, louder than what they know, until it leaves", () => {
  const { state, random } = member();
  state.broadcasts.clear();
  const tellOwn = (meta: Uint8Array) => step(state, { kind: "meta", meta }, instant(2), random);
  tellOwn(Uint8Array.of(1));
  const own = state.broadcasts.get("a")?.message;
  assert.ok(own?.kind === "alive");
  assert.deepEqual([own.meta, own.incarnation], [Uint8Array.of(1), 2]);
  tellOwn(Uint8Array.of(1));
  assert.equal(state.incarnation, 2, "nothing is new");
  step(state, { kind: "leave" }, instant(3), random);
  tellOwn(Uint8Array.of(2));
  assert.deepEqual(state.meta, Uint8Array.of(1), "a goodbye is not taken back");
});
