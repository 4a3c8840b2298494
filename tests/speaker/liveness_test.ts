import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import {
  createLiveness,
  HEAR_MS,
  judge,
  type Liveness,
  liveNodes,
  onCanAnnounce,
  onDown,
  onUp,
  setMembers,
} from "../../lib/speaker/liveness.ts";

const at = (ms: number) => instant(ms);
const NO_PODS = { known: new Set(["a"]), pods: undefined };

/** Node a, fit, among those that beat and others that only gossip tells of. */
function among(beating: string[], others: string[] = []): Liveness {
  const made = createLiveness("a");
  made.fitness.canAnnounce = true;
  setMembers(made, new Set(["a", ...beating, ...others]), new Set(beating), at(0));
  return made;
}
const verdicts = (made: Liveness, ms: number, sightings = NO_PODS) =>
  Object.fromEntries(judge(made, sightings, at(ms)));
const live = (made: Liveness, ms: number, sightings = NO_PODS) =>
  [...liveNodes(judge(made, sightings, at(ms)))].sort().join();

Deno.test("MetalLB's speakers live by gossip alone", () => {
  assert.deepEqual(verdicts(among([], ["m"]), 0), { a: "itself", m: "gossip alone" });
  assert.equal(live(among([], ["m"]), 0), "a,m");
});

Deno.test("a Herald speaker lives when it is heard, and while it is", () => {
  const made = among(["b"]);
  assert.equal(verdicts(made, 0).b, "not heard yet");
  assert.equal(live(made, 0), "a");
  onUp(made, "b");
  assert.equal(verdicts(made, 1).b, "heard");
  assert.equal(live(made, 1), "a,b");
  onDown(made, "b");
  assert.equal(verdicts(made, 2).b, "missed");
  assert.equal(live(made, 2), "a", "gossip needs seconds to notice");
  onUp(made, "b");
  assert.equal(live(made, 3), "a,b");
});

Deno.test("a speaker that says it cannot announce does not live, until it says that it can", () => {
  const made = among(["b"]);
  onUp(made, "b");
  onCanAnnounce(made, "b", false);
  assert.equal(verdicts(made, 3).b, "cannot announce");
  assert.equal(live(made, 3), "a");
  onCanAnnounce(made, "b", true);
  assert.equal(live(made, 3), "a,b");
});

Deno.test("where heartbeats do not come through, gossip alone must do", () => {
  const made = among(["b"]);
  assert.equal(live(made, HEAR_MS - 1), "a");
  assert.equal(live(made, HEAR_MS), "a,b");
  assert.equal(verdicts(made, HEAR_MS).b, "gossip alone");
});

Deno.test("a node that is no member any more is forgotten, and found anew when it returns", () => {
  const made = among(["b"]);
  onDown(made, "b");
  onCanAnnounce(made, "b", false);
  setMembers(made, new Set(["a"]), new Set(), at(10));
  setMembers(made, new Set(["a", "b"]), new Set(["b"]), at(20));
  assert.equal(live(made, 20), "a");
  assert.equal(live(made, 20 + HEAR_MS), "a,b");
});

Deno.test("a node that cannot announce does not count on itself", () => {
  const made = among([]);
  made.fitness.canAnnounce = false;
  assert.deepEqual(verdicts(made, 0), { a: "cannot announce" });
  assert.equal(live(made, 0), "");
});

Deno.test("a node that leaves or has a problem of its own does not count on itself", () => {
  const made = among([], ["m"]);
  made.fitness.leaving = true;
  assert.equal(verdicts(made, 0).a, "leaving");
  assert.equal(live(made, 0), "m");
  made.fitness.leaving = false;
  made.fitness.problem = "another speaker has the node name a";
  assert.equal(verdicts(made, 0).a, "at fault");
  assert.equal(live(made, 0), "m");
});

Deno.test("a ready speaker that gossip never reached counts as it does without gossip", () => {
  const made = among([], ["m"]);
  const sightings = { known: new Set(["a", "m", "dead"]), pods: new Set(["m", "dead", "apart"]) };
  assert.deepEqual(Object.fromEntries(judge(made, sightings, at(0))), {
    a: "itself",
    m: "gossip alone",
    dead: "not in gossip",
    apart: "pod alone",
  });
  assert.deepEqual([...liveNodes(judge(made, sightings, at(0)))].sort(), ["a", "apart", "m"]);
});

Deno.test("a ready pod of this node does not make it count on itself", () => {
  const made = among([]);
  made.fitness.canAnnounce = false;
  const sightings = { known: new Set<string>(), pods: new Set(["a"]) };
  assert.deepEqual([...liveNodes(judge(made, sightings, at(0)))], []);
});

Deno.test("a pod that is not ready takes nothing from what gossip and heartbeat say", () => {
  const made = among(["b"]);
  onUp(made, "b");
  const sightings = { known: new Set(["a", "b"]), pods: new Set<string>() };
  assert.deepEqual([...liveNodes(judge(made, sightings, at(0)))].sort(), ["a", "b"]);
});
