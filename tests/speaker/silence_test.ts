import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { step } from "../../lib/speaker/ownership.ts";
import { createOwnership } from "../../lib/speaker/ownership_state.ts";
import { lingers, silence } from "../../lib/speaker/silence.ts";
import { ip4 } from "../support/addresses.ts";

const VIP = ip4(0x0a4d01dc);

Deno.test("silence() tells why an address of this node's gets no answer from it", () => {
  const state = createOwnership("b", (one, other) => one < other);
  const wish = { ip: VIP, salt: "", own: true, owner: "b", canLinger: true };
  assert.equal(silence(state, VIP), "this node does not claim it now", "not yet");
  step(state, { kind: "wishes", wishes: [wish] }, instant(0));
  assert.equal(silence(state, VIP), undefined);
  step(state, { kind: "claim", from: "a", ips: [VIP] }, instant(5));
  assert.equal(
    silence(state, VIP),
    "yields to a, which claims it too and comes first in the election",
  );
  step(state, { kind: "release", from: "a", ips: [VIP] }, instant(6));
  step(state, { kind: "leave" }, instant(9));
  assert.equal(silence(state, VIP), undefined, "it lingers");
  step(state, { kind: "claim", from: "a", ips: [VIP] }, instant(10));
  assert.equal(silence(state, VIP), "this node does not claim it now", "it has left");
});

Deno.test("lingers() tells of an address that is handed over and still answered", () => {
  const state = createOwnership("a", (one, other) => one < other);
  const wish = { ip: VIP, salt: "", own: true, owner: "a", canLinger: true };
  step(state, { kind: "fellows", names: new Set(["b"]) }, instant(0));
  step(state, { kind: "wishes", wishes: [wish] }, instant(0));
  assert.equal(lingers(state, VIP), undefined, "its own");
  step(state, { kind: "wishes", wishes: [{ ...wish, own: false, owner: "b" }] }, instant(1));
  assert.equal(lingers(state, VIP), "a");
  step(state, { kind: "claim", from: "b", ips: [VIP] }, instant(2));
  assert.equal(lingers(state, VIP), undefined, "b answers");
});

Deno.test("silence() names who sees newer things", () => {
  const state = createOwnership("a", (one, other) => one < other);
  const wish = { ip: VIP, salt: "", own: true, owner: "a", canLinger: true };
  step(state, { kind: "wishes", wishes: [wish] }, instant(0));
  step(state, { kind: "stale", names: new Set(["a"]) }, instant(1));
  step(state, { kind: "claim", from: "b", ips: [VIP] }, instant(5));
  assert.match(silence(state, VIP) ?? "", /^yields to b, .* sees newer things of the cluster$/);
});
