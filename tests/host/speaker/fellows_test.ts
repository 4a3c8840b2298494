import assert from "node:assert/strict";
import { gossipKeys } from "../../../lib/gossip/keys.ts";
import { DEFAULT_TIMING } from "../../../lib/heartbeat/monitor_state.ts";
import type { GossipFlags } from "../../../lib/host/process/options.ts";
import { ALONE, fellowSettings } from "../../../lib/host/speaker/fellows.ts";
import type { PodFacts } from "../../../lib/model/facts.ts";
import { ip, ips } from "../../controller/fixture.ts";

const FLAGS: GossipFlags = {
  bindAddress: undefined,
  port: 7946,
  join: [],
  secret: "s",
  secretName: undefined,
  keyBytes: 16,
  heartbeat: DEFAULT_TIMING,
};
const NO_PODS = { pods: () => undefined, podsKnown: () => true };
const OWN = ips("192.0.2.1", "2001:db8::1", "10.0.0.1");
const addressOf = (part: Partial<GossipFlags>) =>
  fellowSettings({ ...FLAGS, ...part }, NO_PODS, OWN).address;

Deno.test("fellowSettings() takes the address that is named, else one that leads to the first to join", () => {
  assert.equal(addressOf({ bindAddress: ip("203.0.113.9") }), ip("203.0.113.9"));
  assert.equal(addressOf({ join: ips("2001:db8::2", "192.0.2.2") }), ip("2001:db8::1"));
  assert.equal(addressOf({ join: ips("198.51.100.7") }), ip("192.0.2.1"));
  assert.equal(addressOf({}), ip("192.0.2.1"), "the first one where none is to be joined");
});

Deno.test("fellowSettings() says which flag helps where the machine has no address", () => {
  assert.throws(() => fellowSettings(FLAGS, NO_PODS, []), /--ml-bindaddr/);
});

Deno.test("fellowSettings() looks for others where the flags and the pods say, as they are now", () => {
  const pods = new Map<string, PodFacts>();
  const pod = (name: string, podIp: string | undefined) =>
    pods.set(name, { key: name, nodeName: name, ip: podIp, pagePort: undefined, ready: false });
  const { candidates, keys, timing } = fellowSettings(
    { ...FLAGS, join: ips("192.0.2.9") },
    { pods: () => pods, podsKnown: () => pods.size > 0 },
    OWN,
  );
  assert.deepEqual(candidates(), { addresses: ips("192.0.2.9"), complete: false });
  pod("a", "10.0.0.2");
  pod("b", undefined);
  pod("c", "no address");
  assert.deepEqual(candidates(), {
    addresses: ips("192.0.2.9", "10.0.0.2"),
    complete: true,
  });
  assert.deepEqual(keys, gossipKeys("s", 16));
  assert.equal(timing, DEFAULT_TIMING);
});

Deno.test("a node alone lives by its pods, hands nothing over and waits for nobody", async () => {
  const pods = new Set(["node2"]);
  assert.equal(ALONE.live(pods), pods);
  assert.equal(ALONE.live(undefined), undefined, "every node");
  assert.equal(ALONE.heard().size, 0);
  assert.equal(ALONE.describe(), undefined);
  await ALONE.notify({ what: "leaving" });
  await ALONE.leave(() => assert.fail("nobody takes the addresses over"));
  assert.equal(ALONE.problem() ?? ALONE.heartbeatProblem(), undefined);
});
