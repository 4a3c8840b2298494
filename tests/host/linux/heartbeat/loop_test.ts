import assert from "node:assert/strict";
import { isWireError } from "../../../../lib/base/errors.ts";
import { timingOf } from "../../../../lib/heartbeat/monitor_state.ts";
import {
  decodeHeartbeat,
  encodeHeartbeat,
  type HeartbeatBody,
  heartbeatKey,
} from "../../../../lib/heartbeat/packet.ts";
import { createHeartbeatPart } from "../../../../lib/host/linux/heartbeat/loop.ts";
import type {
  HeartbeatNews,
  HeartbeatOrder,
  HeartbeatTarget,
} from "../../../../lib/host/linux/heartbeat/orders.ts";
import {
  hasReplyLease,
  openTable,
  requireReplyLease,
  TABLE_BYTES,
} from "../../../../lib/neighbour/table.ts";
import { fakeUdp, PEER_IP, work } from "../../../support/fake_udp.ts";
import { ip4 } from "../../../support/addresses.ts";

const KEY = heartbeatKey(undefined);
const OTHER_KEY = heartbeatKey(new Uint8Array(16));
const PORT = 7_947;
const BEAT: HeartbeatBody = {
  kind: "beat",
  intervalMs: 50,
  multiplier: 3,
  canAnnounce: true,
  ringed: false,
  stale: false,
};
const TWO: HeartbeatTarget = { inRing: false, name: "two", boot: 2, address: PEER_IP, port: 7_000 };
const THREE: HeartbeatTarget = {
  inRing: false,
  name: "three",
  boot: 3,
  address: ip4(0x0a000003),
  port: 7_000,
};

function workshop(order: Partial<HeartbeatOrder & { kind: "open" }> = {}) {
  const udp = fakeUdp();
  const told: HeartbeatNews[] = [];
  const table = new SharedArrayBuffer(TABLE_BYTES);
  requireReplyLease(openTable(table));
  const engine = createHeartbeatPart(udp.libc, (news) => told.push(news));
  const open = () =>
    engine.carryOut({
      kind: "open",
      self: "one",
      boot: 1,
      address: ip4(0x0a000001),
      port: PORT,
      keys: [KEY],
      timing: timingOf(50, 3),
      lease: { table, mapFd: undefined },
      ...order,
    });
  let sequence = 0;
  const hear = (body: HeartbeatBody = BEAT, { from = PEER_IP, name = "two", key = KEY } = {}) => {
    const bytes = encodeHeartbeat({ sender: name, boot: 2, sequence: ++sequence, body }, key);
    udp.arrive(PORT, from, 7_000, bytes);
  };
  return {
    udp,
    engine,
    open,
    hear,
    told: () => told.splice(0),
    targets: (...targets: HeartbeatTarget[]) => engine.carryOut({ kind: "targets", targets }),
    pass: (ms: number) => work(udp, engine, ms),
    /** The other speaker beats for so long, every 50 ms. */
    passBeating(ms: number) {
      for (let at = 0; at < ms; at += 50) udp.later(at, hear);
      work(udp, engine, ms);
    },
    mayReply: () => hasReplyLease(openTable(table), udp.now()),
    /** What was sent since the last time. */
    sent: () =>
      udp.sent.splice(0).map(({ bytes, ...where }) => {
        const packet = decodeHeartbeat(bytes, [KEY]);
        assert.ok(!isWireError(packet), "Herald sent no packet of its own");
        return { ...where, packet, bytes };
      }),
  };
}

Deno.test("opening gives the port, and a port that is taken is an error with its name", () => {
  const at = workshop();
  assert.equal(at.open(), PORT);
  const other = workshop();
  other.udp.taken.add(PORT);
  assert.throws(() => other.open(), /heartbeats on 10\.0\.0\.1, UDP port 7947/);
});

Deno.test("before it is open an engine sends nothing and only waits", () => {
  const at = workshop();
  at.targets(TWO);
  at.pass(3_000);
  assert.deepEqual([at.sent(), at.told()], [[], []]);
});

Deno.test("each target gets the same beats, some 20 a second", () => {
  const at = workshop();
  at.open();
  at.targets(TWO, THREE);
  at.pass(10);
  at.sent();
  at.pass(1_000);
  const sent = at.sent();
  const [two, three] = [TWO, THREE].map((target) => sent.filter(({ to }) => to === target.address));
  assert.ok(two !== undefined && two.length >= 18 && two.length <= 26, `${two?.length} beats`);
  assert.deepEqual(two.map(({ bytes }) => bytes), three?.map(({ bytes }) => bytes));
  assert.deepEqual(two.map(({ port }) => port), two.map(() => 7_000));
  const sequences = two.map(({ packet }) => packet.sequence);
  assert.deepEqual(sequences, [...sequences].sort((a, b) => a - b), "each counts on");
});

Deno.test("a speaker is up when it is heard, and down when it is silent for three beats", () => {
  const at = workshop();
  at.open();
  at.targets(TWO);
  at.passBeating(500);
  assert.deepEqual(at.told().map(({ kind }) => kind), ["up"]);
  at.pass(90);
  assert.deepEqual(at.told(), []);
  at.pass(60);
  const [down] = at.told();
  assert.ok(down?.kind === "down" && down.silentMs >= 150, JSON.stringify(down));
});

Deno.test("a speaker whose kernel refuses our packets is missed sooner", () => {
  const at = workshop();
  at.open();
  at.targets(TWO);
  at.passBeating(500);
  at.told();
  at.udp.onSend = ({ to, port }) => at.udp.refuse(PORT, to, port);
  at.pass(90);
  assert.deepEqual(at.told().map(({ kind }) => kind), ["down"]);
});

Deno.test("a host that cannot be reached says nothing of the speaker there", () => {
  const at = workshop();
  at.open();
  at.targets(TWO);
  at.passBeating(500);
  at.told();
  const noRoute = 113;
  at.udp.onSend = ({ to, port }) => at.udp.refuse(PORT, to, port, noRoute);
  at.pass(90);
  assert.deepEqual(at.told(), []);
});

Deno.test("packets signed by another key, or from an address that gossip does not tell, are refused", () => {
  const at = workshop();
  at.open();
  at.targets(TWO);
  at.hear(BEAT, { key: OTHER_KEY });
  at.hear(BEAT, { from: ip4(99) });
  at.pass(1);
  assert.deepEqual(at.told(), [{
    kind: "refused",
    reasons: { "bad-signature": 1, "bad-sender": 1 },
  }]);
});

Deno.test("refused packets are told at most once a second, all that came meanwhile", () => {
  const at = workshop();
  at.open();
  for (let ms = 0; ms < 2_500; ms += 100) at.udp.later(ms, () => at.hear(BEAT, { key: OTHER_KEY }));
  at.pass(2_500);
  const told = at.told();
  assert.equal(told.length, 3);
  assert.deepEqual(told.slice(1).map((one) => one.kind === "refused" && one.reasons), [
    { "bad-signature": 10 },
    { "bad-signature": 10 },
  ]);
});

Deno.test("a beat of a speaker that gossip has not told is told, with where it came from", () => {
  const at = workshop();
  at.open();
  at.hear(BEAT, { name: "new", from: ip4(77) });
  at.pass(1);
  assert.deepEqual(at.told(), [{ kind: "stranger", name: "new", address: ip4(77) }]);
});

Deno.test("a notice goes out until it is acknowledged, and that is told", () => {
  const at = workshop();
  at.open();
  at.targets(TWO);
  at.passBeating(200);
  at.told();
  at.sent();
  at.engine.carryOut({ kind: "notify", id: 5, notice: { what: "leaving" } });
  at.pass(25);
  const notices = at.sent().filter(({ packet }) => packet.body.kind === "notice");
  assert.ok(notices.length >= 2, `${notices.length}`);
  at.hear({ kind: "ack", id: 5 });
  at.pass(1);
  assert.deepEqual(at.told(), [{ kind: "settled", id: 5, missing: [] }]);
});

Deno.test("replies may leave while the thread runs, and soon not when it stands still", () => {
  const at = workshop();
  at.open();
  at.targets(TWO);
  at.passBeating(1_000);
  assert.ok(at.mayReply());
  at.udp.freeze(120);
  assert.ok(!at.mayReply());
});

Deno.test("after a pause replies wait until the main thread has heard of it", () => {
  const at = workshop();
  at.open();
  at.targets(TWO);
  at.passBeating(500);
  at.told();
  at.udp.freeze(1_000);
  at.passBeating(500);
  const [news] = at.told();
  assert.ok(news?.kind === "paused" && news.ms >= 1_000, JSON.stringify(news));
  assert.ok(!at.mayReply(), "others may have taken the addresses");
  at.engine.carryOut({ kind: "resume", pause: news.pause });
  assert.ok(at.mayReply());
});

Deno.test("what is said of one pause frees no reply after the next one, however the two come in", () => {
  for (const late of [false, true]) {
    const at = workshop();
    at.open();
    at.targets(TWO);
    at.passBeating(500);
    at.told();
    at.udp.freeze(200);
    at.passBeating(late ? 100 : 5);
    at.udp.freeze(2_000);
    // The main thread's timer of the first pause runs before it reads of the second one.
    if (late) at.pass(1);
    at.engine.carryOut({ kind: "resume", pause: 1 });
    assert.ok(!at.mayReply(), "others have had two seconds to take the addresses");
    at.passBeating(100);
    assert.ok(!at.mayReply(), "no beat frees them either");
    const pauses = at.told().flatMap((news) => news.kind === "paused" ? [news.pause] : []);
    assert.deepEqual(pauses, [1, 2]);
    at.engine.carryOut({ kind: "resume", pause: 2 });
    assert.ok(at.mayReply());
  }
});

Deno.test("after a pause each speaker gets a new chance before it is missed", () => {
  const at = workshop();
  at.open();
  at.targets(TWO);
  at.passBeating(500);
  at.told();
  at.udp.freeze(1_000);
  at.pass(100);
  assert.deepEqual(at.told().map(({ kind }) => kind), ["paused"]);
});

Deno.test("an engine closes what it opened", () => {
  const at = workshop();
  at.open();
  at.engine[Symbol.dispose]();
  assert.equal(at.udp.open(), 0);
});

Deno.test("no reply leaves any more when the socket is closed, by which others know that nobody listens", () => {
  const at = workshop();
  at.open();
  at.targets(TWO);
  at.passBeating(500);
  const { close } = at.udp.libc;
  let mayReply: boolean | undefined;
  Object.assign(at.udp.libc, {
    close(fd: number) {
      mayReply ??= at.mayReply();
      return close(fd);
    },
  });
  assert.ok(at.mayReply());
  at.engine[Symbol.dispose]();
  assert.equal(mayReply, false);
});

Deno.test("a flood from elsewhere is refused by its address, and costs a signature only for a few", () => {
  const at = workshop();
  at.open();
  at.targets(TWO);
  at.passBeating(500);
  at.told();
  for (let round = 0; round < 5; round++) {
    for (let count = 0; count < 1_000; count++) at.hear(BEAT, { from: ip4(99), key: OTHER_KEY });
    at.passBeating(50);
  }
  at.passBeating(1_100);
  const told = at.told();
  const refused = told.flatMap((news) => news.kind === "refused" ? [news.reasons] : []);
  const count = (reason: string) => refused.reduce((sum, one) => sum + (one[reason] ?? 0), 0);
  assert.ok(count("unknown-address") >= 4_900, `${count("unknown-address")}`);
  const checked = count("bad-signature");
  assert.ok(checked > 0 && checked <= 100, `${checked} were checked`);
  assert.deepEqual(told.filter(({ kind }) => kind === "down"), []);
});
