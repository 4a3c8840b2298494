import assert from "node:assert/strict";
import { timingOf } from "../../../../lib/heartbeat/monitor_state.ts";
import { heartbeatKey } from "../../../../lib/heartbeat/packet.ts";
import { startHeartbeat } from "../../../../lib/host/linux/heartbeat/heartbeat.ts";
import type { HeartbeatNews } from "../../../../lib/host/linux/heartbeat/orders.ts";
import { waitFor } from "../../../support/wait.ts";
import { ip4 } from "../../../support/addresses.ts";
import { timekeeper } from "../../../support/timekeeper.ts";

const LOOPBACK = ip4(0x7f000001);

async function speaker(self: string, boot: number, port = 0) {
  const news: HeartbeatNews[] = [];
  const heartbeat = await startHeartbeat({
    worker: timekeeper(),
    open: {
      self,
      boot,
      address: LOOPBACK,
      port,
      keys: [heartbeatKey(undefined)],
      // Patient: the machine that runs this test may be busy.
      timing: timingOf(100, 20),
      lease: undefined,
    },
    onNews: (one) => news.push(one),
    onFault: (error) => assert.fail(error),
  });
  return {
    heartbeat,
    news,
    target: { name: self, boot, inRing: true, address: LOOPBACK, port: heartbeat.port },
  };
}

Deno.test("two speakers hear each other, and a notice comes to the other and back", async () => {
  const one = await speaker("one", 1);
  const two = await speaker("two", 2);
  await using _ = one.heartbeat;
  await using __ = two.heartbeat;
  one.heartbeat.tell({ kind: "targets", targets: [two.target] });
  two.heartbeat.tell({ kind: "targets", targets: [one.target] });
  for (const { news } of [one, two]) {
    await waitFor("the other", () => news.some(({ kind }) => kind === "up"));
  }
  one.heartbeat.tell({ kind: "notify", id: 7, notice: { what: "leaving" } });
  const notice = await waitFor("the notice", () => two.news.find(({ kind }) => kind === "notice"));
  assert.deepEqual(notice, { kind: "notice", name: "one", id: 7, notice: { what: "leaving" } });
  two.heartbeat.tell({ kind: "acknowledge", name: "one", id: 7 });
  const settled = await waitFor("its end", () => one.news.find(({ kind }) => kind === "settled"));
  assert.deepEqual(settled, { kind: "settled", id: 7, missing: [] });
  assert.equal(one.heartbeat.problem(), undefined);
});

Deno.test("a port that is taken is an error, and no Worker stays behind", async () => {
  const one = await speaker("one", 1);
  await using _ = one.heartbeat;
  await assert.rejects(
    speaker("two", 2, one.heartbeat.port),
    /herald-heartbeat: .*heartbeats on 127\.0\.0\.1, UDP port/,
  );
});
