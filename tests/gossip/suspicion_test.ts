import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { LAN_TIMING } from "../../lib/gossip/state.ts";
import { confirm, deathAt, suspect } from "../../lib/gossip/suspicion.ts";

const begin = (members: number) => suspect("a", members, LAN_TIMING, instant(0));

Deno.test("deathAt() is memberlist's: three nodes 4 s, ten 24 s alone and 4 s with two confirmations", () => {
  assert.equal(deathAt(begin(3)), 4_000);
  const ten = begin(10);
  assert.equal(deathAt(ten), 24_000);
  assert.ok(confirm(ten, "b"));
  const half = deathAt(ten);
  assert.ok(half > 4_000 && half < 24_000, `${half}`);
  assert.ok(confirm(ten, "c"));
  assert.equal(deathAt(ten), 4_000);
});

Deno.test("confirm() takes each accuser once, and no more than are wanted", () => {
  const ten = begin(10);
  assert.ok(!confirm(ten, "a"), "the first accuser");
  assert.ok(confirm(ten, "b"));
  assert.ok(!confirm(ten, "b"));
  assert.ok(confirm(ten, "c"));
  assert.ok(!confirm(ten, "d"));
  assert.ok(!confirm(begin(3), "b"), "nobody is waited for in a small cluster");
});
