import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import type { ViewState } from "../../lib/gossip/meta.ts";
import {
  ALL_SILENT_MS,
  createLiveness,
  hasFellow,
  HEAR_MS,
  judge,
  type Liveness,
  liveNodes,
  nextVerdict,
  onCanAnnounce,
  onDown,
  onLeaving,
  onUp,
  onView,
  onVouched,
  setCanAnnounce,
  setMembers,
} from "../../lib/speaker/liveness.ts";

const at = (ms: number) => instant(ms);
const NO_PODS = { known: new Set(["a"]), pods: undefined };

/** Node a, fit, among those that beat and others that only gossip tells of. */
function among(beating: string[], others: string[] = []): Liveness {
  const made = createLiveness("a");
  setCanAnnounce(made, true, at(-10_000));
  tell(made, [...beating, ...others], beating, 0);
  return made;
}
/** Gossip knows these. */
function tell(
  made: Liveness,
  others: readonly string[],
  beating: readonly string[],
  ms: number,
  { boot = 1, mute = [], views = {} }: {
    boot?: number;
    mute?: readonly string[];
    views?: Readonly<Record<string, ViewState>>;
  } = {},
): void {
  const view = {
    alive: new Set(["a", ...others]),
    beating: new Map(beating.map((name) => [name, boot])),
    mute: new Set(mute),
    elders: new Set(beating.filter((name) => name < "y")),
    views: new Map(Object.entries(views)),
  };
  setMembers(made, view, at(ms));
}
const verdicts = (made: Liveness, ms: number, sightings = NO_PODS) =>
  Object.fromEntries(judge(made, sightings, at(ms)));
const live = (made: Liveness, ms: number, sightings = NO_PODS) =>
  [...liveNodes(judge(made, sightings, at(ms)))].sort().join();

Deno.test("MetalLB's speakers live by gossip alone", () => {
  assert.deepEqual(verdicts(among([], ["m"]), 0), { a: "itself", m: "gossip alone" });
  assert.equal(live(among([], ["m"]), 0), "a,m");
});

Deno.test("a speaker that does not beat is new each time it comes: it may have announced what is another's", () => {
  const made = createLiveness("a");
  const comes = (alive: readonly string[], beating: readonly string[] = []) =>
    setMembers(made, {
      alive: new Set(alive),
      beating: new Map(beating.map((name) => [name, 1])),
      mute: new Set(),
      elders: new Set(),
      views: new Map(),
    }, at(0));
  assert.equal(comes(["a", "b"], ["b"]), false, "a fellow is heard again by its beats");
  for (let time = 1; time <= 2; time++) {
    assert.equal(comes(["a", "b", "m"], ["b"]), true, `time ${time}`);
    assert.equal(comes(["a", "b", "m"], ["b"]), false, `still there ${time}`);
    assert.equal(comes(["a", "b"], ["b"]), false, `gone ${time}`);
  }
});

Deno.test("a Herald speaker lives when it is heard, and while it is", () => {
  const made = among(["b"]);
  assert.equal(verdicts(made, 0).b, "not heard yet");
  assert.equal(live(made, 0), "a");
  onUp(made, "b");
  assert.equal(verdicts(made, 1).b, "heard");
  assert.equal(live(made, 1), "a,b");
  onDown(made, "b", at(1));
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
  onDown(made, "b", at(1));
  onCanAnnounce(made, "b", false);
  tell(made, [], [], 10);
  tell(made, ["b"], ["b"], 20);
  assert.equal(live(made, 20), "a");
  assert.equal(live(made, 20 + HEAR_MS), "a,b");
});

Deno.test("a node that cannot announce does not count on itself", () => {
  const made = among([]);
  setCanAnnounce(made, false, at(0));
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
  setCanAnnounce(made, false, at(0));
  const sightings = { known: new Set<string>(), pods: new Set(["a"]) };
  assert.deepEqual([...liveNodes(judge(made, sightings, at(0)))], []);
});

Deno.test("a pod that is not ready takes nothing from what gossip and heartbeat say", () => {
  const made = among(["b"]);
  onUp(made, "b");
  const sightings = { known: new Set(["a", "b"]), pods: new Set<string>() };
  assert.deepEqual([...liveNodes(judge(made, sightings, at(0)))].sort(), ["a", "b"]);
});

Deno.test("a newcomer counts on those that it does not hear yet: it is the one that must be heard", () => {
  const made = among(["b", "c"]);
  setCanAnnounce(made, false, at(0));
  assert.equal(verdicts(made, 0).b, "awaited");
  assert.equal(live(made, 0), "b,c");
  setCanAnnounce(made, true, at(100));
  assert.equal(live(made, 101), "a,b,c");
  tell(made, ["b", "c", "d"], ["b", "c", "d"], 2_000);
  assert.equal(verdicts(made, 2_000).d, "awaited");
  tell(made, ["b", "c", "d", "e"], ["b", "c", "d", "e"], 5_000);
  assert.equal(
    verdicts(made, 5_000).e,
    "not heard yet",
    "an old one waits for newcomers to be ready",
  );
});

Deno.test("who is missed and says by gossip that it can answer is alive, until it is heard or leaves", () => {
  const made = among(["b", "c"]);
  for (const name of ["b", "c"]) onUp(made, name);
  onVouched(made, "b", true);
  onDown(made, "b", at(10));
  assert.equal(live(made, 10), "a,c", "what it said before it was missed counts for nothing");
  onVouched(made, "b", true);
  assert.equal(verdicts(made, 12).b, "gossip alone");
  onVouched(made, "b", false);
  assert.equal(verdicts(made, 13).b, "missed", "it answers no more");
  onVouched(made, "b", true);
  onUp(made, "b");
  onDown(made, "b", at(20));
  assert.equal(verdicts(made, 20).b, "missed", "missed anew, it is asked anew");
  onVouched(made, "b", true);
  onLeaving(made, "b");
  assert.equal(verdicts(made, 21).b, "leaves");
});

Deno.test("when all fellows fall silent at once the fault may be here: gossip is heard first", () => {
  const made = among(["b", "c"]);
  for (const name of ["b", "c"]) onUp(made, name);
  onDown(made, "b", at(10));
  assert.equal(live(made, 10), "a,c", "of one that is silent others can tell");
  onDown(made, "c", at(12));
  assert.equal(live(made, 12), "a,b,c");
  assert.equal(nextVerdict(made, at(12)), 10 + ALL_SILENT_MS);
  onVouched(made, "c", true);
  assert.equal(live(made, 12 + ALL_SILENT_MS), "a,c");
  const pair = among(["b"]);
  onUp(pair, "b");
  onDown(pair, "b", at(10));
  assert.equal(live(pair, 10), "a", "a single fellow is given up at once");
});

Deno.test("who is missed is gone as long as it does not answer, however long gossip calls it alive", () => {
  const made = among(["b", "c"]);
  for (const name of ["b", "c"]) onUp(made, name);
  onDown(made, "b", at(0));
  assert.equal(live(made, 3_600_000), "a,c", "many that die at once are noticed late by gossip");
  onVouched(made, "b", true);
  assert.equal(live(made, 3_600_000), "a,b,c");
});

Deno.test("a goodbye is that of one run: a new one that no heartbeat reaches is believed by gossip", () => {
  const made = among(["b"]);
  onUp(made, "b");
  onLeaving(made, "b");
  tell(made, ["b"], ["b"], 50);
  assert.equal(verdicts(made, 3_600_000).b, "leaves");
  tell(made, ["b"], ["b"], 100, { boot: 2 });
  assert.equal(verdicts(made, 100).b, "not heard yet");
  assert.equal(verdicts(made, 100 + HEAR_MS).b, "gossip alone");
});

Deno.test("of who is not heard its gossip tells whether it can announce, whichever came first", () => {
  const made = among(["b", "c"]);
  for (const name of ["b", "c"]) onUp(made, name);
  onCanAnnounce(made, "c", false);
  tell(made, ["b", "c"], ["b", "c"], 10, { mute: ["b"] });
  assert.equal(live(made, 10), "a,b", "who is heard tells it sooner by its heartbeat");
  for (const name of ["b", "c"]) {
    onDown(made, name, at(20));
    onVouched(made, name, true);
  }
  assert.equal(live(made, 20), "a,c");
});

Deno.test("whoever is heard again says anew whether it can announce", () => {
  const made = among(["b"]);
  tell(made, ["b"], ["b"], 0, { mute: ["b"] });
  onUp(made, "b");
  assert.equal(live(made, 1), "a,b");
});

Deno.test("a fellow that went without a goodbye has returned when it is heard again, also in another run", () => {
  const made = among(["b"]);
  assert.equal(onUp(made, "b"), false, "its first word");
  onDown(made, "b", at(0));
  tell(made, [], [], 1);
  tell(made, ["b"], ["b"], 2);
  assert.equal(onUp(made, "b"), true);
  tell(made, ["b"], ["b"], 3, { boot: 2 });
  assert.equal(onUp(made, "b"), true, "the run before may have announced what it had not");
  onLeaving(made, "b");
  tell(made, ["b"], ["b"], 4, { boot: 3 });
  assert.equal(onUp(made, "b"), false, "it handed over what it had");
});

Deno.test("a current view counts only of a fellow that lives; which are stale is what they tell", () => {
  const made = among(["b", "c"]);
  const current = () => hasFellow(made, judge(made, NO_PODS, at(0)), "current");
  tell(made, ["b", "c"], ["b", "c"], 0, { views: { a: "current", b: "current", c: "stale" } });
  assert.ok(!current(), "b is not heard yet");
  onUp(made, "b");
  assert.ok(current());
  onCanAnnounce(made, "b", false);
  assert.ok(!current(), "b could not take over");
  assert.ok(!hasFellow(made, judge(made, NO_PODS, at(0))), "c is not heard yet");
  assert.deepEqual([...made.stale], ["c"]);
  onView(made, "b", true);
  onView(made, "c", false);
  assert.deepEqual([...made.stale], ["b"], "a heartbeat tells it sooner than gossip");
  onCanAnnounce(made, "b", true);
  assert.ok(!current());
  onView(made, "b", false);
  assert.ok(current());
  onCanAnnounce(made, "b", false);
  tell(made, ["b", "c"], ["b", "c"], 0, { views: { b: "stale", c: "current" } });
  assert.deepEqual([...made.stale], ["b"], "and gossip tells it where no heartbeat does");
  tell(made, ["b", "c"], ["b", "c"], 0);
  assert.deepEqual([...made.stale], [], "who tells nothing is not stale");
  onCanAnnounce(made, "b", true);
  assert.ok(!current(), "and not known to be current");
});
