import assert from "node:assert/strict";
import { type GossipState } from "../../lib/gossip/state.ts";
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
