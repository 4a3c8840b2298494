import assert from "node:assert/strict";
import { startFrr } from "../support/routers/frr.ts";
import { waitFor } from "../support/wait.ts";
import { withOutput } from "../support/roles.ts";
import { makeBgpScene, ROUTER_IP } from "./bgp_scene.ts";

const NODE1 = "10.77.1.11";
const CONFIG = `
peers:
- peer-address: ${ROUTER_IP}
  peer-asn: 64501
  my-asn: 64500
  bfd-profile: fast
bfd-profiles:
- name: fast
  receive-interval: 50
  transmit-interval: 50
address-pools:
- name: default
  protocol: bgp
  addresses: [198.51.100.0/24]
`;

async function setUp() {
  await using unfinished = new AsyncDisposableStack();
  const scene = unfinished.use(await makeBgpScene());
  const [node1] = scene.nodes;
  assert.ok(node1);
  const frr = unfinished.use(
    await startFrr(scene.router, {
      asn: 64501,
      routerId: "10.77.1.1",
      neighbors: [{ address: NODE1, asn: 64500, bfd: { intervalMs: 50, multiplier: 3 } }],
    }),
  );
  await scene.configure(CONFIG);
  await scene.serve("web", "198.51.100.10", ["node1"]);
  const speaker = unfinished.use(scene.speaker(node1, "--log-level=debug"));
  const told = (what: string, ask: () => Promise<boolean>) =>
    withOutput([speaker], () => waitFor(what, ask));
  const bfdUp = async () => (await frr.bfd(NODE1))?.status === "up";
  await told("BFD", bfdUp);
  await told("the route", async () => (await frr.rib()).length === 1);
  const finished = unfinished.move();
  return {
    scene,
    node1,
    frr,
    speaker,
    told,
    bfdUp,
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

Deno.test("B16: BFD with FRR comes up at 50 ms x 3; a silent path ends the BGP session with 6/10", async () => {
  await using at = await setUp();
  // Herald hears nothing of the router any more, the router still hears Herald.
  await at.node1.must("nft", "add table ip cut");
  await at.node1.must(
    "nft",
    `add chain ip cut in { type filter hook input priority 0; }; add rule ip cut in ip saddr ${ROUTER_IP} drop`,
  );
  await at.told(
    "the end of the session",
    () => Promise.resolve(/BGP session ended/.test(at.speaker.output())),
  );
  assert.match(at.speaker.output(), /"sent":"6\/10 cease: BFD down"/);
  assert.match(at.speaker.output(), /"state":"Down","previous":"Up","diagnostic":1/);
  await at.told("no route", async () => (await at.frr.rib()).length === 0);
  await at.node1.must("nft", "delete table ip cut");
  await at.told("BFD again", at.bfdUp);
  await at.told("the route again", async () => (await at.frr.rib()).length === 1);
});

Deno.test("B19: a peer that shuts its BFD down is no failure: the BGP session stays", async () => {
  await using at = await setUp();
  await at.frr.vtysh("configure terminal", "bfd", `peer ${NODE1} interface eth0`, "shutdown")
    .catch(() => at.frr.vtysh("configure terminal", "bfd", `peer ${NODE1}`, "shutdown"));
  await at.told(
    "the peer's word",
    () => Promise.resolve(/BFD session shut down by the peer/.test(at.speaker.output())),
  );
  assert.doesNotMatch(at.speaker.output(), /BGP session ended/);
});

Deno.test("BFD: SIGTERM is told as AdminDown, so that the router sees no failure", async () => {
  await using at = await setUp();
  assert.equal(await at.speaker.end("SIGTERM"), 0);
  await at.told("FRR's view", async () => (await at.frr.bfd(NODE1))?.status !== "up");
  assert.equal((await at.frr.bfd(NODE1))?.["remote-diagnostic"], "administratively down");
});
