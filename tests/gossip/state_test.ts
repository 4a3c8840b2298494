import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import {
  createGossip,
  isPresent,
  LAN_TIMING,
  type Member,
  type MemberState,
  OWN_VSN,
  readsCrc,
} from "../../lib/gossip/state.ts";
import { aliveMembers, nextDeadline } from "../../lib/gossip/step.ts";
import { ip4 } from "../support/addresses.ts";

const SELF = { name: "a", address: ip4(1), port: 7946 };
const META = Uint8Array.of(7);
const begin = () => createGossip(SELF, META, instant(1_000));
const member = (name: string, state: MemberState, vsn = OWN_VSN): Member => ({
  name,
  address: ip4(2),
  port: 7946,
  incarnation: 3,
  meta: new Uint8Array(),
  vsn,
  state,
  changedAt: instant(0),
  suspicion: undefined,
});

Deno.test("createGossip() begins alone, with a search for members at once and its other work later", () => {
  const state = begin();
  assert.deepEqual([...aliveMembers(state)], ["a"]);
  assert.equal(nextDeadline(state), 1_000);
  const { nextProbe, nextGossip, nextPushPull } = state;
  assert.deepEqual([nextProbe, nextGossip, nextPushPull], [2_000, 1_200, 31_000]);
});

Deno.test("createGossip() keeps the pace it is given", () => {
  const timing = { ...LAN_TIMING, probeIntervalMs: 300 };
  assert.equal(createGossip(SELF, META, instant(0), timing).nextProbe, 300);
});

Deno.test("a suspect is present, the dead and those that left are not", () => {
  const present = (["alive", "suspect", "dead", "left"] as const)
    .filter((state) => isPresent(member("b", state)));
  assert.deepEqual(present, ["alive", "suspect"]);
});

Deno.test("readsCrc() asks for a member of protocol 5", () => {
  const reads = (maximum: number) =>
    readsCrc(member("b", "alive", Uint8Array.of(1, maximum, 2, 0, 0, 0)));
  assert.deepEqual([reads(4), reads(5)], [false, true]);
});
