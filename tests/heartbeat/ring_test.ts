// deno-lint-ignore-file no-console -- tells what a ring costs
import assert from "node:assert/strict";
import type { HeartbeatBody } from "../../lib/heartbeat/packet.ts";
import { instant, type Random } from "../../lib/base/time.ts";
import { nextDeadline, step } from "../../lib/heartbeat/monitor.ts";
import {
  createMonitor,
  DEFAULT_TIMING,
  type MonitorEvent,
  type MonitorState,
  RING_BEYOND,
} from "../../lib/heartbeat/monitor_state.ts";
import { neighboursOf, ringOf } from "../../lib/heartbeat/ring.ts";
import { seededRandom } from "../support/random.ts";

const HOP_MS = 0.3;

/** A speaker's monitor, and what it told its host. */
interface Node {
  readonly name: string;
  readonly state: MonitorState;
  runs: boolean;
  readonly up: Map<string, boolean>;
  /** When it last gave a fellow up. */
  readonly downAt: Map<string, number>;
  sequence: number;
  tickAt: number;
}

interface Net {
  now: number;
  packets: number;
  readonly random: Random;
  readonly nodes: Map<string, Node>;
  /** Whether a packet does not arrive. */
  loses: (from: string, to: string) => boolean;
  readonly queue: Map<number, (() => void)[]>;
}

/** So long is a turn of the clock: what falls due in it happens together. */
const TURN_MS = 1;

function at(net: Net, ms: number, run: () => void): void {
  const turn = Math.ceil(Math.max(ms, net.now + 0.01) / TURN_MS);
  const due = net.queue.get(turn);
  if (due === undefined) net.queue.set(turn, [run]);
  else due.push(run);
}

function runFor(net: Net, ms: number): void {
  const end = net.now + ms;
  for (let turn = Math.floor(net.now / TURN_MS) + 1; turn * TURN_MS <= end; turn++) {
    net.now = turn * TURN_MS;
    for (let round = net.queue.get(turn); round !== undefined; round = net.queue.get(turn)) {
      net.queue.delete(turn);
      for (const run of round) run();
    }
  }
}

function feed(net: Net, node: Node, event: MonitorEvent): void {
  if (!node.runs) return;
  for (const action of step(node.state, event, instant(net.now), net.random)) {
    if (action.kind === "up") node.up.set(action.name, true);
    if (action.kind === "down") {
      node.up.set(action.name, false);
      node.downAt.set(action.name, net.now);
    }
    if (action.kind !== "send") continue;
    net.packets++;
    const { body, to } = action;
    if (net.loses(node.name, to)) continue;
    const packet = { sender: node.name, boot: 1, sequence: ++node.sequence, body };
    at(net, net.now + HOP_MS, () => {
      const other = net.nodes.get(to);
      if (other !== undefined) feed(net, other, { kind: "packet", packet });
    });
  }
  const due = nextDeadline(node.state, instant(net.now));
  if (due >= node.tickAt && node.tickAt > net.now) return;
  node.tickAt = due;
  at(net, due, () => {
    if (node.tickAt !== due) return;
    node.tickAt = Infinity;
    feed(net, node, { kind: "tick" });
  });
}

/** So many that all know each other, after a second. */
function netOf(
  seed: number,
  count: number,
  { ringBeyond = RING_BEYOND, old = 0, real = (_name: string): boolean => true } = {},
): Net {
  const net: Net = {
    now: 0,
    packets: 0,
    random: seededRandom(seed),
    nodes: new Map(),
    loses: () => false,
    queue: new Map(),
  };
  const peers = Array.from({ length: count }, (_, index) => ({
    name: `rack${Math.floor(index / 20)}-node${index}`,
    boot: 1,
    inRing: index >= old,
  }));
  for (const { name, inRing } of peers.filter((peer) => real(peer.name))) {
    const state = createMonitor(DEFAULT_TIMING, name, inRing ? ringBeyond : Infinity);
    const node: Node = {
      name,
      state,
      runs: true,
      up: new Map(),
      downAt: new Map(),
      sequence: 0,
      tickAt: Infinity,
    };
    net.nodes.set(name, node);
    // What one of the version before knows of the others: that they beat.
    const known = inRing ? peers : peers.map((peer) => ({ ...peer, inRing: false }));
    const others = known.filter((peer) => peer.name !== name);
    at(net, 0, () => feed(net, node, { kind: "peers", peers: others }));
  }
  for (const { name } of peers.filter((peer) => !real(peer.name))) startBeats(net, name);
  runFor(net, 400);
  return net;
}

const BEAT: HeartbeatBody = {
  kind: "beat",
  intervalMs: DEFAULT_TIMING.intervalMs,
  multiplier: DEFAULT_TIMING.multiplier,
  canAnnounce: true,
  ringed: true,
  stale: false,
};

/** Of one that is not looked at there are the beats alone: the first to all, the others to neighbours. */
function startBeats(net: Net, name: string): void {
  let sequence = 0;
  const tell = (node: Node) => {
    const packet = { sender: name, boot: 1, sequence: ++sequence, body: BEAT };
    feed(net, node, { kind: "packet", packet });
  };
  const beat = () => {
    for (const node of running(net)) if (node.state.near.has(name)) tell(node);
    at(net, net.now + DEFAULT_TIMING.intervalMs, beat);
  };
  at(net, 1, () => running(net).forEach(tell));
  at(net, 1 + 49 * net.random(), beat);
}

const running = (net: Net) => [...net.nodes.values()].filter(({ runs }) => runs);

/** Whoever runs hears all that run, and no other. */
function assertAllKnow(net: Net, where: string): void {
  for (const node of running(net)) {
    for (const other of net.nodes.values()) {
      if (other === node) continue;
      assert.equal(
        node.up.get(other.name) ?? false,
        other.runs,
        `${where}: ${node.name} of ${other.name}`,
      );
    }
  }
}

/** The speakers die now; gives how long the last of the others took to know. */
function deathMs(net: Net, names: readonly string[]): number {
  const died = net.now;
  for (const name of names) (net.nodes.get(name) ?? assert.fail()).runs = false;
  runFor(net, 1_000);
  const times = running(net).flatMap(({ downAt }) => names.map((name) => downAt.get(name) ?? 1e9));
  return Math.max(...times) - died;
}

Deno.test("neighbours are as many on each side, whoever is missed between them, and each other's", () => {
  const state = createMonitor(DEFAULT_TIMING, "self");
  const peers = Array.from({ length: 99 }, (_, i) => ({ name: `n${i}`, boot: 1, inRing: true }));
  step(state, { kind: "peers", peers }, instant(0), () => 0);
  const ring = ringOf("self", state.peers.values());
  assert.equal(ring.length, 100);
  for (const { name } of ring) {
    const near = neighboursOf(ring, name).map((place) => place.name);
    assert.equal(new Set(near).size, 6);
    for (const one of near) {
      assert.ok(neighboursOf(ring, one).some((place) => place.name === name), `${one} of ${name}`);
    }
  }
  const [next] = neighboursOf(ring, "self");
  assert.ok(next?.peer !== undefined);
  next.peer.state = "down";
  assert.equal(neighboursOf(ring, "self").length, 7, "it may come back");
});

Deno.test("layer2 18: at 1,000 speakers each sends what 6 cost, and a death is known as soon as among few", () => {
  const few = netOf(1, 30);
  runFor(few, 200);
  const among30 = deathMs(few, ["rack0-node7"]);
  // The neighbours of the one that dies, and some of the rest.
  const dead = "rack20-node407";
  const all = netOf(1, 1_000, { real: (name: string): boolean => name === dead });
  const ring = all.nodes.get(dead)?.state.ring ?? assert.fail();
  const looked = new Set([dead, ...neighboursOf(ring, dead).map(({ name }) => name)]);
  for (const { name } of ring) if (looked.size < 50) looked.add(name);
  const many = netOf(1, 1_000, { real: (name: string) => looked.has(name) });
  runFor(many, 1_000);
  for (const { name, up } of running(many)) assert.equal(up.size, 999, name);
  const { packets } = many;
  runFor(many, 1_000);
  const each = (many.packets - packets) / looked.size;
  const among1000 = deathMs(many, [dead]);
  console.log(`ring: ${each} packets/s each, known after ${among1000} ms (30: ${among30} ms)`);
  assert.equal(each, 120);
  assert.ok(among1000 <= among30 + 5, `${among1000} ms among 1,000, ${among30} ms among 30`);
  for (const { downAt, name } of running(many)) assert.equal(downAt.size, 1, name);
});

Deno.test("deaths at once, of neighbours too, are known to all in time", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const net = netOf(seed, 60);
    const names = [...net.nodes.keys()];
    const { ring } = net.nodes.get("rack0-node0")?.state ?? assert.fail();
    const start = Math.floor(net.random() * 50);
    // Any of them, or such as stand side by side in the ring.
    const dead = seed % 2 === 0
      ? names.filter(() => net.random() < 0.3)
      : ring.slice(start, start + 4).map(({ name }) => name);
    const ms = deathMs(net, dead);
    assert.ok(ms <= 600, `seed ${seed}: ${ms} ms until the death of ${dead.join()} was known`);
    assertAllKnow(net, `seed ${seed}`);
  }
});

Deno.test("one that hears nobody takes nobody from the cluster, and hears all again", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const net = netOf(seed, 60);
    const [deaf = ""] = [...net.nodes.keys()].slice(seed);
    for (
      const loses of [
        (_: string, to: string) => to === deaf,
        (from: string) => from === deaf,
        (from: string, to: string) => from === deaf || to === deaf,
      ]
    ) {
      net.loses = loses;
      runFor(net, 2_000);
      for (const node of running(net)) {
        const missed = [...node.up].filter(([name, up]) => !up && name !== deaf);
        if (node.name !== deaf) assert.deepEqual(missed, [], `seed ${seed}: ${node.name}`);
      }
      const alone = net.nodes.get(deaf)?.up.values().toArray() ?? [];
      if (loses("other", deaf)) assert.ok(!alone.includes(true), `seed ${seed}: it hears nobody`);
      net.loses = () => false;
      runFor(net, 3_000);
      assertAllKnow(net, `seed ${seed}: healed`);
    }
  }
});

Deno.test("a cluster that falls in two, and a tenth of all packets that are lost", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const net = netOf(seed, 60);
    const half = new Set([...net.nodes.keys()].filter(() => net.random() < 0.5));
    net.loses = (from, to) => half.has(from) !== half.has(to);
    runFor(net, 2_000);
    for (const node of running(net)) {
      for (const [name, up] of node.up) {
        assert.equal(
          up,
          half.has(name) === half.has(node.name),
          `seed ${seed}: ${node.name} ${name}`,
        );
      }
    }
    net.loses = () => false;
    runFor(net, 3_000);
    assertAllKnow(net, `seed ${seed}: healed`);
    net.loses = () => net.random() < 0.1;
    const before = running(net).map(({ downAt }) => downAt.size);
    running(net).forEach(({ downAt }) => downAt.clear());
    runFor(net, 10_000);
    const downs = running(net).map(({ downAt }) => downAt.size);
    const all = downs.reduce((sum, one) => sum + one, 0);
    assert.ok(all <= 30, `seed ${seed}: given up ${all} times in 10 s, ${before.length} nodes`);
    net.loses = () => false;
    runFor(net, 3_000);
    assertAllKnow(net, `seed ${seed}: without loss`);
  }
});

Deno.test("speakers of the version before, which beat to all and expect it, are missed by none and miss none", () => {
  for (const old of [1, 20, 59]) {
    const net = netOf(old, 60, { old });
    runFor(net, 5_000);
    assertAllKnow(net, `${old} old ones`);
    for (const node of running(net)) assert.equal(node.downAt.size, 0, `${old}: ${node.name}`);
    const ms = deathMs(net, ["rack0-node0", "rack2-node59"]);
    assert.ok(ms <= 250, `${old}: ${ms} ms`);
    assertAllKnow(net, `${old} old ones, after`);
  }
});

Deno.test("speakers that do not agree on whether there is a ring miss nobody", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const net = netOf(seed, 40, { ringBeyond: 40 });
    const others = (name: string, but: string) =>
      [...net.nodes.keys()].filter((one) => one !== name && one !== but)
        .map((one) => ({ name: one, boot: 1, inRing: true }));
    // As some have heard of one more, and the others not yet.
    const more = { name: "one more", boot: 1, inRing: true };
    for (const node of running(net)) {
      if (net.random() < 0.5) continue;
      feed(net, node, { kind: "peers", peers: [...others(node.name, ""), more] });
    }
    runFor(net, 5_000);
    for (const node of running(net)) {
      assert.equal(node.downAt.size, 0, `seed ${seed}: ${node.name} ${[...node.downAt]}`);
    }
  }
});

Deno.test("whether a speaker can announce, that its view is stale and that it is back from a pause reaches all", () => {
  const net = netOf(3, 60);
  const [one] = running(net);
  assert.ok(one);
  const seen = () =>
    running(net).filter((node) => node.state.peers.get(one.name)?.canAnnounce === true).length;
  runFor(net, 500);
  assert.equal(seen(), 0);
  feed(net, one, { kind: "can-announce", canAnnounce: true });
  runFor(net, 10);
  assert.equal(seen(), 59);
  feed(net, one, { kind: "view", stale: true });
  runFor(net, 10);
  const stale = running(net).filter((node) => node.state.peers.get(one.name)?.stale === true);
  assert.equal(stale.length, 59);
  one.runs = false;
  runFor(net, 500);
  assert.ok(running(net).every((node) => node.up.get(one.name) === false));
  one.runs = true;
  feed(net, one, { kind: "tick" });
  runFor(net, 100);
  assertAllKnow(net, "back");
});
