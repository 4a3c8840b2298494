import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { createGossip, type Member, type MemberState, OWN_VSN } from "../../lib/gossip/state.ts";
import { ackPayload, localStates, ownAlive, saysUnfit } from "../../lib/gossip/told.ts";
import { ip4 } from "../support/addresses.ts";

const SELF = { name: "a", address: ip4(1), port: 7946 };
const META = Uint8Array.of(7);
const begin = () => createGossip(SELF, META, instant(1_000));
const member = (name: string, state: MemberState): Member => ({
  name,
  address: ip4(2),
  port: 7946,
  incarnation: 3,
  meta: new Uint8Array(),
  vsn: OWN_VSN,
  state,
  changedAt: instant(0),
  suspicion: undefined,
});

Deno.test("localStates() tells this node first and then all others, the gone ones too", () => {
  const state = begin();
  state.members.set("b", member("b", "dead"));
  const own = { ...SELF, meta: META, incarnation: 1, state: "alive", vsn: OWN_VSN };
  const { changedAt: _, suspicion: __, ...told } = member("b", "dead");
  assert.deepEqual(localStates(state), [own, told]);
  state.leaving = true;
  assert.equal(localStates(state)[0]?.state, "left");
});

Deno.test("ownAlive() says what localStates() says", () => {
  const state = begin();
  state.incarnation = 9;
  const { kind, node, ...rest } = ownAlive(state) as ReturnType<typeof ownAlive> & {
    kind: "alive";
  };
  assert.equal(kind, "alive");
  assert.deepEqual({ name: node, state: "alive", ...rest }, localStates(state)[0]);
});

Deno.test("only an unfit node says anything in its answers to pings", () => {
  const state = begin();
  assert.equal(ackPayload(state).length, 0, "as memberlist answers");
  assert.equal(saysUnfit(ackPayload(state)), false);
  state.unfit = true;
  assert.equal(saysUnfit(ackPayload(state)), true);
  assert.equal(saysUnfit(Uint8Array.of(1, 2, 3)), false, "another's payload");
});
