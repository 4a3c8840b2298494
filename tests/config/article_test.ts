import assert from "node:assert/strict";
import { readSource } from "../../lib/config/manifest.ts";
import { selectsLabels } from "../../lib/config/selectors.ts";
import type { Config } from "../../lib/config/types.ts";
import { formatIp } from "../../lib/net/ip.ts";
import { rangeSize } from "../../lib/net/range.ts";
import { selecting } from "../controller/fixture.ts";

/** The configuration of one of the article's examples, which must be without any problem. */
async function article(name: string): Promise<Config> {
  const url = new URL(`../vectors/config/article-${name}.yaml`, import.meta.url);
  const [part, ...more] = readSource(await Deno.readTextFile(url), name);
  assert.ok(part?.kind === "configuration");
  assert.deepEqual(part.found.problems, []);
  assert.deepEqual(more, []);
  const { config } = part.found;
  assert.ok(config);
  return config;
}

Deno.test("the article's layer 2 pool means 21 addresses from 10.77.1.220 on", async () => {
  const { pools, layer2, bgp, peers } = await article("layer2");
  assert.deepEqual(peers, []);
  const [pool] = pools;
  assert.ok(pool && pools.length === 1);
  assert.equal(pool.name, "default");
  assert.deepEqual(layer2, [{ ...selecting("default"), interfaces: [] }]);
  assert.deepEqual(bgp, []);
  assert.deepEqual([pool.autoAssign, pool.avoidBuggyIps], [true, false]);
  const [range] = pool.ranges;
  assert.ok(range && pool.ranges.length === 1);
  assert.equal(formatIp(range.first), "10.77.1.220");
  assert.equal(formatIp(range.last), "10.77.1.240");
  assert.equal(rangeSize(range), 21n);
});

Deno.test("the article's BGP pool is announced whole, to one peer with the protocol's defaults", async () => {
  const { pools: [pool], layer2, bgp, peers: [peer] } = await article("bgp");
  assert.ok(pool && peer);
  assert.deepEqual(layer2, []);
  assert.equal(pool.ranges[0]?.text, "192.168.10.0/24");
  // "每个节点都会像peer建议每个service的ip/32地址,本节点的优先级为0": /32 routes, local preference 0.
  assert.deepEqual(bgp, [
    {
      ...selecting("default"),
      peers: [],
      aggregationLength: 32,
      aggregationLengthV6: 128,
      localPref: 0,
      communities: [],
      largeCommunities: [],
    },
  ]);
  assert.deepEqual([peer.myAsn, peer.peerAsn, formatIp(peer.peerAddress)], [
    64500,
    64501,
    "10.0.0.1",
  ]);
  assert.deepEqual([peer.peerPort, peer.holdTimeMs, peer.keepaliveTimeMs], [179, 90_000, 30_000]);
  assert.deepEqual(peer.nodeSelectors, []);
});

Deno.test("the article's two advertisements are a /32 with no-advertise and local preference, and a plain /24", async () => {
  const { bgp } = await article("bgp-advertisements");
  assert.deepEqual(bgp, [
    {
      ...selecting("default"),
      peers: [],
      aggregationLength: 32,
      aggregationLengthV6: 128,
      localPref: 100,
      communities: [0xffffff02],
      largeCommunities: [],
    },
    {
      ...selecting("default"),
      peers: [],
      aggregationLength: 24,
      aggregationLengthV6: 128,
      localPref: 0,
      communities: [],
      largeCommunities: [],
    },
  ]);
});

Deno.test("the article's node selectors choose frontend nodes that are not slow, and two hosts by name", async () => {
  const { peers: [peer] } = await article("node-selectors");
  assert.ok(peer);
  const chosen = (labels: Record<string, string>) =>
    selectsLabels(peer.nodeSelectors, new Map(Object.entries(labels)));
  assert.equal(chosen({ rack: "frontend" }), true);
  assert.equal(chosen({ rack: "frontend", "network-speed": "fast" }), true);
  assert.equal(chosen({ rack: "frontend", "network-speed": "slow" }), false);
  assert.equal(chosen({ rack: "backend" }), false);
  assert.equal(chosen({ "kubernetes.io/hostname": "hostA" }), true);
  assert.equal(chosen({ "kubernetes.io/hostname": "hostB", "network-speed": "slow" }), true);
  assert.equal(chosen({ "kubernetes.io/hostname": "hostC" }), false);
  assert.equal(chosen({}), false);
});

Deno.test("the article's source address belongs to the peer of node-1 alone", async () => {
  const { peers: [peer] } = await article("source-address");
  assert.ok(peer?.sourceAddress !== undefined);
  assert.equal(formatIp(peer.sourceAddress), "10.0.0.2");
  const chosen = (name: string) =>
    selectsLabels(peer.nodeSelectors, new Map([["kubernetes.io/hostname", name]]));
  assert.deepEqual([chosen("node-1"), chosen("node-2")], [true, false]);
});

Deno.test("the article's expensive pool is given on request only", async () => {
  const { pools } = await article("auto-assign");
  assert.deepEqual(pools.map(({ name, autoAssign }) => [name, autoAssign]), [["cheap", true], [
    "expensive",
    false,
  ]]);
  assert.deepEqual(pools.map(({ ranges }) => ranges.map(rangeSize)), [[4096n], [4n]]);
});
