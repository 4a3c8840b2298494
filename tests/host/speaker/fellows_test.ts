import assert from "node:assert/strict";
import { gossipKeys } from "../../../lib/gossip/keys.ts";
import { DEFAULT_TIMING } from "../../../lib/heartbeat/monitor_state.ts";
import type { GossipFlags } from "../../../lib/host/process/options.ts";
import { ALONE, fellowSettings, type Machine } from "../../../lib/host/speaker/fellows.ts";
import type { PodFacts } from "../../../lib/model/facts.ts";
import { formatIp } from "../../../lib/net/ip.ts";
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
/** Two networks; routes lead to the second by default. */
const MACHINE: Machine = {
  ownAddresses: () => [
    { ip: ip("127.0.0.1"), length: 8, interface: "lo" },
    { ip: ip("fe80::1"), length: 64, interface: "storage0" },
    { ip: ip("192.168.50.11"), length: 24, interface: "storage0" },
    { ip: ip("10.77.1.11"), length: 24, interface: "lan0" },
  ],
  sourceAddressFor: (to) =>
    formatIp(to).startsWith("192.168.") ? ip("192.168.50.11") : ip("10.77.1.11"),
};
const addressOf = (part: Partial<GossipFlags>, machine = MACHINE) =>
  fellowSettings({ ...FLAGS, ...part }, NO_PODS, machine).address;

Deno.test("fellowSettings() takes the address that is named, else the one from which the kernel sends to the first to join (layer 2, fault 17)", () => {
  assert.equal(addressOf({ bindAddress: ip("203.0.113.9") }), ip("203.0.113.9"));
  assert.equal(addressOf({ join: ips("10.77.1.12", "192.168.50.12") }), ip("10.77.1.11"));
  assert.equal(addressOf({ join: ips("192.168.50.12") }), ip("192.168.50.11"));
  assert.equal(addressOf({}), ip("10.77.1.11"), "as to the rest of the world");
});

Deno.test("fellowSettings() takes the first address where no route leads anywhere", () => {
  const machine = { ...MACHINE, sourceAddressFor: () => undefined };
  assert.equal(addressOf({ join: ips("10.77.1.12") }, machine), ip("192.168.50.11"));
});

Deno.test("fellowSettings() says which flag helps where the machine has no address", () => {
  const nothing = { ownAddresses: () => [], sourceAddressFor: () => undefined };
  assert.throws(() => fellowSettings(FLAGS, NO_PODS, nothing), /--ml-bindaddr/);
});

Deno.test("fellowSettings() looks for others where the flags and the pods say, as they are now", () => {
  const pods = new Map<string, PodFacts>();
  const pod = (name: string, podIp: string | undefined) =>
    pods.set(name, {
      key: name,
      nodeName: name,
      ip: podIp,
      pagePort: undefined,
      pageTls: false,
      ready: false,
    });
  const { candidates, keys, timing } = fellowSettings(
    { ...FLAGS, join: ips("192.0.2.9") },
    { pods: () => pods, podsKnown: () => pods.size > 0 },
    MACHINE,
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
