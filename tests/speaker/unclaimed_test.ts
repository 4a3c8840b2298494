import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { formatIp, type Ip } from "../../lib/net/ip.ts";
import { LINGER_MS } from "../../lib/speaker/ownership.ts";
import {
  answeredBy,
  CLAIM_MS,
  createUnclaimed,
  leftToOthers,
  nextUnclaimed,
  nobodys,
  onClaimed,
  onElected,
  onHeard,
  onOwnerless,
  onReleased,
  sameNobodys,
  type Unclaimed,
  unclaimed,
} from "../../lib/speaker/unclaimed.ts";
import { ip } from "../controller/fixture.ts";
import { ip4 } from "../support/addresses.ts";

const [A, B, C] = [ip("10.0.0.1"), ip("10.0.0.2"), ip("10.0.0.3")];
const HEARD = new Set(["n2", "n3"]);
const at = (ms: number) => instant(ms);

function bench() {
  const state = createUnclaimed();
  return {
    state,
    elect: (address: Ip, owner: string | undefined, ms: number) =>
      onElected(state, address, owner, at(ms)),
    told: (ms: number, heard = HEARD) =>
      [...unclaimed(state, heard, at(ms))].map(([owner, all]) =>
        `${owner}: ${all.map(formatIp).join()}`
      ),
  };
}

Deno.test("an address that this node gives to another, which does not claim it, is told of after a while", () => {
  const { elect, state, told } = bench();
  assert.equal(nextUnclaimed(state, "n1", HEARD, at(0)), undefined);
  elect(A, "n2", 0);
  elect(A, "n2", 1_000);
  assert.equal(nextUnclaimed(state, "n1", HEARD, at(0)), CLAIM_MS);
  assert.deepEqual(told(CLAIM_MS - 1), []);
  assert.deepEqual(told(CLAIM_MS), ["n2: 10.0.0.1"]);
  elect(B, "n3", CLAIM_MS);
  assert.deepEqual(told(2 * CLAIM_MS), ["n2: 10.0.0.1", "n3: 10.0.0.2"]);
  elect(A, undefined, 2 * CLAIM_MS);
  assert.deepEqual(told(2 * CLAIM_MS), ["n3: 10.0.0.2"]);
});

Deno.test("whoever claims it, and before or after it was elected, the address has one who wants it", () => {
  const { elect, state, told } = bench();
  elect(A, "n2", 0);
  onClaimed(state, "n2", [A, B]);
  elect(B, "n3", 100);
  assert.deepEqual(told(CLAIM_MS + 100), []);
  elect(A, "n3", 200);
  assert.deepEqual(told(CLAIM_MS + 200), [], "n2 claims it still");
});

Deno.test("what is released, or was claimed by one that is gone, is claimed no more", () => {
  const { elect, state, told } = bench();
  for (const one of [A, B]) elect(one, "n2", 0);
  onClaimed(state, "n2", [A]);
  onClaimed(state, "n3", [B]);
  onReleased(state, "n3", [A], at(10));
  assert.deepEqual(told(CLAIM_MS + 10), [], "n3 never claimed the first");
  onReleased(state, "n2", [A], at(1_000));
  assert.deepEqual(told(CLAIM_MS + 1_000), ["n2: 10.0.0.1"]);
  onHeard(state, new Set(["n2"]), at(2_000));
  assert.deepEqual(told(CLAIM_MS + 2_000), ["n2: 10.0.0.1,10.0.0.2"]);
});

Deno.test("of speakers that are not heard nothing is said: they claim nothing to this node", () => {
  const { elect, told } = bench();
  elect(A, "metallb", 0);
  assert.deepEqual(told(10 * CLAIM_MS), []);
  assert.deepEqual(told(10 * CLAIM_MS, new Set(["metallb"])), ["metallb: 10.0.0.1"]);
});

Deno.test("ten thousand addresses that change hands cost no look at each of them", () => {
  const { elect, state, told } = bench();
  const all = Array.from({ length: 10_000 }, (_, index) => ip4(0x0a00_0001 + index));
  for (const one of all) elect(one, "n2", 0);
  onClaimed(state, "n2", all);
  assert.equal(state.missing.size, 0);
  assert.deepEqual(told(CLAIM_MS), []);
});

/** What a node may answer for, and how. */
function mayAnswer(
  state: Unclaimed,
  ms: number,
  part: Partial<Parameters<typeof nobodys>[1]> = {},
) {
  const self = { name: "n1", isStale: false, own: [], ...part };
  return [...nobodys(state, self, HEARD, at(ms))].map(([one, how]) =>
    `${formatIp(one)} ${how === "kept" ? how : [...how].join()}`
  ).join("; ");
}

Deno.test("who sees less than others keeps what it answers for until one claims it", () => {
  const { state } = bench();
  const stale = (ms: number, own: readonly Ip[]) => mayAnswer(state, ms, { isStale: true, own });
  assert.equal(mayAnswer(state, 0, { own: [A, B] }), "");
  assert.equal(stale(1, [A, B]), "10.0.0.1 kept; 10.0.0.2 kept");
  assert.equal(
    stale(2, [A, B, C]),
    "10.0.0.1 kept; 10.0.0.2 kept",
    "what it had when it became so",
  );
  onClaimed(state, "n3", [A]);
  onOwnerless(state, B);
  onReleased(state, "n3", [A], at(3));
  assert.equal(stale(4, []), "");
  assert.equal(stale(5, [A]), "");
  assert.equal(mayAnswer(state, 6, { own: [A] }), "");
});

Deno.test("what nobody claims, and the elected one does not want, falls to another, each in turn", () => {
  const { elect, state } = bench();
  for (const one of [A, B, C]) elect(one, "n2", 0);
  onReleased(state, "n3", [A, B], at(10));
  onReleased(state, "n2", [A], at(20));
  assert.equal(mayAnswer(state, CLAIM_MS), "");
  assert.deepEqual(leftToOthers(state, HEARD, at(CLAIM_MS)), [A, B, C]);
  assert.equal(nextUnclaimed(state, "n1", HEARD, at(CLAIM_MS)), CLAIM_MS + 200);
  assert.equal(mayAnswer(state, CLAIM_MS + 200), "10.0.0.1 n3,n2", "n2 may not know of the others");
  assert.equal(mayAnswer(state, CLAIM_MS + 200, { name: "n9" }), "10.0.0.1 n3,n2");
  assert.equal(nextUnclaimed(state, "n9", HEARD, at(CLAIM_MS + 200)), 2 * CLAIM_MS);
  onReleased(state, "n2", [B], at(CLAIM_MS + 300));
  assert.equal(nextUnclaimed(state, "n9", HEARD, at(CLAIM_MS + 300)), CLAIM_MS + 600);
  assert.equal(mayAnswer(state, CLAIM_MS + 599, { name: "n9" }), "10.0.0.1 n3,n2");
  assert.equal(mayAnswer(state, CLAIM_MS + 600, { name: "n9" }), "10.0.0.1 n3,n2; 10.0.0.2 n3,n2");
  elect(A, undefined, CLAIM_MS + 600);
  assert.equal(
    mayAnswer(state, CLAIM_MS + 601, { own: [A] }),
    "10.0.0.1 kept; 10.0.0.2 n3,n2",
    "it answers, whoever else comes to know of it",
  );
  onClaimed(state, "n4", [A, B]);
  assert.equal(mayAnswer(state, CLAIM_MS + 602), "");
});

Deno.test("the others are told what this node leaves to one that does not claim it, as long as that is so", () => {
  const { elect, state } = bench();
  const told = (ms: number) => leftToOthers(state, HEARD, at(ms)).map(formatIp).join();
  elect(A, "n2", 0);
  elect(B, "metallb", 0);
  assert.deepEqual([told(CLAIM_MS - 1), told(CLAIM_MS), told(CLAIM_MS + 1)], ["", "10.0.0.1", ""]);
  assert.equal(nextUnclaimed(state, "n1", HEARD, at(CLAIM_MS)), 2 * CLAIM_MS);
  assert.equal(told(2 * CLAIM_MS), "10.0.0.1", "one may have come meanwhile");
  onClaimed(state, "n3", [A]);
  assert.equal(told(4 * CLAIM_MS), "");
});

Deno.test("sameNobodys() tells what says no more than before", () => {
  const one = new Map([[A, "kept" as const]]);
  const by = (...names: string[]) => new Map([[A, new Set(names)]]);
  assert.ok(sameNobodys(one, new Map(one)) && sameNobodys(by("n2"), by("n2")));
  for (const other of [new Map(), by("n2"), new Map([[B, "kept" as const]])]) {
    assert.ok(!sameNobodys(one, other));
  }
  assert.ok(!sameNobodys(by("n2"), by("n2", "n3")));
});

Deno.test("who answers is who claims it, and until another does who did; a plan tells only of those that do not", () => {
  const { elect, state } = bench();
  const by = (ms: number, planned: string | undefined, heard = HEARD) =>
    answeredBy(state, A, planned, heard, at(ms));
  assert.deepEqual([by(0, undefined), by(0, "metallb"), by(0, "n2")], [
    undefined,
    "metallb",
    undefined,
  ]);
  elect(A, "n3", 0);
  onClaimed(state, "n2", [A]);
  assert.equal(by(1, "n3"), "n2");
  onReleased(state, "n2", [A], at(10));
  assert.deepEqual([by(10, "n3"), by(LINGER_MS + 9, "n3")], ["n2", "n2"], "until n3 claims it");
  assert.equal(by(11, "n3", new Set(["n3"])), undefined, "it is gone");
  assert.equal(by(LINGER_MS + 10, "n3"), undefined);
  onClaimed(state, "n3", [A]);
  assert.equal(by(LINGER_MS + 11, "n3"), "n3");
  onHeard(state, new Set(["n2"]), at(LINGER_MS + 12));
  assert.equal(by(LINGER_MS + 13, "n3", new Set(["n2"])), "n3", "by gossip alone: it may answer");
  onReleased(state, "n2", [], at(9_000));
  assert.equal(state.leaving.size, 0);
});
