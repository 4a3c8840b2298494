import assert from "node:assert/strict";
import { type GossipState } from "../../lib/gossip/state.ts";
import { announcementOf } from "../../lib/gossip/meta.ts";
import { createCluster } from "./cluster.ts";

/** What a doubts of b come to, where b is as `prepare` leaves it. */
function doubted(prepare: (cluster: ReturnType<typeof createCluster>, b: GossipState) => void) {
  const cluster = createCluster();
  cluster.add("a");
  const b = cluster.add("b");
  cluster.join("b", "a");
  cluster.pass(2_000);
  prepare(cluster, b);
  const before = cluster.told.length;
  cluster.act("a", { kind: "doubt", name: "b" });
  cluster.pass(600);
  return cluster.told.slice(before).filter(({ by, action }) =>
    by === "a" && action.kind === "vouched"
  );
}

Deno.test("a member that is doubted by another channel answers for itself by gossip", () => {
  assert.equal(doubted(() => undefined).length, 1);
});

Deno.test("a member that is dead, or cannot answer for its addresses, is not vouched for", () => {
  assert.deepEqual(doubted((cluster) => cluster.stop("b")), []);
  assert.deepEqual(doubted((cluster) => cluster.cut.add("b>a")), []);
  assert.deepEqual(doubted((cluster) => cluster.act("b", { kind: "fitness", unfit: true })), []);
  assert.deepEqual(doubted((_, b) => b.members.clear()).length, 1, "it need not know who asks");
});

Deno.test("a lost packet costs a doubted member nothing, and late answers count for nothing", () => {
  const cluster = createCluster();
  cluster.add("a");
  cluster.add("b");
  cluster.join("b", "a");
  cluster.pass(2_000);
  const vouched = () => cluster.told.filter(({ action }) => action.kind === "vouched").length;
  cluster.cut.add("a>b");
  cluster.act("a", { kind: "doubt", name: "b" });
  cluster.pass(30);
  cluster.cut.clear();
  cluster.pass(40);
  assert.equal(vouched(), 1);
  cluster.cut.add("a>b");
  cluster.act("a", { kind: "doubt", name: "b" });
  cluster.pass(510);
  cluster.cut.clear();
  cluster.pass(600);
  assert.equal(vouched(), 1);
  cluster.act("a", { kind: "doubt", name: "nobody" });
  assert.equal(cluster.members.get("a")?.doubts.size, 0);
});

Deno.test("a doubted member is asked until it is heard, and vouched for as long as it answers", () => {
  const cluster = createCluster();
  cluster.add("a");
  cluster.add("b");
  cluster.join("b", "a");
  cluster.pass(2_000);
  const answers = () =>
    cluster.told.flatMap(({ action }) => action.kind === "vouched" ? [action.answers] : []);
  cluster.act("b", { kind: "fitness", unfit: true });
  cluster.act("a", { kind: "doubt", name: "b" });
  cluster.pass(900);
  assert.deepEqual(answers(), []);
  cluster.act("b", { kind: "fitness", unfit: false });
  cluster.pass(1_000);
  assert.deepEqual(answers(), [true], "it can answer now");
  cluster.pass(10_000);
  cluster.stop("b");
  cluster.pass(3_000);
  assert.deepEqual(answers(), [true, false], "sooner than gossip notices its death");
  assert.equal(cluster.alive("a"), "a,b");
  cluster.act("a", { kind: "heard", name: "b" });
  assert.equal(cluster.members.get("a")?.doubts.size, 0);
});

Deno.test("F5: who answers neither is dead at once to MetalLB's speakers, and not before to Herald's", () => {
  const herald = announcementOf({
    port: 7947,
    boot: 1,
    inRing: true,
    sinceMs: 1,
    canAnnounce: true,
  });
  for (const mixed of [true, false]) {
    const cluster = createCluster();
    for (const name of ["a", "b", "c"]) {
      cluster.add(name, name === "c" && mixed ? undefined : herald);
    }
    for (const name of ["b", "c"]) cluster.join(name, "a");
    cluster.pass(2_000);
    cluster.stop("b");
    cluster.act("a", { kind: "doubt", name: "b" });
    cluster.pass(1_000);
    assert.equal(cluster.alive("c"), mixed ? "a,c" : "a,b,c", `mixed: ${mixed}`);
  }
});

Deno.test("a member that lives refutes that it is dead", () => {
  const cluster = createCluster();
  for (const name of ["a", "b", "c"]) cluster.add(name);
  for (const name of ["b", "c"]) cluster.join(name, "a");
  cluster.pass(2_000);
  cluster.cut.add("b>a");
  cluster.act("a", { kind: "doubt", name: "b" });
  cluster.pass(600);
  cluster.cut.clear();
  cluster.pass(2_000);
  for (const name of ["a", "b", "c"]) assert.equal(cluster.alive(name), "a,b,c", name);
});
