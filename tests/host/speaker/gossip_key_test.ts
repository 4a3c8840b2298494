import assert from "node:assert/strict";
import { DEFAULT_TIMING } from "../../../lib/heartbeat/monitor_state.ts";
import type { GossipFlags } from "../../../lib/host/process/options.ts";
import type { RoleContext } from "../../../lib/host/process/role.ts";
import { ALONE, type Fellows } from "../../../lib/host/speaker/fellows.ts";
import { joinWithKey } from "../../../lib/host/speaker/gossip_key.ts";
import { ip } from "../../controller/fixture.ts";
import { settled } from "../../support/clock.ts";
import { fedCluster } from "../../support/fed_cluster.ts";
import { recordedInbox, speakerContext } from "./parts.ts";
import { NO_WORKER } from "../../support/timekeeper.ts";

const FLAGS: GossipFlags = {
  bindAddress: ip("10.0.0.1"),
  port: 7946,
  join: [],
  secret: "by flag",
  secretName: undefined,
  keyBytes: undefined,
  heartbeat: DEFAULT_TIMING,
};
const WATCH = "Secret/metallb-system/memberlist";
const SECRET = {
  metadata: { namespace: "metallb-system", name: "memberlist" },
  data: { secretkey: btoa("by Secret\n") },
};
const JOINED: Fellows = { ...ALONE, heard: () => new Set(["node2"]) };

async function bench(gossip: GossipFlags | undefined, refusal?: Error) {
  const fed = fedCluster();
  const context = { ...speakerContext({ gossip }), cluster: fed.cluster };
  const keys: (string | undefined)[] = [];
  const layer2 = { replyLease: undefined, requireReplyLease: () => undefined };
  const facts = { pods: () => undefined, podsKnown: () => true };
  const join = ({ options }: RoleContext) => {
    keys.push(options.gossip?.secret);
    return refusal === undefined ? Promise.resolve(JOINED) : Promise.reject(refusal);
  };
  return {
    ...fed,
    context,
    keys,
    fellows: await joinWithKey(context, layer2, facts, recordedInbox(), NO_WORKER, join),
  };
}

Deno.test("joinWithKey() asks for no Secret where gossip is off or the key is given", async () => {
  for (const flags of [undefined, FLAGS]) {
    const { fellows, keys, watches } = await bench(flags);
    await fellows.done;
    assert.deepEqual([keys, watches()], [[flags?.secret], []]);
    assert.deepEqual([...fellows.heard()], ["node2"]);
  }
});

Deno.test("joinWithKey() waits for the Secret, says so, and joins by its key, which no log shows", async () => {
  const { context, fellows, keys, list, watches } = await bench({
    ...FLAGS,
    secret: "",
    secretName: "memberlist",
  });
  assert.deepEqual(watches(), [WATCH]);
  list(WATCH);
  list(WATCH, { ...SECRET, data: { other: "" } });
  await settled();
  assert.deepEqual(keys, []);
  assert.match(fellows.problem() ?? "", /Secret metallb-system\/memberlist is not there/);
  assert.deepEqual(fellows.heard(), new Set());
  assert.ok(context.log.messages("info").includes("waiting for the gossip key"));
  list(WATCH, SECRET);
  await fellows.done;
  assert.deepEqual(keys, ["by Secret"]);
  assert.equal(fellows.problem(), undefined);
  assert.deepEqual([...fellows.heard()], ["node2"]);
  assert.doesNotMatch(JSON.stringify(context.log.lines), /by Secret/);
  await fellows[Symbol.asyncDispose]();
});

Deno.test("joinWithKey() ends with the node, and fails where the others cannot be joined", async () => {
  const flags = { ...FLAGS, secret: "", secretName: "memberlist" };
  const ended = await bench(flags);
  ended.context.stop.abort();
  await ended.fellows.done;
  assert.deepEqual(ended.keys, []);
  const refused = await bench(flags, new Error("port 7946 is taken"));
  refused.list(WATCH, SECRET);
  await assert.rejects(refused.fellows.done, /port 7946 is taken/);
  await refused.fellows[Symbol.asyncDispose]();
});

/** Fellows whose address goes when a test says so. */
function movingFellows() {
  const { promise, resolve } = Promise.withResolvers<"address gone">();
  let disposed = false;
  const fellows: Fellows = {
    ...ALONE,
    over: promise,
    problem: () => "the address is gone",
    [Symbol.asyncDispose]: () => Promise.resolve(void (disposed = true)),
  };
  return { fellows, go: () => resolve("address gone"), isDisposed: () => disposed };
}

async function movingBench(bindAddress: GossipFlags["bindAddress"], ...joins: (Fellows | Error)[]) {
  const context = speakerContext({ gossip: { ...FLAGS, bindAddress } });
  const layer2 = { replyLease: undefined, requireReplyLease: () => undefined };
  const facts = { pods: () => undefined, podsKnown: () => true };
  const join = () => {
    const next = joins.shift();
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next ?? JOINED);
  };
  return {
    context,
    fellows: await joinWithKey(context, layer2, facts, recordedInbox(), NO_WORKER, join),
  };
}

Deno.test("a node whose address is gone joins again by another, as soon as there is one (layer 2, fault 1b)", async () => {
  const moving = movingFellows();
  const { context, fellows } = await movingBench(
    undefined,
    moving.fellows,
    new Error("no address"),
    JOINED,
  );
  assert.equal(fellows.heard().size, 0);
  moving.go();
  await settled();
  assert.ok(moving.isDisposed());
  assert.equal(fellows.problem(), "the address is gone");
  assert.deepEqual(context.log.messages("warn"), ["gossip waits for an address"]);
  context.clock.advance(1_000);
  await fellows.done;
  assert.deepEqual([fellows.problem(), [...fellows.heard()]], [undefined, ["node2"]]);
});

Deno.test("a node whose named address is gone ends with what to do (layer 2, fault 1b)", async () => {
  const moving = movingFellows();
  const { fellows } = await movingBench(ip("10.77.1.12"), moving.fellows);
  moving.go();
  await assert.rejects(fellows.done, /--ml-bindaddr=10\.77\.1\.12 is no longer an address/);
  await fellows[Symbol.asyncDispose]();
});
