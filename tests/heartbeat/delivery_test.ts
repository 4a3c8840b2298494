import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import {
  createMonitor,
  type MonitorAction,
  type MonitorEvent,
} from "../../lib/heartbeat/monitor_state.ts";
import { step } from "../../lib/heartbeat/monitor.ts";
import { SETTLE_MS } from "../../lib/heartbeat/outstanding.ts";
import { piecesOf } from "../../lib/heartbeat/notice.ts";
import type { HeartbeatBody, Notice } from "../../lib/heartbeat/packet.ts";
import { ip4 } from "../support/addresses.ts";
import { seededRandom } from "../support/random.ts";

Deno.test("ten thousand addresses claimed at once are told once each, however often they are repeated (layer 2, fault 16)", () => {
  const state = createMonitor();
  const random = seededRandom(1);
  let sequence = 0;
  let now = 1_000;
  const act = (event: MonitorEvent) => step(state, event, instant(now), random);
  const hear = (body: HeartbeatBody) =>
    act({ kind: "packet", packet: { sender: "a", boot: 1, sequence: ++sequence, body } });
  const notice = (id: number) =>
    hear({ kind: "notice", id, notice: { what: "leaving" }, stale: false });
  const count = (actions: readonly MonitorAction[], wanted: "notice" | "ack") =>
    actions.filter((one) => (one.kind === "send" ? one.body.kind : one.kind) === wanted).length;
  act({ kind: "peers", peers: [{ name: "a", boot: 1, inRing: true }] });
  let told = 0;
  for (let repeat = 0; repeat < 3; repeat++) {
    for (let id = 1; id <= 5_000; id++) told += count(notice(id), "notice");
  }
  assert.equal(told, 5_000, "before any is carried out");
  for (let id = 1; id <= 5_000; id++) act({ kind: "acknowledge", name: "a", id });
  for (const id of [1, 2_500, 5_000]) {
    const again = notice(id);
    assert.equal(count(again, "notice"), 0);
    assert.equal(count(again, "ack"), 1, "it is acknowledged again");
  }
  now += 2 * SETTLE_MS;
  notice(5_001);
  assert.equal(state.peers.get("a")?.notices.size, 1, "what nobody repeats any more is forgotten");
});

const ADDRESSES = 10_000;
const ONE_WAY_MS = 0.2;

/** One speaker claims all, another carries each notice out on a thread of its own, in so long. */
function takeOver(costMs: number) {
  const random = seededRandom(7);
  const due: { readonly at: number; readonly run: () => void }[] = [];
  const told: number[] = [];
  const missing: string[] = [];
  let [now, free] = [0, 0];
  const later = (at: number, run: () => void) => {
    const place = due.findLastIndex((one) => one.at <= at) + 1;
    due.splice(place, 0, { at, run });
  };
  const speakers = new Map(
    ["old", "new"].map((name) => [name, { state: createMonitor(undefined, name), sequence: 0 }]),
  );
  function act(name: string, event: MonitorEvent): void {
    const speaker = speakers.get(name) ?? assert.fail();
    for (const action of step(speaker.state, event, instant(now), random)) {
      if (action.kind === "send") {
        const packet = { sender: name, boot: 1, sequence: ++speaker.sequence, body: action.body };
        later(now + ONE_WAY_MS, () => act(action.to, { kind: "packet", packet }));
      } else if (action.kind === "notice") {
        told.push(action.id);
        free = Math.max(now, free) + costMs;
        later(free, () => act(name, { kind: "acknowledge", name: action.name, id: action.id }));
      } else if (action.kind === "settled") missing.push(...action.missing);
    }
  }
  const beat = (name: string) => {
    act(name, { kind: "tick" });
    later(now + 5, () => beat(name));
  };
  act("old", { kind: "peers", peers: [{ name: "new", boot: 1, inRing: true }] });
  act("new", { kind: "peers", peers: [{ name: "old", boot: 1, inRing: true }] });
  beat("old");
  beat("new");
  const ips = Array.from({ length: ADDRESSES }, (_, at) => ip4(0x0a00_0000 + at));
  const pieces = piecesOf({ what: "claim", ips, macs: [] });
  later(200, () => {
    pieces.forEach((notice, at) => act("new", { kind: "notify", id: at + 1, notice }));
  });
  while (now < 3_000) {
    const next = due.shift() ?? assert.fail();
    now = Math.max(now, next.at);
    next.run();
  }
  return { told, missing, pieces: pieces.length };
}

Deno.test("ten thousand addresses that another claims are told to the old owner once, however slow it is (layer 2, fault 16)", () => {
  for (const costMs of [0.2, 2, 12]) {
    const { missing, pieces, told } = takeOver(costMs);
    assert.equal(pieces, Math.ceil(ADDRESSES / 48));
    assert.deepEqual(told, Array.from({ length: pieces }, (_, at) => at + 1), `${costMs} ms each`);
    // Who takes longer than half a second for all is told again by its fellow's desk.
    assert.equal(missing.length > 0, costMs * pieces > SETTLE_MS, `${costMs} ms each`);
  }
});

Deno.test("a notice that comes after thousands of later ones is told, and not taken for done", () => {
  const state = createMonitor();
  const random = seededRandom(1);
  let sequence = 0;
  const act = (event: MonitorEvent) => step(state, event, instant(1_000), random);
  const told = (id: number) => {
    const notice: Notice = { what: "claim", ips: [ip4(id)], macs: [] };
    const body = { kind: "notice", id, notice, stale: false } as const;
    const packet = { sender: "a", boot: 1, sequence: ++sequence, body };
    const found = act({ kind: "packet", packet });
    act({ kind: "acknowledge", name: "a", id });
    return found.some(({ kind }) => kind === "notice");
  };
  act({ kind: "peers", peers: [{ name: "a", boot: 1, inRing: true }] });
  // The first was lost, and is repeated while 20,000 addresses are claimed.
  for (let id = 2; id <= 3_000; id++) assert.ok(told(id));
  assert.ok(told(1), "nobody would ever know of it");
  assert.ok(!told(1));
});

Deno.test("a claim that comes after the release that followed it says nothing of those addresses any more", () => {
  const state = createMonitor();
  const random = seededRandom(1);
  let sequence = 0;
  const [one, two, three] = [ip4(1), ip4(2), ip4(3)];
  const act = (event: MonitorEvent, ms: number) => step(state, event, instant(ms), random);
  const told = (id: number, notice: Notice, ms = 1_000) =>
    act({
      kind: "packet",
      packet: {
        sender: "a",
        boot: 1,
        sequence: ++sequence,
        body: { kind: "notice", id, notice, stale: false },
      },
    }, ms).flatMap((action) => action.kind === "notice" ? [action.notice] : []);
  act({ kind: "peers", peers: [{ name: "a", boot: 1, inRing: true }] }, 1_000);
  const released = told(2, { what: "release", ips: [one, two] });
  assert.deepEqual(released, [{ what: "release", ips: [one, two] }]);
  const late = told(1, { what: "claim", ips: [one, two, three], macs: [] });
  assert.deepEqual(late, [{ what: "claim", ips: [three], macs: [] }]);
  const again = told(3, { what: "claim", ips: [one], macs: [] });
  assert.deepEqual(again, [{ what: "claim", ips: [one], macs: [] }]);
  for (let id = 4; id < 100; id++) told(id, { what: "release", ips: [ip4(id)] }, 1_000 + id * 20);
  assert.ok((state.peers.get("a")?.spoken.size ?? 0) <= 51, "what is long ago is forgotten");
});
