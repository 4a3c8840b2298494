import assert from "node:assert/strict";
import { instant } from "../../../../lib/base/time.ts";
import { type BfdPacket, decodeBfd, encodeBfd } from "../../../../lib/bfd/packet.ts";
import {
  type BfdSessionEvent,
  createBfdSession,
  nextBfdDeadline,
  step,
} from "../../../../lib/bfd/session.ts";
import type { BfdProfile } from "../../../../lib/config/types.ts";
import { createBfdPart } from "../../../../lib/host/linux/bfd/loop.ts";
import type { BfdEvent, BfdTarget } from "../../../../lib/host/linux/bfd/orders.ts";
import { type FakeUdp, fakeUdp, PEER_IP, work } from "../../../support/fake_udp.ts";
import { ip4 } from "../../../support/addresses.ts";

const PROFILE: BfdProfile = {
  name: "fast",
  receiveIntervalMs: 50,
  transmitIntervalMs: 50,
  detectMultiplier: 3,
  echoIntervalMs: 50,
  echoMode: false,
  passiveMode: false,
  minimumTtl: 254,
};
const TARGET: BfdTarget = {
  key: "peer",
  peerAddress: PEER_IP,
  sourceAddress: undefined,
  interfaceName: undefined,
  multihop: false,
  profile: PROFILE,
};
const HELLO: BfdPacket = {
  diagnostic: 0,
  state: "Down",
  poll: false,
  final: false,
  controlPlaneIndependent: false,
  demand: false,
  detectMultiplier: 3,
  myDiscriminator: 7,
  yourDiscriminator: 0,
  desiredMinTxUs: 1_000_000,
  requiredMinRxUs: 50_000,
  requiredMinEchoRxUs: 0,
};

function workshop(...targets: readonly BfdTarget[]) {
  const udp = fakeUdp();
  const told: BfdEvent[] = [];
  const engine = createBfdPart(udp.libc, (event) => told.push(event));
  engine.carryOut({ kind: "targets", targets });
  return {
    udp,
    engine,
    /** The changes since the last time. */
    changes: () => told.splice(0).map(({ key, previous, state }) => `${key} ${previous}-${state}`),
    told,
    pass: (ms: number) => work(udp, engine, ms),
    set: (...next: readonly BfdTarget[]) => engine.carryOut({ kind: "targets", targets: next }),
    status: () => engine.carryOut({ kind: "status" }) ?? assert.fail("no status"),
    sent: () => udp.sent.splice(0).map(({ bytes }) => decoded(bytes)),
    hear: (part: Partial<BfdPacket>, { ttl = 255, port = 3784, from = PEER_IP } = {}) =>
      udp.arrive(port, from, 50_000, encodeBfd({ ...HELLO, ...part }), ttl),
  };
}

function decoded(bytes: Uint8Array): BfdPacket {
  const packet = decodeBfd(bytes);
  assert.ok(typeof packet === "object", `${packet}`);
  return packet;
}

/** The other side, as RFC 5880 wants it: answers a millisecond later until it is silenced. */
function answer(udp: FakeUdp): { silent: boolean } {
  const session = createBfdSession(PROFILE, 7);
  const peer = { silent: false };
  const advance = (event: BfdSessionEvent) => {
    if (peer.silent) return;
    for (const action of step(session, event, instant(udp.now()), () => 0.5)) {
      if (action.kind !== "send") continue;
      const bytes = encodeBfd(action.packet);
      udp.later(1, () => udp.arrive(3784, PEER_IP, 50_000, bytes, 255));
    }
    const due = nextBfdDeadline(session);
    if (due !== undefined) udp.later(Math.max(0.1, due - udp.now()), tick);
  };
  const tick = () => {
    if ((nextBfdDeadline(session) ?? Infinity) <= udp.now()) advance({ kind: "tick" });
  };
  udp.onSend = ({ bytes }) => advance({ kind: "packet", packet: decoded(bytes) });
  return peer;
}

Deno.test("a session without an answer stays down and asks about once a second", () => {
  const at = workshop(TARGET);
  at.pass(10_000);
  const packets = at.sent();
  assert.ok(packets.length >= 10 && packets.length <= 14, `${packets.length}`);
  assert.ok(packets.every(({ state }) => state === "Down"));
  assert.deepEqual(at.changes(), []);
});

Deno.test("a session comes up, keeps the profile's pace, and is down 150 ms after the last packet", () => {
  const at = workshop(TARGET);
  const peer = answer(at.udp);
  at.pass(5_000);
  assert.deepEqual(at.changes(), ["peer Down-Up"], "the peer heard us first");
  at.sent();
  at.pass(1_000);
  const packets = at.sent().length;
  assert.ok(packets >= 20 && packets <= 27, `${packets} packets in a second`);
  const [status] = at.status();
  assert.deepEqual([status?.state, status?.upEvents, status?.detectionTimeMs], ["Up", 1, 150]);
  peer.silent = true;
  at.pass(100);
  assert.deepEqual(at.changes(), []);
  at.pass(60);
  assert.deepEqual(at.changes(), ["peer Up-Down"]);
  assert.equal(at.status()[0]?.downEvents, 1);
});

Deno.test("packets go to the peer's port, 3784 or 4784 beyond one hop", () => {
  const at = workshop(TARGET, { ...TARGET, key: "far", peerAddress: ip4(9), multihop: true });
  at.pass(10);
  assert.deepEqual(at.udp.sent.map(({ to, port }) => `${to} ${port}`), [
    `${PEER_IP} 3784`,
    "9 4784",
  ]);
});

Deno.test("a packet that came over a router is dropped, and counted by its reason", () => {
  const at = workshop(TARGET, { ...TARGET, key: "far", multihop: true });
  at.hear({}, { ttl: 254 });
  at.hear({}, { ttl: 254, port: 4784 });
  at.hear({}, { ttl: 253, port: 4784 });
  at.hear({ detectMultiplier: 0 });
  at.hear({ yourDiscriminator: 12345 });
  at.hear({}, { from: ip4(99) });
  at.pass(1);
  const [near, far] = at.status();
  assert.deepEqual(near?.dropped, { "low-ttl": 1, "zero-multiplier": 1, "unknown-session": 1 });
  assert.deepEqual([near?.controlPacketsInput, far?.controlPacketsInput], [0, 1]);
  assert.deepEqual([far?.dropped, at.changes()], [{ "low-ttl": 1 }, ["far Down-Init"]]);
});

Deno.test("a packet for a session is told apart by its discriminator from another to the same peer", () => {
  const at = workshop(TARGET, { ...TARGET, key: "second" });
  at.pass(10);
  const [, second] = at.sent();
  at.hear({ state: "Init", yourDiscriminator: second?.myDiscriminator ?? 0 });
  at.pass(1);
  assert.deepEqual(at.changes(), ["second Down-Up"]);
});

Deno.test("targets that stay go on; those that go, or take another path, say AdminDown", () => {
  const other = { ...TARGET, key: "other", peerAddress: ip4(9) };
  const at = workshop(TARGET, other);
  const before = at.status().map(({ key }) => key);
  at.pass(10);
  const [first] = at.sent();
  at.set(TARGET, { ...other, interfaceName: "eth1" });
  assert.deepEqual(before, ["peer", "other"]);
  assert.deepEqual(at.changes(), ["other Down-AdminDown"]);
  at.sent();
  at.pass(2_000);
  const ids = at.sent().map(({ myDiscriminator }) => myDiscriminator);
  assert.ok(ids.includes(first?.myDiscriminator ?? 0), "the same session");
  at.set();
  assert.deepEqual(at.status(), []);
  assert.equal(at.udp.open(), 1, "only the receiver is left");
});

Deno.test("another profile of the same session is taken by the session that is up", () => {
  const at = workshop(TARGET);
  answer(at.udp);
  at.pass(5_000);
  at.changes();
  at.set({ ...TARGET, profile: { ...PROFILE, transmitIntervalMs: 200 } });
  at.pass(1_000);
  assert.deepEqual(at.changes(), []);
  assert.equal(at.status()[0]?.transmitIntervalMs, 200);
});

Deno.test("a stop tells each peer AdminDown", () => {
  const at = workshop(TARGET);
  answer(at.udp);
  at.pass(5_000);
  at.sent();
  at.engine.stop?.();
  assert.deepEqual(at.sent().map(({ state }) => state), ["AdminDown"]);
});

Deno.test("a port that another daemon has is an error that says so", () => {
  const at = workshop();
  at.udp.taken.add(3784);
  assert.throws(() => at.set(TARGET), /UDP port 3784; does another BFD daemon run on this node/);
});

Deno.test("an engine closes what it opened", () => {
  const at = workshop(TARGET);
  at.pass(10);
  assert.equal(at.udp.open(), 2);
  at.engine[Symbol.dispose]();
  assert.equal(at.udp.open(), 0);
});
