import assert from "node:assert/strict";
import { joined } from "./cluster.ts";

Deno.test("members find each other by one join, and news reach all", () => {
  const cluster = joined("a", "b", "c", "d", "e");
  for (const name of ["a", "b", "c", "d", "e"]) assert.equal(cluster.alive(name), "a,b,c,d,e");
});

Deno.test("a member that dies is dead for its peers some five seconds later (row L3)", () => {
  const cluster = joined("a", "b", "c");
  cluster.stop("c");
  cluster.pass(4_000);
  assert.equal(cluster.alive("a"), "a,b,c", "suspected members still count");
  cluster.pass(4_000);
  assert.equal(cluster.alive("a"), "a,b");
  assert.equal(cluster.alive("b"), "a,b");
});

Deno.test("a member that leaves is gone at once", () => {
  const cluster = joined("a", "b", "c");
  cluster.act("c", { kind: "leave" });
  assert.equal(cluster.alive("a"), "a,b");
  assert.equal(cluster.members.get("a")?.members.get("c")?.state, "left");
});

Deno.test("a path lost in one direction costs nobody its membership (row L19)", () => {
  const cluster = joined("a", "b", "c");
  cluster.cut.add("a>b");
  for (let second = 0; second < 60; second++) {
    cluster.pass(1_000);
    for (const name of ["a", "b", "c"]) assert.equal(cluster.alive(name), "a,b,c", `${second}`);
  }
});

Deno.test("a healed partition joins again through the dead (row L18)", () => {
  const cluster = joined("a", "b", "c");
  for (const other of ["a", "b"]) cluster.cut.add(`c>${other}`).add(`${other}>c`);
  cluster.pass(15_000);
  assert.deepEqual([cluster.alive("a"), cluster.alive("c")], ["a,b", "c"]);
  cluster.cut.clear();
  cluster.pass(3_500); // the next try comes within 2.4 s
  for (const name of ["a", "b", "c"]) assert.equal(cluster.alive(name), "a,b,c");
});

Deno.test("a node that starts anew tells all its new metadata before it was missed", () => {
  const cluster = joined("a", "b", "c");
  cluster.stop("a");
  cluster.add("a", Uint8Array.of(1, 2));
  cluster.join("a", "b");
  cluster.pass(1_500);
  for (const name of ["b", "c"]) {
    assert.deepEqual([...cluster.members.get(name)?.members.get("a")?.meta ?? []], [1, 2]);
  }
});

Deno.test("a pause accuses nobody", () => {
  const cluster = joined("a", "b", "c");
  cluster.act("b", { kind: "paused" });
  cluster.pass(500);
  assert.equal(cluster.alive("b"), "a,b,c");
});
