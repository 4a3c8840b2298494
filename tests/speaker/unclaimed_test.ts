import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { formatIp, type Ip } from "../../lib/net/ip.ts";
import {
  CLAIM_MS,
  createUnclaimed,
  nextUnclaimed,
  nobodys,
  onClaimed,
  onElected,
  onHeard,
  onReleased,
  unclaimed,
} from "../../lib/speaker/unclaimed.ts";
import { ip } from "../controller/fixture.ts";
import { ip4 } from "../support/addresses.ts";

const [A, B] = [ip("10.0.0.1"), ip("10.0.0.2")];
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
  assert.equal(nextUnclaimed(state, at(0)), undefined);
  elect(A, "n2", 0);
  elect(A, "n2", 1_000);
  assert.equal(nextUnclaimed(state, at(0)), CLAIM_MS);
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

Deno.test("who sees less than others may answer for what none of these claims, until one does", () => {
  const { elect, state } = bench();
  const left = (ms: number, isStale = true) =>
    [...nobodys(state, isStale, HEARD, at(ms))].map(formatIp).join();
  for (const one of [A, B]) elect(one, "n2", 0);
  assert.deepEqual([left(CLAIM_MS - 1), left(CLAIM_MS)], ["", "10.0.0.1,10.0.0.2"]);
  elect(A, undefined, CLAIM_MS);
  assert.equal(
    left(CLAIM_MS),
    "10.0.0.1,10.0.0.2",
    "this node answers for the first, and it stays",
  );
  onClaimed(state, "n3", [A]);
  assert.equal(left(CLAIM_MS), "10.0.0.2");
  assert.equal(left(CLAIM_MS, false), "", "its view is current");
});
