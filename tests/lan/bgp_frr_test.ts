import assert from "node:assert/strict";
import { type Frr, startFrr } from "../support/routers/frr.ts";
import type { RouterOptions } from "../support/routers/router.ts";
import { waitFor } from "../support/wait.ts";
import { withOutput } from "../support/roles.ts";
import { type BgpScene, makeBgpScene, ROUTER_IP, ROUTER_IP6 } from "./bgp_scene.ts";

const FRR = { asn: 64501, routerId: "10.77.1.1" };
const NODE1 = "10.77.1.11";
const POOL = `
address-pools:
- name: default
  protocol: bgp
  addresses: [198.51.100.0/24, "2001:db8:5::/112"]
`;
const PEER = `
peers:
- peer-address: ${ROUTER_IP}
  peer-asn: 64501
  my-asn: 64500
`;

interface Setting extends AsyncDisposable {
  readonly scene: BgpScene;
  readonly frr: Frr;
  /** Starts the speaker of node 1 and waits until the session with it is up. */
  begin(flags?: readonly string[]): Promise<Speaker>;
}

type Speaker = ReturnType<BgpScene["speaker"]>;

/** The scene with FRR on the router, a configuration and one Service. */
async function setUp(
  config: string,
  neighbor: Partial<RouterOptions["neighbors"][number]> = {},
  options: Partial<RouterOptions> = {},
): Promise<Setting> {
  await using unfinished = new AsyncDisposableStack();
  const scene = unfinished.use(await makeBgpScene());
  const neighbors = [{ address: NODE1, asn: 64500, ...neighbor }];
  const frr = unfinished.use(await startFrr(scene.router, { ...FRR, neighbors, ...options }));
  await scene.configure(config);
  await scene.serve("web", "198.51.100.10", ["node1"]);
  const finished = unfinished.move();
  return {
    scene,
    frr,
    async begin(flags = []) {
      const [node1] = scene.nodes;
      assert.ok(node1);
      const speaker = finished.use(scene.speaker(node1, ...flags));
      const address = neighbors[0]?.address ?? NODE1;
      await told(speaker, "the session", () => frr.established(address));
      return speaker;
    },
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

/** Waits, and shows what the speaker printed when it was in vain. */
async function told<T>(
  speaker: Speaker,
  what: string,
  ask: () => Promise<T | false | undefined>,
): Promise<T> {
  return await withOutput([speaker], () => waitFor(what, ask));
}

function count(frr: Frr, wanted: number) {
  return async () => {
    const rib = await frr.rib();
    return rib.length === wanted && rib;
  };
}

Deno.test("FRR learns the article's two routes of a pool, attribute by attribute, and forgets them", async () => {
  await using scene = await makeBgpScene();
  const [node1] = scene.nodes;
  assert.ok(node1);
  await using frr = await startFrr(scene.router, {
    ...FRR,
    neighbors: [{ address: "10.77.1.11", asn: 64500 }],
  });
  await scene.configure(`
peers:
- peer-address: ${ROUTER_IP}
  peer-asn: 64501
  my-asn: 64500
address-pools:
- name: default
  protocol: bgp
  addresses: [198.51.100.0/24]
  bgp-advertisements:
  - aggregation-length: 32
    localpref: 100
    communities: [no-advertise]
  - aggregation-length: 24
bgp-communities:
  no-advertise: 65535:65282
`);
  await scene.serve("web", "198.51.100.10", ["node1"]);
  await using speaker = scene.speaker(node1);
  const rib = await told(speaker, "two routes", count(frr, 2));
  const route = { nextHop: "10.77.1.11", asPath: [64500], origin: "incomplete" };
  assert.deepEqual(rib, [
    { prefix: "198.51.100.0/24", ...route, communities: [], largeCommunities: [] },
    { prefix: "198.51.100.10/32", ...route, communities: ["noAdvertise"], largeCommunities: [] },
  ]);
  await scene.serve("web", "198.51.100.10", []);
  await waitFor("no route", async () => (await frr.rib()).length === 0);
  assert.equal(await frr.established("10.77.1.11"), true);
});

Deno.test("an internal peer hears local preference and no AS, IPv6 by this node's address, large communities", async () => {
  await using at = await setUp(
    `
peers:
- peer-address: ${ROUTER_IP}
  peer-asn: 64501
  my-asn: 64501
address-pools:
- name: default
  protocol: bgp
  addresses: [198.51.100.0/24, "2001:db8:5::/112"]
  bgp-advertisements:
  - localpref: 150
    communities: ["64501:7", "large:64501:1:2"]
    aggregation-length-v6: 120
`,
    { asn: 64501 },
  );
  await at.scene.serve("six", "2001:db8:5::10", ["node1"]);
  const speaker = await at.begin();
  const said = {
    asPath: [],
    localPref: 150,
    origin: "incomplete",
    communities: ["64501:7"],
    largeCommunities: ["64501:1:2"],
  };
  assert.deepEqual(await told(speaker, "both routes", count(at.frr, 2)), [
    { prefix: "198.51.100.10/32", nextHop: NODE1, ...said },
    { prefix: "2001:db8:5::/120", nextHop: "fd77::11", ...said },
  ]);
});

Deno.test("an aggregate stays as long as one Service stands behind it", async () => {
  await using at = await setUp(`${PEER}${POOL}  bgp-advertisements:\n  - aggregation-length: 24\n`);
  await at.scene.serve("other", "198.51.100.11", ["node1"]);
  const speaker = await at.begin();
  await told(speaker, "the aggregate", count(at.frr, 1));
  await at.scene.serve("web", "198.51.100.10", []);
  await told(speaker, "the plan", () => Promise.resolve(/address given up/.test(speaker.output())));
  assert.equal((await at.frr.rib()).length, 1);
  await at.scene.serve("other", "198.51.100.11", []);
  await told(speaker, "no route", count(at.frr, 0));
});

Deno.test("over IPv6 a session carries both families, IPv4 by the interface's own address", async () => {
  await using at = await setUp(
    PEER.replace(ROUTER_IP, `"${ROUTER_IP6}"`) + POOL,
    { address: "fd77::11" },
  );
  await at.scene.serve("six", "2001:db8:5::10", ["node1"]);
  const speaker = await at.begin();
  const rib = await told(speaker, "both routes", count(at.frr, 2));
  assert.deepEqual(rib.map(({ prefix, nextHop }) => [prefix, nextHop]), [
    ["198.51.100.10/32", NODE1],
    ["2001:db8:5::10/128", "fd77::11"],
  ]);
  assert.equal((await at.frr.neighbor("fd77::11")).remoteRouterId, NODE1);
});

Deno.test("router-id, hold-time, keepalive-time and peer-port reach the router", async () => {
  await using at = await setUp(
    `${PEER}  router-id: 10.9.9.9
  hold-time: 9s
  keepalive-time: 2s
  peer-port: 1179
${POOL}`,
    {},
    { port: 1179 },
  );
  await at.begin();
  const said = await at.frr.neighbor(NODE1);
  assert.equal(said.remoteRouterId, "10.9.9.9");
  assert.equal(said.bgpTimerHoldTimeMsecs, 9000);
  assert.equal(said.portForeign === 1179 || said.portLocal === 1179, true);
});

Deno.test("a password opens the session, and a wrong one keeps it closed until it is corrected", async () => {
  await using at = await setUp(`${PEER}  password: right\n${POOL}`, { password: "right" });
  const speaker = await at.begin();
  await told(speaker, "the route", count(at.frr, 1));
  await at.scene.configure(`${PEER}  password: wrong\n${POOL}`);
  await told(speaker, "no session", async () => !(await at.frr.established(NODE1)));
  assert.match(await at.frr.log(), /Other Configuration Change/i);
  await told(
    speaker,
    "an attempt in vain",
    () => Promise.resolve(/not established/.test(speaker.output())),
  );
  assert.equal(await at.frr.established(NODE1), false);
  const file = `${at.scene.store}/.key`;
  await Deno.writeTextFile(file, "right\n");
  await at.scene.configure(`${PEER}  password-file: ${file}\n${POOL}`);
  await told(speaker, "the session by the file", () => at.frr.established(NODE1));
  assert.doesNotMatch(speaker.output(), /"(right|wrong)"/);
});

Deno.test("ttl-security meets FRR's own", async () => {
  await using at = await setUp(`${PEER}  ttl-security: true\n${POOL}`, { ttlSecurity: true });
  await told(await at.begin(), "the route", count(at.frr, 1));
});

Deno.test("F4: a peer beyond the link is reached with ebgp-multihop, and without it the log names the key", async () => {
  const far = PEER.replace(ROUTER_IP, "10.99.0.1");
  await using scene = await makeBgpScene();
  const [node1] = scene.nodes;
  assert.ok(node1);
  // A second router behind the first: packets to it take two hops.
  const beyond = await scene.lan.addHost("beyond", {
    addresses: ["10.99.0.1/24"],
    gateway: "10.99.0.254",
  });
  await scene.router.must("ip", "addr", "add", "10.99.0.254/24", "dev", "eth0");
  await scene.router.must("sysctl", "-qw", "net.ipv4.conf.eth0.send_redirects=0");
  await node1.must("ip", "route", "add", "10.99.0.0/24", "via", ROUTER_IP);
  await using frr = await startFrr(beyond, {
    ...FRR,
    neighbors: [{ address: NODE1, asn: 64500, multihop: true }],
  });
  await scene.configure(far + POOL);
  await scene.serve("web", "198.51.100.10", ["node1"]);
  await using speaker = scene.speaker(node1);
  await told(
    speaker,
    "an attempt in vain",
    () => Promise.resolve(/needs ebgp-multihop: true/.test(speaker.output())),
  );
  await scene.configure(`${far}  ebgp-multihop: true\n${POOL}`);
  await told(speaker, "the route", count(frr, 1));
});

Deno.test("node-selectors choose the peers of a node, again when its labels change", async () => {
  await using at = await setUp(
    `${PEER}  node-selectors:
  - match-labels: { rack: a }
${POOL}`,
  );
  const node = (rack: string) =>
    at.scene.write(
      "node1.yaml",
      `apiVersion: v1\nkind: Node\nmetadata: { name: node1, labels: { rack: ${rack} } }\n`,
    );
  await node("a");
  const speaker = await at.begin();
  await told(speaker, "the route", count(at.frr, 1));
  await node("b");
  await told(speaker, "no session", async () => !(await at.frr.established(NODE1)));
  assert.match(await at.frr.log(), /Peer De-?configured|Peer Unconfigured/i);
  await node("a");
  await told(speaker, "the session again", () => at.frr.established(NODE1));
});

Deno.test("source-address is where the session and the routes come from", async () => {
  await using at = await setUp(
    `${PEER}  source-address: 10.77.1.111\n${POOL}`,
    { address: "10.77.1.111" },
  );
  await at.scene.nodes[0]?.must("ip", "addr", "add", "10.77.1.111/24", "dev", "eth0");
  const speaker = await at.begin();
  const [route] = await told(speaker, "the route", count(at.frr, 1));
  assert.equal(route?.nextHop, "10.77.1.111");
});

Deno.test("B4: SIGTERM takes the routes back and says why, in words", async () => {
  await using at = await setUp(PEER + POOL);
  const speaker = await at.begin();
  await told(speaker, "the route", count(at.frr, 1));
  assert.equal(await speaker.end("SIGTERM"), 0);
  await waitFor("no route", count(at.frr, 0));
  assert.match(await at.frr.log(), /Administrative Shutdown/i);
  assert.match(await at.frr.log(), /herald on node1 is stopping/);
});

Deno.test("B15: kill -9 makes the router drop the route, a new start tells it again", async () => {
  await using at = await setUp(PEER + POOL);
  const speaker = await at.begin();
  await told(speaker, "the route", count(at.frr, 1));
  await speaker.end("SIGKILL");
  await waitFor("no route", count(at.frr, 0));
  await told(await at.begin(), "the route again", count(at.frr, 1));
});

Deno.test("B14: with graceful-restart the route outlives a restart of the speaker, and goes when it is stale", async () => {
  await using at = await setUp(
    `${PEER}  graceful-restart: true\n${POOL}`,
    {},
    { gracefulRestart: true },
  );
  await at.scene.serve("other", "198.51.100.11", ["node1"]);
  const speaker = await at.begin();
  await told(speaker, "both routes", count(at.frr, 2));
  // Every packet of the router to the address must come through the restart.
  await at.scene.nodes[0]?.must("ip", "addr", "add", "198.51.100.10/32", "dev", "lo");
  const ping = ["-i", "0.01", "-c", "300", "198.51.100.10"];
  const pinging = at.scene.router.run("ping", ...ping);
  await speaker.end("SIGTERM");
  await waitFor("the session's end", async () => !(await at.frr.established(NODE1)));
  assert.equal((await at.frr.rib()).length, 2, "the router gave the routes up");
  await at.scene.serve("other", "198.51.100.11", []);
  const again = await at.begin();
  // The End-of-RIB tells the router that what was not told again is gone.
  await told(again, "the one that is left", count(at.frr, 1));
  assert.match((await pinging).stdout, /300 received, 0% packet loss/);
});

Deno.test("a node that may not carry load balancers loses its routes at once", async () => {
  await using at = await setUp(PEER + POOL);
  const speaker = await at.begin();
  await told(speaker, "the route", count(at.frr, 1));
  await at.scene.write(
    "node1.yaml",
    `apiVersion: v1
kind: Node
metadata: { name: node1, labels: { node.kubernetes.io/exclude-from-external-load-balancers: "" } }
`,
  );
  await told(speaker, "no route", count(at.frr, 0));
});

Deno.test("externalTrafficPolicy Local is routed only to nodes with a ready endpoint", async () => {
  await using at = await setUp(PEER + POOL);
  await at.scene.serve("local", "198.51.100.20", ["node2"], "  externalTrafficPolicy: Local\n");
  await at.scene.serve("cluster", "198.51.100.21", ["node2"]);
  const speaker = await at.begin();
  const rib = await told(speaker, "two routes", count(at.frr, 2));
  assert.deepEqual(rib.map(({ prefix }) => prefix), ["198.51.100.10/32", "198.51.100.21/32"]);
});

Deno.test("a route refresh brings the routes again", async () => {
  await using at = await setUp(PEER + POOL);
  const speaker = await at.begin();
  await told(speaker, "the route", count(at.frr, 1));
  await at.frr.vtysh(`clear bgp ipv4 unicast ${NODE1} in`);
  await told(speaker, "the refresh", async () => {
    const { messageStats } = await at.frr.neighbor(NODE1);
    return JSON.stringify(messageStats).includes('"routeRefreshSent":1');
  });
  assert.equal((await at.frr.rib()).length, 1);
});

Deno.test("a link-local peer is reached by its interface", async () => {
  await using scene = await makeBgpScene();
  const [node1] = scene.nodes;
  assert.ok(node1);
  await scene.router.must("ip", "addr", "add", "fe80::1/64", "dev", "eth0");
  await node1.must("ip", "addr", "add", "fe80::11/64", "dev", "eth0");
  await node1.must("ip", "addr", "del", "fe80::ff:fe00:101/64", "dev", "eth0").catch(() => "");
  await using frr = await startFrr(scene.router, {
    ...FRR,
    neighbors: [{ address: "fe80::11", asn: 64500, interfaceName: "eth0" }],
  });
  await scene.configure(PEER.replace(ROUTER_IP, '"fe80::1%eth0"') + POOL);
  await scene.serve("six", "2001:db8:5::10", ["node1"]);
  await using speaker = scene.speaker(node1);
  await told(speaker, "the route", count(frr, 1));
});

Deno.test("B10: a router that connects is refused by the kernel: nothing listens here", async () => {
  await using at = await setUp(PEER + POOL);
  const speaker = await at.begin();
  const { code } = await at.scene.router.run(
    "curl",
    "-s",
    "--max-time",
    "5",
    `telnet://${NODE1}:179`,
  );
  assert.equal(code, 7, "connection refused");
  await told(speaker, "the route", count(at.frr, 1));
});
