import assert from "node:assert/strict";
import { DEFAULT_TIMING } from "../../../lib/heartbeat/monitor_state.ts";
import { keysOf } from "../../../lib/heartbeat/notice.ts";
import { readAnnouncement } from "../../../lib/gossip/meta.ts";
import type { GossipFlags } from "../../../lib/host/process/options.ts";
import { joinFellows, type JoinParts } from "../../../lib/host/speaker/join.ts";
import { ALONE } from "../../../lib/host/speaker/fellows.ts";
import { ip, ips } from "../../controller/fixture.ts";
import { fakeGossip, fakeHeartbeat, recordedInbox, speakerContext } from "./parts.ts";
import { NO_WORKER } from "../../support/timekeeper.ts";

const FLAGS: GossipFlags = {
  bindAddress: ip("10.0.0.1"),
  port: 7946,
  join: ips("10.0.0.2"),
  secret: "",
  secretName: undefined,
  keyBytes: undefined,
  heartbeat: DEFAULT_TIMING,
};
const FACTS = { pods: () => undefined, podsKnown: () => true };

function bench(gossip: GossipFlags | undefined, takenPorts: readonly number[] = []) {
  const context = speakerContext({ gossip });
  const inbox = recordedInbox();
  const beating = fakeHeartbeat(7950);
  const gossiping = fakeGossip();
  const required: string[] = [];
  const layer2 = { replyLease: undefined, requireReplyLease: () => void required.push("lease") };
  const started: {
    heartbeat?: Parameters<JoinParts["startHeartbeat"]>[0];
    gossip?: Parameters<JoinParts["startGossip"]>[0];
    ports: number[];
  } = { ports: [] };
  const parts: JoinParts = {
    startHeartbeat(options) {
      started.heartbeat = options;
      started.ports.push(options.open.port);
      return takenPorts.includes(options.open.port)
        ? Promise.reject(new Error(`port ${options.open.port} is taken`))
        : Promise.resolve(beating.heartbeat);
    },
    startGossip(options) {
      started.gossip = options;
      return Promise.resolve(gossiping.gossip);
    },
  };
  const join = () => joinFellows(context, layer2, FACTS, inbox, NO_WORKER, parts);
  return { beating, context, gossiping, inbox, join, parts, required, started };
}

Deno.test("joinFellows() is alone and acquainted at once where gossip is off", async () => {
  const { inbox, join, required, started } = bench(undefined);
  assert.equal(await join(), ALONE);
  assert.deepEqual(inbox.kinds(), ["acquainted"]);
  assert.deepEqual(required, [], "nobody would renew the lease");
  assert.deepEqual(started.ports, []);
});

Deno.test("joinFellows() beats beside the gossip and tells of it by gossip", async () => {
  const { context, join, required, started } = bench(FLAGS);
  await using _fellows = await join();
  assert.deepEqual(started.ports, [7947]);
  assert.deepEqual(started.heartbeat?.open.keys, keysOf([]));
  const announced = readAnnouncement(started.gossip?.meta ?? new Uint8Array());
  assert.equal(announced?.port, 7950, "the port that it really has");
  assert.equal(announced?.boot, started.heartbeat?.open.boot);
  assert.deepEqual(started.gossip?.bind, { address: ip("10.0.0.1"), port: 7946 });
  assert.deepEqual(started.gossip?.candidates(), {
    addresses: ips("10.0.0.2"),
    complete: true,
  });
  assert.deepEqual(required, ["lease"]);
  assert.match(context.log.messages("warn").join(), /^gossip has no key/);
  assert.deepEqual(context.log.messages("info"), ["gossip ready"]);
});

Deno.test("joinFellows() beats on any port where the one beside the gossip is taken", async () => {
  const { join, started } = bench(FLAGS, [7947]);
  await using _fellows = await join();
  assert.deepEqual(started.ports, [7947, 0]);
});

Deno.test("joinFellows() keeps what the heartbeat tells before gossip has begun", async () => {
  const { gossiping, inbox, join, parts, started } = bench(FLAGS);
  const { startGossip } = parts;
  Object.assign(parts, {
    startGossip: (...args: Parameters<typeof startGossip>) => {
      started.heartbeat?.onNews({ kind: "stranger", name: "node2", address: ip("10.0.0.2") });
      args[0].onChange();
      return startGossip(...args);
    },
  });
  await using _fellows = await join();
  assert.deepEqual(gossiping.calls(), ["ask node2"]);
  assert.deepEqual(inbox.kinds(), ["stranger", "members"]);
});

Deno.test("joinFellows() ends the heartbeat when gossip cannot begin", async () => {
  const { beating, join, parts, required } = bench(FLAGS);
  Object.assign(parts, { startGossip: () => Promise.reject(new Error("address in use")) });
  await assert.rejects(join(), /address in use/);
  assert.ok(beating.isDisposed());
  assert.deepEqual(required, []);
});

Deno.test("joinFellows() gives fellows that are silent without this machine's address (layer 2, fault 1b)", async () => {
  const { inbox, join } = bench(FLAGS);
  await using fellows = await join();
  fellows.setAddresses(new Set(ips("10.0.0.1", "10.0.0.9")));
  assert.deepEqual([fellows.problem(), inbox.kinds()], [undefined, []]);
  fellows.setAddresses(new Set(ips("10.0.0.9")));
  assert.match(fellows.problem() ?? "", /10\.0\.0\.1, is no longer/);
  assert.deepEqual(inbox.kinds(), ["now lost"]);
});
