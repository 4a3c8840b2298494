import assert from "node:assert/strict";
import { startBird } from "../support/routers/bird.ts";
import { waitFor } from "../support/wait.ts";
import { makeBgpScene, ROUTER_IP } from "./bgp_scene.ts";
import { page } from "./row_scene.ts";

const BY = {
  bgp: { name: "routed", ip: "198.51.100.10" },
  layer2: { name: "near", ip: "10.77.1.220" },
} as const;

const CONFIG = `
peers:
- { peer-address: ${ROUTER_IP}, peer-asn: 64501, my-asn: 64500 }
address-pools:
- { name: routed, protocol: bgp, addresses: [198.51.100.0/24] }
- { name: near, protocol: layer2, addresses: [10.77.1.220-10.77.1.229] }
`;

interface Line {
  readonly msg: string;
  readonly ip?: string;
  readonly object?: string;
  readonly reason?: string;
}

Deno.test("metric, event and log tell what is on the wire: no router, a router, one that goes, no interface", async () => {
  await using scene = await makeBgpScene();
  const [node] = scene.nodes;
  assert.ok(node);
  await scene.configure(CONFIG);
  for (const { name, ip } of Object.values(BY)) await scene.serve(name, ip, [node.name]);
  await using speaker = scene.speaker(node);
  const lines = (): Line[] =>
    speaker.output().split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line));
  /** The last line about the address. */
  const last = (ip: string) =>
    lines().filter((line) => line.ip === ip && line.msg.startsWith("address ")).at(-1);
  const events = (name: string) =>
    lines().filter(({ object, reason }) =>
      object === `service default/${name}` && reason === "nodeAssigned"
    ).length;
  /** Waits for the line, and gives what the metric and the events say then. */
  const told = async (by: keyof typeof BY, msg: string, reason: RegExp) => {
    const { ip, name } = BY[by];
    await waitFor(`${msg}: ${ip}`, () => {
      const line = last(ip);
      return line?.msg === msg && reason.test(line.reason ?? "");
    }).catch((error) => {
      throw new Error(speaker.output(), { cause: error });
    });
    const labels = `service="default/${name}",protocol="${by}",node="${node.name}",ip="${ip}"`;
    const shown = (await page(node, "metrics")).includes(`metallb_speaker_announced{${labels}} 1`);
    return { shown, events: events(name) };
  };
  const begin = () =>
    startBird(scene.router, {
      asn: 64501,
      routerId: ROUTER_IP,
      neighbors: [{ address: "10.77.1.11", asn: 64500 }],
    });

  const waiting = /no BGP peer is told: .*the session is not established/;
  assert.deepEqual(await told("layer2", "address announced from here", /^owner$/), {
    shown: true,
    events: 1,
  });
  assert.deepEqual(await told("bgp", "address not announced here", waiting), {
    shown: false,
    events: 0,
  });
  {
    await using _router = await begin();
    assert.deepEqual(await told("bgp", "address announced from here", /^routed here by BGP$/), {
      shown: true,
      events: 1,
    });
  }
  const gone = { shown: false, events: 1 };
  const back = { shown: true, events: 1 };
  assert.deepEqual(await told("bgp", "address announced no more", waiting), gone);
  await using _again = await begin();
  assert.deepEqual(await told("bgp", "address announced from here", /./), back, "no event anew");
  await node.must("ip", "link", "set", "eth0", "down");
  // Another node counts from now on, so that one has it meanwhile: it comes back with an event.
  assert.deepEqual(await told("layer2", "address given up", /^no interface .*announces$/), gone);
  await node.must("ip", "link", "set", "eth0", "up");
  assert.deepEqual(await told("layer2", "address announced from here", /./), {
    shown: true,
    events: 2,
  });
});
