import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { broadcast, takeBroadcasts, transmitLimit } from "../../lib/gossip/broadcasts.ts";
import { createGossip } from "../../lib/gossip/state.ts";
import { ip4 } from "../support/addresses.ts";

const make = () =>
  createGossip({ name: "a", address: ip4(1), port: 1 }, new Uint8Array(), instant(0));
const dead = (node: string, incarnation = 1) =>
  ({ kind: "dead", node, incarnation, from: "a" }) as const;

Deno.test("newer news about a node take the place of older ones", () => {
  const state = make();
  broadcast(state, "b", dead("b", 1));
  broadcast(state, "b", dead("b", 2));
  assert.deepEqual(takeBroadcasts(state, 1_000, () => 40), [dead("b", 2)]);
});

Deno.test("news are sent as often as they need to reach all, least sent first", () => {
  assert.deepEqual([1, 3, 9, 10, 99, 100].map(transmitLimit), [4, 4, 4, 8, 8, 12]);
  const state = make();
  broadcast(state, "b", dead("b"));
  takeBroadcasts(state, 1_000, () => 40);
  broadcast(state, "c", dead("c"));
  assert.deepEqual(takeBroadcasts(state, 50, () => 40), [dead("c")]);
  for (let round = 0; round < 10; round++) takeBroadcasts(state, 1_000, () => 40);
  assert.equal(state.broadcasts.size, 0);
});

Deno.test("a packet's budget counts two octets more for each part", () => {
  const state = make();
  for (const name of ["b", "c", "d"]) broadcast(state, name, dead(name));
  assert.equal(takeBroadcasts(state, 84, () => 40).length, 2);
  assert.equal(takeBroadcasts(state, 41, () => 40).length, 0);
});
