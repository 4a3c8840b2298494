import assert from "node:assert/strict";
import { startFrr } from "../support/routers/frr.ts";
import { waitFor } from "../support/wait.ts";
import { layCable } from "../support/lan.ts";
import { makeBgpScene, ROUTER_IP } from "./bgp_scene.ts";

const IP = "198.51.100.10";
const CONNECTIONS = 300;
/** Answers each connection with its node's name; runs in the node's namespace. */
const SERVER = (name: string) =>
  `for await (const c of Deno.listen({ hostname: "${IP}", port: 80 })) {
     c.write(new TextEncoder().encode("${name}")).then(() => c.close(), () => undefined);
   }`;
/** Connects that many times and prints how often each node answered, as JSON. */
const CLIENT = `const count = {};
for (let turn = 0; turn < ${CONNECTIONS}; turn++) {
  const c = await Deno.connect({ hostname: "${IP}", port: 80 });
  const b = new Uint8Array(32);
  const name = new TextDecoder().decode(b.subarray(0, await c.read(b) ?? 0));
  count[name] = (count[name] ?? 0) + 1;
  c.close();
}
console.log(JSON.stringify(count));`;

Deno.test("ECMP: 300 connections spread over three nodes; one node dies, the rest serve", async () => {
  await using scene = await makeBgpScene();
  const { lan, router } = scene;
  const third = await lan.addHost("node3", { addresses: ["10.77.1.13/24"] });
  await scene.write("node3.yaml", "apiVersion: v1\nkind: Node\nmetadata: { name: node3 }\n");
  const nodes = [...scene.nodes, third];
  const outside = await lan.addNamespace("outside");
  await layCable(router, "eth1", outside);
  await router.must("ip", "addr", "add", "10.99.0.1/24", "dev", "eth1");
  // By ports too, or one client would have one node.
  await router.must("sysctl", "-qw", "net.ipv4.fib_multipath_hash_policy=1");
  await outside.must("ip", "addr", "add", "10.99.0.2/24", "dev", "eth0");
  await outside.must("ip", "link", "set", "eth0", "up");
  await outside.must("ip", "route", "add", "default", "via", "10.99.0.1");
  const bfd = { intervalMs: 50, multiplier: 3 };
  await using frr = await startFrr(router, {
    asn: 64501,
    routerId: ROUTER_IP,
    neighbors: nodes.map((_, index) => ({ address: `10.77.1.${11 + index}`, asn: 64500, bfd })),
  });
  await scene.configure(`
peers:
- {peer-address: ${ROUTER_IP}, peer-asn: 64501, my-asn: 64500, bfd-profile: fast}
bfd-profiles: [{name: fast, receive-interval: 50, transmit-interval: 50}]
address-pools: [{name: default, protocol: bgp, addresses: [198.51.100.0/24]}]
`);
  await scene.serve("web", IP, ["node1"]);
  await using running = new AsyncDisposableStack();
  for (const node of nodes) {
    await node.must("ip", "addr", "add", `${IP}/32`, "dev", "lo");
    await node.must("ip", "route", "add", "10.99.0.0/24", "via", ROUTER_IP);
    running.use(node.start(Deno.execPath(), ["eval", SERVER(node.name)]));
    running.use(scene.speaker(node));
  }
  const hops = async () => (await router.must("ip", "route", "show", IP)).split("via").length - 1;
  await waitFor("three next hops", async () => await hops() === 3);
  await waitFor("BFD with each", async () => {
    const all = await Promise.all(nodes.map((_, index) => frr.bfd(`10.77.1.${11 + index}`)));
    return all.every((one) => one?.status === "up");
  });
  const ask = async (): Promise<Record<string, number>> =>
    JSON.parse(await outside.must(Deno.execPath(), "eval", CLIENT));
  await waitFor("all servers", async () => {
    for (const [index, node] of nodes.entries()) {
      if ((await node.run("curl", "-s", "--http0.9", `http://${IP}/`)).stdout !== node.name) {
        return index < 0;
      }
    }
    return true;
  });
  const before = await ask();
  for (const { name } of nodes) {
    assert.ok((before[name] ?? 0) >= CONNECTIONS / 6, JSON.stringify(before));
  }
  await lan.setCable(third, "down");
  await waitFor("two next hops", async () => await hops() === 2);
  const then = await ask();
  assert.equal((then.node1 ?? 0) + (then.node2 ?? 0), CONNECTIONS, JSON.stringify(then));
  assert.equal(await frr.established("10.77.1.13"), false);
});
