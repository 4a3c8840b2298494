import assert from "node:assert/strict";
import { parseConfig } from "../../../../lib/config/parse.ts";
import type { Bfd, BfdHooks } from "../../../../lib/host/linux/bfd/bfd.ts";
import type { BfdEvent, BfdSessionStatus } from "../../../../lib/host/linux/bfd/orders.ts";
import { startBfdPeers } from "../../../../lib/host/linux/bfd/peers.ts";
import { createMetrics } from "../../../../lib/host/metrics/metrics.ts";
import { settled, virtualClock } from "../../../support/clock.ts";
import { recordedLog } from "../../../support/log.ts";

const NAME = "10.0.0.1:179";

/** Two peers, of which the first asks for BFD. */
function peersOf() {
  const text = `peers:
- {peer-address: 10.0.0.1, my-asn: 1, peer-asn: 2, bfd-profile: fast}
- {peer-address: 10.0.0.2, my-asn: 1, peer-asn: 2}
bfd-profiles: [{name: fast}]
`;
  const config = parseConfig(text, "c").config ?? assert.fail();
  const peers = config.peers.map((peer, index) => ({ peer, name: `10.0.0.${index + 1}:179` }));
  return { peers, profiles: config.bfdProfiles };
}

/** BFD whose Worker is the test. */
function workshop(failure?: Error) {
  const calls: string[] = [];
  const down: string[] = [];
  const log = recordedLog();
  const clock = virtualClock();
  const metrics = createMetrics();
  const stop = new AbortController();
  const at = { hooks: undefined as BfdHooks | undefined, sessions: [] as BfdSessionStatus[] };
  const bfd: Bfd = {
    setTargets: (targets) => {
      calls.push(`targets ${targets.map(({ key }) => key)}`);
      return Promise.resolve();
    },
    adminDown: () => {
      calls.push("admin-down");
      return Promise.resolve();
    },
    status: () => Promise.resolve(at.sessions),
    problem: () => "hangs",
    [Symbol.asyncDispose]: () => {
      calls.push("disposed");
      return Promise.resolve();
    },
  };
  const peers = startBfdPeers({
    start: (hooks) => {
      calls.push("start");
      at.hooks = hooks;
      return settled().then(() => failure === undefined ? bfd : Promise.reject(failure));
    },
    log,
    metrics: metrics.bfd,
    clock,
    onDown: (name) => down.push(name),
  }, stop.signal);
  return {
    ...at,
    peers,
    calls,
    down,
    clock,
    stop,
    words: () => log.lines.splice(0).map(({ level, msg }) => `${level}: ${msg}`),
    lines: async () =>
      (await metrics.registry.metrics()).split("\n").filter((line) => line.includes(NAME)),
    metric: async (name: string) =>
      (await metrics.registry.metrics()).split("\n").find((line) => line.startsWith(`${name}{`)),
    count: (session: Partial<BfdSessionStatus>) =>
      at.sessions.push({ key: NAME, dropped: {}, ...session } as BfdSessionStatus),
    tell: (event: Partial<BfdEvent>) =>
      at.hooks?.onEvent({
        key: NAME,
        state: "Down",
        previous: "Up",
        diagnostic: 1,
        peerAdminDown: false,
        ...event,
      }),
    fail: (error: Error) => at.hooks?.onFault(error),
  };
}

Deno.test("BFD starts with the first peer that asks for it, once, and watches only those", async () => {
  const at = workshop();
  const { peers, profiles } = peersOf();
  at.peers.setPeers(peers.slice(1), profiles);
  assert.deepEqual([at.calls, at.peers.problem()], [[], undefined]);
  at.peers.setPeers(peers, profiles);
  await settled();
  assert.deepEqual(at.calls.splice(0), ["start", `targets ${NAME}`]);
  assert.match(await at.metric("metallb_bfd_session_up") ?? "", / 0$/);
  at.peers.setPeers(peers, profiles);
  assert.deepEqual(at.calls, [`targets ${NAME}`]);
  assert.equal(at.peers.problem(), "hangs");
});

Deno.test("a change while BFD starts is what it starts with", async () => {
  const at = workshop();
  const { peers, profiles } = peersOf();
  at.peers.setPeers(peers, profiles);
  at.peers.setPeers([], profiles);
  await settled();
  assert.deepEqual(at.calls, ["start", "targets "]);
});

Deno.test("a path that fails ends the peer's session; a BFD that the peer shut down does not", async () => {
  const at = workshop();
  const { peers, profiles } = peersOf();
  at.peers.setPeers(peers, profiles);
  await settled();
  at.tell({ state: "Init", previous: "Down" });
  at.tell({ state: "Up", previous: "Init" });
  assert.equal(at.peers.states().get(NAME), "Up");
  assert.match(await at.metric("metallb_bfd_session_up") ?? "", / 1$/);
  at.tell({ peerAdminDown: true });
  assert.deepEqual(at.down, []);
  at.tell({});
  assert.deepEqual(at.down, [NAME]);
  assert.equal(at.peers.states().get(NAME), "Down");
  assert.deepEqual(at.words(), [
    "debug: BFD session",
    "info: BFD session up",
    "info: BFD session shut down by the peer",
    "warn: BFD session down",
  ]);
});

Deno.test("packets are counted over every five seconds, until the signal", async () => {
  const at = workshop();
  const { peers, profiles } = peersOf();
  at.peers.setPeers(peers, profiles);
  await settled();
  const input = () => at.metric("metallb_bfd_control_packet_input");
  at.count({ controlPacketsInput: 7, controlPacketsOutput: 8, upEvents: 1, downEvents: 0 });
  await at.clock.elapse(4_999);
  assert.equal(await input(), undefined);
  await at.clock.elapse(1);
  assert.match(await input() ?? "", / 7$/);
  at.count({ controlPacketsInput: 9, controlPacketsOutput: 8, upEvents: 1, downEvents: 0 });
  await at.clock.elapse(5_000);
  assert.match(await input() ?? "", / 9$/);
  at.stop.abort();
  await at.peers.done;
  assert.equal(at.clock.pending(), 0);
});

Deno.test("a peer that wants no BFD any more is out of the status and the metrics", async () => {
  const at = workshop();
  const { peers, profiles } = peersOf();
  at.peers.setPeers(peers, profiles);
  await settled();
  at.tell({ state: "Up", previous: "Init" });
  at.count({ controlPacketsInput: 7, controlPacketsOutput: 8, upEvents: 1, downEvents: 0 });
  await at.clock.elapse(5_000);
  assert.ok((await at.lines()).length > 3);
  at.peers.setPeers(peers.slice(1), profiles);
  assert.equal(at.peers.states().size, 0);
  assert.deepEqual(await at.lines(), []);
  at.words();
  // What the Worker told before it knew, and its last word, come later.
  at.tell({ state: "AdminDown" });
  await at.clock.elapse(5_000);
  assert.equal(at.peers.states().size, 0);
  assert.deepEqual(await at.lines(), []);
  assert.deepEqual([at.words(), at.down], [[], []]);
});

Deno.test("when the Worker ends, no session is up any more", async () => {
  const at = workshop();
  const { peers, profiles } = peersOf();
  at.peers.setPeers(peers, profiles);
  await settled();
  at.tell({ state: "Up", previous: "Init" });
  at.fail(new Error("out of memory"));
  assert.equal(at.peers.states().get(NAME), "Down");
  assert.match(await at.metric("metallb_bfd_session_up") ?? "", / 0$/);
});

Deno.test("a BFD that cannot start or that breaks is told, and is not tried again", async () => {
  const at = workshop(new Error("port 3784 is taken"));
  const { peers, profiles } = peersOf();
  at.peers.setPeers(peers, profiles);
  await settled();
  assert.deepEqual(at.words(), ["error: BFD is off, BGP works on"]);
  at.peers.setPeers(peers, profiles);
  await at.peers.adminDown();
  assert.deepEqual(at.calls, ["start"]);
  const other = workshop();
  other.peers.setPeers(peers, profiles);
  other.fail(new Error("out of memory"));
  assert.deepEqual(other.words(), ["error: BFD ended, BGP works on"]);
});

Deno.test("the signal ends BFD, also one that is about to start", async () => {
  const at = workshop();
  const { peers, profiles } = peersOf();
  at.peers.setPeers(peers, profiles);
  at.stop.abort();
  await at.peers.done;
  assert.equal(at.calls.at(-1), "disposed");
});

Deno.test("the peers are told of a stop on purpose", async () => {
  const at = workshop();
  const { peers, profiles } = peersOf();
  at.peers.setPeers(peers, profiles);
  await settled();
  await at.peers.adminDown();
  assert.equal(at.calls.at(-1), "admin-down");
});
