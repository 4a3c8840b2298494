import assert from "node:assert/strict";
import { createMembership } from "../../../lib/host/speaker/membership.ts";
import { HEAR_MS } from "../../../lib/speaker/liveness.ts";
import { ip, ips } from "../../controller/fixture.ts";
import { settled } from "../../support/clock.ts";
import { metallbOn } from "../../support/facts.ts";
import { fakeGossip, fakeHeartbeat, recordedInbox, speakerContext } from "./parts.ts";
import { parseMac } from "../../support/addresses.ts";

const MACS = [parseMac("02:00:00:00:00:01") ?? assert.fail()];

function bench() {
  const context = speakerContext();
  const inbox = recordedInbox();
  const beating = fakeHeartbeat();
  const gossiping = fakeGossip();
  const { heartbeat } = beating;
  const { gossip } = gossiping;
  const announcement = { inRing: true, port: 7947, boot: 1, sinceMs: 1_000, canAnnounce: false };
  const membership = createMembership({
    context,
    inbox,
    heartbeat,
    gossip,
    keyBytes: 16,
    announcement,
  });
  const live = (pods?: ReadonlySet<string>) => [...membership.live(pods) ?? []].sort().join();
  return {
    context,
    inbox,
    beating,
    gossiping,
    membership,
    live,
    /** Gossip finds speakers that beat. */
    find(...names: string[]) {
      for (const name of names) gossiping.add(name, 1);
      membership.take({ kind: "members" });
    },
    /** Settles all notices that are on their way; gives what they said. */
    settleAll() {
      const notices = beating.orders().filter((order) => order.kind === "notify");
      for (const { id } of notices) membership.take({ kind: "settled", id, missing: [] });
      return notices.map(({ notice }) => notice);
    },
  };
}

Deno.test("a membership tells the heartbeat whom gossip found, and only when that changed", () => {
  const { beating, find, gossiping, inbox, membership } = bench();
  gossiping.add("node9");
  find("node2");
  const targets = () => beating.orders().filter((order) => order.kind === "targets");
  assert.deepEqual(targets().map((order) => order.targets.map(({ name }) => name)), [["node2"]]);
  membership.take({ kind: "members" });
  assert.deepEqual(targets(), [], "nothing is new");
  gossiping.add("node2", 2);
  membership.take({ kind: "members" });
  assert.deepEqual(targets().map((order) => order.targets[0]?.boot), [2], "another run is another");
  gossiping.die("node2");
  membership.take({ kind: "members" });
  assert.deepEqual(targets().map((order) => order.targets), [[]]);
  // Node 9 does not beat: what it announced before it came is put right.
  assert.deepEqual(inbox.kinds(), ["fellow-up", "members", "members", "members"]);
});

Deno.test("that a view is stale is told by heartbeat before gossip, and taken from both", () => {
  const { beating, find, membership } = bench();
  find("node2");
  membership.setView("current");
  membership.setView("old");
  membership.setView("stale");
  assert.deepEqual(beating.orders().at(-1), { kind: "view", stale: true });
  membership.take({ kind: "up", name: "node2" });
  membership.take({ kind: "view", name: "node2", stale: true });
  assert.deepEqual([...membership.stale()], ["node2"]);
  membership.take({ kind: "view", name: "node2", stale: false });
  assert.deepEqual([...membership.stale()], []);
});

Deno.test("a membership's live speakers are those that it hears, and what it tells of itself", () => {
  const { beating, context, find, gossiping, live, membership } = bench();
  gossiping.add("node9");
  find("node2");
  assert.equal(live(), "node2,node9", "it cannot announce yet, and counts on node2");
  membership.setCanAnnounce(true);
  assert.deepEqual(beating.orders().at(-1), { kind: "can-announce", canAnnounce: true });
  membership.take({ kind: "up", name: "node2" });
  assert.equal(live(), "node1,node2,node9");
  assert.deepEqual([...membership.heard()], ["node2"]);
  membership.take({ kind: "can-announce", name: "node2", canAnnounce: false });
  assert.equal(live(), "node1,node9");
  membership.take({ kind: "down", name: "node2", silentMs: 150 });
  membership.take({ kind: "can-announce", name: "node2", canAnnounce: true });
  assert.equal(live(), "node1,node9");
  assert.deepEqual([...membership.heard()], []);
  assert.equal(live(new Set(["node2", "node7"])), "node1,node7,node9", "gossip knows node2");
  assert.deepEqual(context.log.messages("warn"), ["speaker is gone"]);
  membership.take({ kind: "up", name: "node2" });
  assert.equal(context.log.lines.at(-1)?.msg, "speaker is heard again");
});

Deno.test("F3: a membership knows MetalLB's speakers by what they do not tell of themselves", () => {
  const { find, gossiping, membership } = bench();
  const beside = () => [...membership.beside().nodes].join();
  find("node2");
  assert.equal(beside(), "", "node2 tells that it is Herald's");
  gossiping.add("node9");
  membership.take({ kind: "members" });
  assert.deepEqual(membership.beside(), metallbOn(["node9"], 16));
  assert.deepEqual([...membership.roster().addressesBeside], ips("10.0.0.9"));
  gossiping.die("node9");
  membership.take({ kind: "members" });
  assert.equal(beside(), "", "the last one is gone");
});

Deno.test("the number of heartbeats heard is right whatever ends one", async () => {
  const { context, find, gossiping, membership } = bench();
  const shown = async () =>
    (await context.metrics.gossip.heartbeatPeers.get()).values.map(({ value }) => value);
  const hear = (...names: string[]) => {
    find(...names);
    for (const name of names) membership.take({ kind: "up", name });
  };
  hear("node2", "node3", "node4");
  assert.deepEqual(await shown(), [3]);
  membership.take({ kind: "down", name: "node2", silentMs: 150 });
  assert.deepEqual(await shown(), [2], "it was missed");
  membership.take({ kind: "notice", name: "node3", id: 1, notice: { what: "leaving" } });
  assert.deepEqual(await shown(), [1], "it said goodbye");
  gossiping.die("node4");
  membership.take({ kind: "members" });
  assert.deepEqual(await shown(), [1], "gossip gave it up, and it beats");
  assert.deepEqual([...membership.live(undefined) ?? []], ["node4"]);
  membership.take({ kind: "down", name: "node4", silentMs: 150 });
  assert.deepEqual(await shown(), [0], "it was missed too");
  assert.deepEqual([...membership.live(undefined) ?? []], []);
});

Deno.test("a member that no heartbeat reaches is looked at again when gossip alone must do", async () => {
  const { context, find, inbox, live, membership } = bench();
  membership.setCanAnnounce(true);
  find("node2");
  inbox.kinds();
  await context.clock.elapse(HEAR_MS);
  assert.deepEqual(inbox.kinds(), []);
  await context.clock.elapse(1);
  assert.deepEqual(inbox.kinds(), ["members"]);
  assert.equal(live(), "node1,node2");
});

Deno.test("a speaker whose heartbeat is missed is asked by gossip, and believed when it answers", () => {
  const { context, find, gossiping, inbox, live, membership } = bench();
  membership.setCanAnnounce(true);
  find("node2");
  membership.take({ kind: "up", name: "node2" });
  gossiping.calls();
  membership.take({ kind: "down", name: "node2", silentMs: 150 });
  assert.deepEqual(gossiping.calls(), ["doubt node2"]);
  assert.equal(live(), "node1");
  inbox.kinds();
  membership.take({ kind: "vouched", name: "node2", answers: true });
  assert.deepEqual(inbox.kinds(), ["members"]);
  assert.equal(live(), "node1,node2");
  assert.match(context.log.messages("warn").at(-1) ?? "", /is UDP port 7947 filtered/);
  membership.take({ kind: "vouched", name: "node2", answers: false });
  assert.equal(live(), "node1");
  membership.take({ kind: "up", name: "node2" });
  assert.deepEqual(gossiping.calls(), ["heard node2"]);
});

Deno.test("a verdict that changes with time alone is looked at then, until the membership ends", async () => {
  const { context, find, inbox, live, membership } = bench();
  membership.setCanAnnounce(true);
  find("node2", "node3");
  for (const name of ["node2", "node3"]) membership.take({ kind: "up", name });
  for (const name of ["node2", "node3"]) {
    membership.take({ kind: "down", name, silentMs: 150 });
  }
  inbox.kinds();
  assert.equal(live(), "node1,node2,node3", "all at once: the fault may be here");
  await context.clock.elapse(301);
  assert.deepEqual(inbox.kinds(), ["members"]);
  assert.equal(live(), "node1");
  await membership[Symbol.asyncDispose]();
  await context.clock.elapse(60_000);
  assert.deepEqual(inbox.kinds(), []);
});

Deno.test("what a speaker says by gossip of its fitness counts where no heartbeat tells it sooner", async () => {
  const { context, gossiping, live, membership } = bench();
  membership.setCanAnnounce(true);
  gossiping.add("node2", 1, false);
  membership.take({ kind: "members" });
  await context.clock.elapse(HEAR_MS);
  assert.equal(live(), "node1");
  membership.take({ kind: "up", name: "node2" });
  membership.take({ kind: "can-announce", name: "node2", canAnnounce: true });
  membership.take({ kind: "members" });
  assert.equal(live(), "node1,node2", "the heartbeat is quicker");
});

Deno.test("describe() names each member's state in words for people", () => {
  const { find, gossiping, membership } = bench();
  gossiping.add("node9");
  find("node2", "node3", "node4", "node5");
  for (const name of ["node2", "node3", "node4"]) membership.take({ kind: "up", name });
  membership.take({ kind: "can-announce", name: "node3", canAnnounce: false });
  membership.take({ kind: "down", name: "node4", silentMs: 150 });
  gossiping.die("node9");
  membership.take({ kind: "members" });
  assert.deepEqual(membership.describe(), [
    { node: "node9", address: "10.0.0.9", state: "dead" },
    { node: "node2", address: "10.0.0.2", state: "up" },
    { node: "node3", address: "10.0.0.3", state: "cannot announce" },
    { node: "node4", address: "10.0.0.4", state: "gone" },
    { node: "node5", address: "10.0.0.5", state: "alive" },
  ]);
});

Deno.test("a node is acquainted when it has heard all that gossip found, and all have heard it", async () => {
  const { context, find, gossiping, inbox, membership, settleAll } = bench();
  find("node2", "node3");
  gossiping.joined();
  await context.clock.elapse(100);
  membership.take({ kind: "up", name: "node2" });
  membership.take({ kind: "up", name: "node3" });
  assert.deepEqual(inbox.kinds(), ["members", "fellow-up", "fellow-up"]);
  await context.clock.elapse(10);
  assert.deepEqual(inbox.kinds(), [], "the others may not have heard of this run of the process");
  assert.deepEqual(settleAll(), [{ what: "release", ips: [] }]);
  await settled();
  assert.deepEqual(inbox.kinds(), ["acquainted"]);
});

Deno.test("a node is not acquainted before gossip has joined, and waits no longer for silent ones", async () => {
  const { context, find, gossiping, inbox, settleAll } = bench();
  find("node2");
  await context.clock.elapse(10 * HEAR_MS);
  assert.deepEqual(settleAll(), []);
  gossiping.joined();
  await context.clock.elapse(HEAR_MS - 1);
  assert.deepEqual(settleAll(), []);
  await context.clock.elapse(20);
  inbox.kinds();
  assert.deepEqual(settleAll(), [{ what: "release", ips: [] }]);
  await settled();
  assert.deepEqual(inbox.kinds(), ["acquainted"]);
});

Deno.test("a notice is decided at once and acknowledged when it is carried out", () => {
  const { beating, find, inbox, membership } = bench();
  find("node2");
  membership.take({ kind: "up", name: "node2" });
  inbox.kinds();
  beating.orders();
  const notice = { what: "claim", ips: ips("10.77.1.1"), macs: MACS } as const;
  membership.take({ kind: "notice", name: "node2", id: 7, notice });
  assert.deepEqual(inbox.kinds(), ["now notice"]);
  assert.deepEqual(beating.orders(), []);
  assert.deepEqual(inbox.notices[0]?.notice, notice);
  inbox.notices[0]?.acknowledge();
  assert.deepEqual(beating.orders(), [{ kind: "acknowledge", name: "node2", id: 7 }]);
});

Deno.test("a speaker that leaves does not live any more when its notice is decided", () => {
  const { find, inbox, live, membership } = bench();
  membership.setCanAnnounce(true);
  find("node2");
  membership.take({ kind: "up", name: "node2" });
  inbox.kinds();
  membership.take({ kind: "notice", name: "node2", id: 1, notice: { what: "leaving" } });
  assert.deepEqual(inbox.kinds(), ["members", "now notice"]);
  assert.equal(live(), "node1");
});

Deno.test("notify() settles when all pieces of a notice have", async () => {
  const { beating, membership } = bench();
  const many = ips(...Array.from({ length: 100 }, (_, index) => `10.77.1.${index + 1}`));
  let done = false;
  const notified = membership.notify({ what: "release", ips: many }).then(() => done = true);
  const ids = beating.orders().filter((order) => order.kind === "notify").map(({ id }) => id);
  assert.equal(ids.length, 3);
  for (const id of ids) {
    await settled();
    assert.equal(done, false);
    membership.take({ kind: "settled", id, missing: [] });
  }
  await notified;
});

Deno.test("after a short pause replies go out again once the notices that waited are read", async () => {
  const { beating, context, gossiping, inbox, membership } = bench();
  membership.take({ kind: "paused", ms: 499, pause: 7 });
  assert.deepEqual(gossiping.calls(), ["paused"]);
  assert.deepEqual(beating.orders(), []);
  await context.clock.elapse(20);
  assert.deepEqual(beating.orders(), [{ kind: "resume", pause: 7 }]);
  assert.deepEqual(inbox.kinds(), []);
});

Deno.test("after a long pause a node forgets before it resumes, and gets acquainted anew", async () => {
  const { beating, context, gossiping, inbox, membership, settleAll } = bench();
  const { now } = inbox;
  Object.assign(inbox, {
    now(event: Parameters<typeof now>[0]) {
      assert.deepEqual(beating.orders(), [], "replies would go out for addresses of others");
      now(event);
    },
  });
  membership.take({ kind: "paused", ms: 500, pause: 7 });
  assert.deepEqual(beating.orders(), [{ kind: "resume", pause: 7 }]);
  assert.deepEqual(gossiping.calls(), ["paused"]);
  assert.deepEqual(inbox.kinds(), ["now lost"]);
  await context.clock.elapse(10);
  assert.deepEqual(settleAll(), [{ what: "release", ips: [] }]);
  await settled();
  assert.deepEqual(inbox.kinds(), ["acquainted"]);
});

Deno.test("a stranger's heartbeat makes gossip ask, and refused ones are told once a minute", async () => {
  const { context, gossiping, inbox, membership } = bench();
  const address = ips("10.0.0.8")[0] ?? assert.fail();
  membership.take({ kind: "stranger", name: "node8", address });
  assert.deepEqual(gossiping.calls(), ["ask node8"]);
  assert.deepEqual(inbox.kinds(), ["stranger"]);
  const refuse = () => membership.take({ kind: "refused", reasons: { signature: 3 } });
  refuse();
  refuse();
  assert.equal(context.log.messages("warn").length, 1);
  await context.clock.elapse(60_000);
  refuse();
  assert.equal(context.log.messages("warn").length, 2);
});

Deno.test("a node whose heartbeat ended or whose name is taken has a problem and does not live", () => {
  const ended = bench();
  ended.membership.setCanAnnounce(true);
  assert.equal(ended.live(), "node1");
  ended.membership.take({ kind: "fault", error: new Error("out of memory") });
  assert.equal(ended.membership.problem(), "out of memory");
  assert.equal(ended.live(), "");
  assert.deepEqual(ended.inbox.kinds(), ["members"]);
  const twin = bench();
  twin.membership.setCanAnnounce(true);
  twin.gossiping.rival();
  twin.membership.take({ kind: "members" });
  assert.match(
    twin.membership.problem() ?? "",
    /node name node1, at 10\.0\.0\.99; set --node-name/,
  );
  assert.equal(twin.live(), "");
});

Deno.test("leave() hands over first, then says goodbye and gives it time to arrive", async () => {
  const { context, gossiping, live, membership } = bench();
  membership.setCanAnnounce(true);
  assert.deepEqual(gossiping.calls(), ["mute false"]);
  const handedOver = Promise.withResolvers<void>();
  let left = false;
  const leaving = membership.leave(() => handedOver.promise).then(() => left = true);
  await settled();
  assert.deepEqual(gossiping.calls(), []);
  assert.equal(live(), "node1");
  handedOver.resolve();
  await settled();
  assert.deepEqual(gossiping.calls(), ["leave"]);
  assert.equal(live(), "");
  assert.equal(left, false);
  await context.clock.elapse(20);
  await leaving;
});

Deno.test("a membership ends gossip and heartbeat with itself, and leaves no notice waiting", async () => {
  const { beating, context, find, gossiping, membership } = bench();
  find("node2");
  const notified = membership.notify({ what: "leaving" });
  await membership[Symbol.asyncDispose]();
  await notified;
  assert.ok(beating.isDisposed() && gossiping.isDisposed());
  assert.equal(context.clock.pending(), 0);
});

Deno.test("F8: a membership knows whose Pods are ready and that gossip never reached", () => {
  const { find, gossiping, membership } = bench();
  find("node2");
  gossiping.failures.set(ip("10.0.0.3"), "no answer");
  const pods = new Set(["node1", "node2", "node3"]);
  assert.deepEqual(membership.unreached(pods), {
    nodes: ["node3"],
    failures: new Set(["no answer"]),
    keyBytes: 16,
  });
  gossiping.die("node2");
  membership.take({ kind: "members" });
  assert.deepEqual(membership.unreached(pods).nodes, ["node3"], "node2 was reached once");
  assert.deepEqual(membership.unreached(undefined).nodes, []);
});

Deno.test("a membership tells its rules with all else that it says of itself, once for each change", () => {
  const { gossiping, membership } = bench();
  const said = () => gossiping.calls().filter((call) => call.startsWith("mute"));
  membership.setCanAnnounce(true);
  membership.describeSelf({ cutOff: [], rules: "these" });
  membership.describeSelf({ cutOff: [], rules: "these" });
  membership.setCanAnnounce(false);
  assert.deepEqual(said(), ["mute false", "mute false by these", "mute true by these"]);
});

Deno.test("where a fellow that is not missed has not heard, what this node claims is told again", () => {
  const { find, inbox, membership } = bench();
  find("node2");
  membership.take({ kind: "up", name: "node2" });
  membership.take({ kind: "unheard", by: ["node2"] });
  assert.deepEqual(inbox.kinds(), ["members", "fellow-up", "fellow-up"]);
});
