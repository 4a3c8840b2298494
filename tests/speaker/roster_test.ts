import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import {
  createRoster,
  HEAR_MS,
  liveNodes,
  onCanAnnounce,
  onDown,
  onUp,
  setMembers,
} from "../../lib/speaker/roster.ts";

const at = (ms: number) => instant(ms);
function roster(beating: string[], others: string[] = []) {
  const made = createRoster("a");
  made.canAnnounce = true;
  setMembers(made, new Set(["a", ...beating, ...others]), new Set(beating), at(0));
  return made;
}
const live = (made: ReturnType<typeof roster>, ms: number) =>
  [...liveNodes(made, at(ms))].sort().join();

Deno.test("MetalLB's speakers live by gossip alone", () => {
  assert.equal(live(roster([], ["m"]), 0), "a,m");
});

Deno.test("a Herald speaker lives when it is heard, and while it is", () => {
  const made = roster(["b"]);
  assert.equal(live(made, 0), "a", "found, not heard");
  onUp(made, "b");
  assert.equal(live(made, 1), "a,b");
  onDown(made, "b");
  assert.equal(live(made, 2), "a", "gossip needs seconds to notice");
  onUp(made, "b");
  onCanAnnounce(made, "b", false);
  assert.equal(live(made, 3), "a");
  onCanAnnounce(made, "b", true);
  assert.equal(live(made, 3), "a,b");
});

Deno.test("where heartbeats do not come through, gossip alone must do", () => {
  const made = roster(["b"]);
  assert.equal(live(made, HEAR_MS - 1), "a");
  assert.equal(live(made, HEAR_MS), "a,b");
});

Deno.test("who is no member any more is forgotten, and found anew when it returns", () => {
  const made = roster(["b"]);
  onDown(made, "b");
  setMembers(made, new Set(["a"]), new Set(), at(10));
  setMembers(made, new Set(["a", "b"]), new Set(["b"]), at(20));
  assert.equal(live(made, 20), "a");
  assert.equal(live(made, 20 + HEAR_MS), "a,b");
});

Deno.test("a node that cannot announce does not count on itself", () => {
  const made = roster([]);
  made.canAnnounce = false;
  assert.equal(live(made, 0), "");
});
