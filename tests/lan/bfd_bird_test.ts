import assert from "node:assert/strict";
import { startBird } from "../support/routers/bird.ts";
import { waitFor } from "../support/wait.ts";
import { withOutput } from "../support/roles.ts";
import { makeBgpScene, ROUTER_IP } from "./bgp_scene.ts";

const NODE1 = "10.77.1.11";

Deno.test("B16: BFD with BIRD comes up; a path that dies in one direction takes the route with it", async () => {
  await using scene = await makeBgpScene();
  const [node1] = scene.nodes;
  assert.ok(node1);
  await using bird = await startBird(scene.router, {
    asn: 64501,
    routerId: ROUTER_IP,
    neighbors: [{ address: NODE1, asn: 64500, bfd: { intervalMs: 50, multiplier: 3 } }],
  });
  await scene.configure(`
peers:
- {peer-address: ${ROUTER_IP}, peer-asn: 64501, my-asn: 64500, bfd-profile: fast}
bfd-profiles: [{name: fast, receive-interval: 50, transmit-interval: 50}]
address-pools: [{name: default, protocol: bgp, addresses: [198.51.100.0/24]}]
`);
  await scene.serve("web", "198.51.100.10", ["node1"]);
  await using speaker = scene.speaker(node1);
  const told = (what: string, ask: () => Promise<boolean>) =>
    withOutput([speaker], () => waitFor(what, ask));
  await told("BFD", () => bird.bfdUp(NODE1));
  await told("the route", async () => (await bird.rib()).length === 1);
  // The router hears nothing of Herald any more; Herald still hears the router.
  await scene.router.must("nft", "add table ip cut");
  await scene.router.must(
    "nft",
    `add chain ip cut in { type filter hook input priority 0; }; add rule ip cut in ip saddr ${NODE1} drop`,
  );
  await told("no route", async () => (await bird.rib()).length === 0);
  await told(
    "the end of the session",
    () => Promise.resolve(/BGP session ended/.test(speaker.output())),
  );
  await scene.router.must("nft", "delete table ip cut");
  await told("the route again", async () => (await bird.rib()).length === 1);
});
