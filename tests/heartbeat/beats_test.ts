import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { step } from "../../lib/heartbeat/monitor.ts";
import {
  createMonitor,
  DEFAULT_TIMING,
  type MonitorAction,
} from "../../lib/heartbeat/monitor_state.ts";

const beats = (actions: readonly MonitorAction[]) =>
  actions.flatMap((one) => one.kind === "send" && one.body.kind === "beat" ? [one] : []);

function among(count: number) {
  const state = createMonitor(DEFAULT_TIMING, "self");
  const peers = Array.from({ length: count }, (_, index) => ({
    name: `n${index}`,
    boot: 1,
    inRing: index > 0,
  }));
  const act = (ms: number, event: Parameters<typeof step>[1] = { kind: "tick" }) =>
    step(state, event, instant(ms), () => 0);
  const first = act(0, { kind: "peers", peers });
  const hear = (ms: number) => {
    const body = { kind: "beat", intervalMs: 50, multiplier: 3, canAnnounce: true } as const;
    for (const { inRing, name: sender } of peers) {
      const beat = { ...body, ringed: inRing && count > 32, stale: false };
      act(ms, { kind: "packet", packet: { sender, boot: 1, sequence: ms, body: beat } });
    }
  };
  hear(1);
  return { act, first, hear, state };
}

Deno.test("among few all are given beats, among many the neighbours and those that know of no ring", () => {
  const few = among(20);
  assert.equal(beats(few.act(60)).length, 20);
  const many = among(60);
  assert.ok(beats(many.first).length >= 60, "each is greeted");
  assert.equal(beats(many.act(90)).length, 60, "and told at first that there is a ring");
  for (const ms of [100, 200, 300]) many.hear(ms);
  const given = beats(many.act(350));
  assert.equal(given.length, 7);
  for (const { body, to } of given) {
    assert.ok(
      body.kind === "beat" && body.ringed === (to !== "n0"),
      `${to}: ${JSON.stringify(body)}`,
    );
  }
});

Deno.test("who asks for beats is given some for a while, and what changes is told to all", () => {
  const { act, hear, state } = among(60);
  for (const ms of [100, 200, 290]) hear(ms);
  const [far = ""] = [...state.peers.keys()].filter((name) =>
    name !== "n0" && !state.near.has(name)
  );
  const body = { kind: "query", id: 1, target: "self" } as const;
  const answers = act(300, {
    kind: "packet",
    packet: { sender: far, boot: 1, sequence: 999, body },
  });
  assert.ok(
    answers.some((one) => one.kind === "send" && one.body.kind === "answer" && one.body.heard),
  );
  assert.equal(beats(act(350)).filter(({ to }) => to === far).length, 1);
  assert.equal(beats(act(400, { kind: "can-announce", canAnnounce: true })).length, 60);
});
