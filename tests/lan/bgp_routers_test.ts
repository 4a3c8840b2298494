import assert from "node:assert/strict";
import type { Host } from "../support/lan.ts";
import { startBird } from "../support/routers/bird.ts";
import { startExabgp } from "../support/routers/exabgp.ts";
import { startGobgp } from "../support/routers/gobgp.ts";
import type { Router, RouterOptions } from "../support/routers/router.ts";
import { waitFor } from "../support/wait.ts";
import { makeBgpScene, ROUTER_IP } from "./bgp_scene.ts";

const NODE1 = "10.77.1.11";

const ROUTERS: readonly (readonly [
  name: string,
  start: (host: Host, options: RouterOptions) => Promise<Router>,
])[] = [["BIRD", startBird], ["GoBGP", startGobgp], ["ExaBGP", startExabgp]];

const config = (password: string) => `
peers:
- peer-address: ${ROUTER_IP}
  peer-asn: 64501
  my-asn: 64500
  ${password === "" ? "" : `password: ${password}`}
address-pools:
- name: default
  protocol: bgp
  addresses: [198.51.100.0/24, "2001:db8:5::/112"]
  bgp-advertisements:
  - communities: ["64500:7", "large:64500:1:2"]
`;

for (const [name, start] of ROUTERS) {
  Deno.test(`${name} learns both families with their attributes, and forgets what is withdrawn`, async () => {
    await using scene = await makeBgpScene();
    const [node1] = scene.nodes;
    assert.ok(node1);
    await using router = await start(scene.router, {
      asn: 64501,
      routerId: ROUTER_IP,
      neighbors: [{ address: NODE1, asn: 64500 }],
    });
    await scene.configure(config(""));
    await scene.serve("web", "198.51.100.10", ["node1"]);
    await scene.serve("six", "2001:db8:5::10", ["node1"]);
    await using speaker = scene.speaker(node1);
    const rib = async (count: number) =>
      await waitFor(`${count} routes`, async () => {
        const found = await router.rib();
        return found.length === count && found;
      }).catch(async (error) => {
        throw new Error(`${speaker.output()}\n${await router.log()}`, { cause: error });
      });
    const said = {
      asPath: [64500],
      origin: "incomplete",
      communities: ["64500:7"],
      largeCommunities: ["64500:1:2"],
    };
    const found = (await rib(2)).map(({ localPref: _, ...rest }) => rest);
    assert.deepEqual(found, [
      { prefix: "198.51.100.10/32", nextHop: NODE1, ...said },
      { prefix: "2001:db8:5::10/128", nextHop: "fd77::11", ...said },
    ]);
    await scene.serve("web", "198.51.100.10", []);
    assert.deepEqual((await rib(1)).map(({ prefix }) => prefix), ["2001:db8:5::10/128"]);
    assert.equal(await speaker.end("SIGTERM"), 0);
    await rib(0);
  });

  Deno.test(`${name} lets in the right password and not the wrong one`, async () => {
    await using scene = await makeBgpScene();
    const [node1] = scene.nodes;
    assert.ok(node1);
    await using router = await start(scene.router, {
      asn: 64501,
      routerId: ROUTER_IP,
      neighbors: [{ address: NODE1, asn: 64500, password: "right" }],
    });
    await scene.configure(config("wrong"));
    await scene.serve("web", "198.51.100.10", ["node1"]);
    await using speaker = scene.speaker(node1);
    await waitFor("an attempt in vain", () => /not established/.test(speaker.output()));
    assert.equal(await router.established(NODE1), false);
    await scene.configure(config("right"));
    await waitFor("the route", async () => (await router.rib()).length === 1).catch(
      async (error) => {
        throw new Error(`${speaker.output()}\n${await router.log()}`, { cause: error });
      },
    );
  });
}
