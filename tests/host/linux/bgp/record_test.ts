import assert from "node:assert/strict";
import type { SessionAction } from "../../../../lib/bgp/session.ts";
import type { Update } from "../../../../lib/bgp/update.ts";
import { notification } from "../../../../lib/bgp/notification.ts";
import { createPeerRecord } from "../../../../lib/host/linux/bgp/record.ts";
import { createMetrics } from "../../../../lib/host/metrics/metrics.ts";
import { virtualClock } from "../../../support/clock.ts";
import { recordedLog } from "../../../support/log.ts";
import { ip4 } from "../../../support/addresses.ts";

const NEGOTIATED = {
  peerRouterId: ip4(0x0a000002),
  holdTimeMs: 90_000,
  keepaliveTimeMs: 30_000,
  asnBytes: 4,
  maxLength: 4096,
  families: new Set([4, 6] as const),
  enhancedRefresh: false,
  extendedNextHop: false,
  keptOnRestart: new Set<4 | 6>(),
} as const;
const TERMS = {
  ...NEGOTIATED,
  myAsn: 1,
  ebgp: true,
  nextHop4: ip4(0x0a000001),
  nextHops6: [],
};

function workshop() {
  const log = recordedLog();
  const clock = virtualClock();
  const metrics = createMetrics();
  const record = createPeerRecord("10.0.0.2:179", { log, metrics: metrics.bgp, clock });
  return {
    record,
    clock,
    words: () =>
      log.lines.splice(0).filter(({ level }) => level !== "debug")
        .map(({ level, msg }) => `${level}: ${msg}`),
    metric: async (name: string) =>
      (await metrics.registry.metrics()).split("\n").find((line) => line.startsWith(`${name}{`)),
  };
}

function down(reason: string, wasEstablished: boolean): SessionAction & { kind: "down" } {
  return { kind: "down", reason, wasEstablished, sent: undefined, received: undefined };
}

function update(detail: string): Update {
  const none = { family: 4, bytes: new Uint8Array(0), count: 0 } as const;
  const mistakes = [{ code: 1, action: "treat-as-withdraw", detail } as const];
  return { kind: "update", withdrawn: none, attributes: [], nlri: { ...none, count: 3 }, mistakes };
}

Deno.test("an equal failure to connect is told once a minute, another one at once", () => {
  const at = workshop();
  const failed = "warn: BGP session not established";
  at.record.down(down("refused", false));
  at.record.down(down("refused", false));
  assert.deepEqual(at.words(), [failed]);
  at.record.down(down("unreachable", false));
  assert.deepEqual(at.words(), [failed]);
  at.clock.advance(60_000);
  at.record.down(down("refused", false));
  assert.deepEqual(at.words(), [failed]);
});

Deno.test("each end of an established session is told, and a stop is no failure", () => {
  const at = workshop();
  at.record.down(down("hold timer expired", true));
  at.record.down(down("hold timer expired", true));
  at.record.down(down("stopped", true));
  assert.deepEqual(at.words(), [
    "warn: BGP session ended",
    "warn: BGP session ended",
    "info: BGP session stopped",
  ]);
});

Deno.test("an UPDATE with an equal mistake is counted each time and told once", async () => {
  const at = workshop();
  for (let turn = 0; turn < 3; turn++) at.record.received(update("attribute 1 is malformed"));
  assert.deepEqual(at.words(), ["warn: UPDATE with a mistake, not used"]);
  assert.match(await at.metric("herald_bgp_malformed_updates_total") ?? "", / 3$/);
  assert.equal(at.record.status().prefixesReceived, 9);
});

Deno.test("words of the peer that never repeat do not fill the memory of what was told", () => {
  const at = workshop();
  for (let turn = 0; turn < 1_000; turn++) at.record.down(down(`reason ${turn}`, false));
  at.words();
  at.record.down(down("reason 0", false));
  assert.equal(at.words().length, 1, "it was forgotten");
});

Deno.test("the status shows the session while it is up, and after it why it ended", async () => {
  const at = workshop();
  at.record.attempt();
  at.record.connected(ip4(0x0a000001), ip4(0x0a000001));
  at.record.phase("Established");
  at.record.established(NEGOTIATED, TERMS);
  at.record.prefixes(5, 2);
  const up = at.record.status();
  assert.ok(up.establishedAt);
  assert.deepEqual(
    [up.state, up.localAddress, up.peerRouterId, up.families, up.prefixesSent, up.prefixesPending],
    ["Established", "10.0.0.1", "10.0.0.2", ["IPv4", "IPv6"], 5, 2],
  );
  assert.match(await at.metric("metallb_bgp_session_up") ?? "", / 1$/);
  at.record.down({
    ...down("hold timer expired", true),
    sent: notification(4, 0),
    received: notification(6, 2),
  });
  const over = at.record.status();
  assert.deepEqual(
    [over.establishedAt, over.lastError, over.lastNotificationSent, over.lastNotificationReceived],
    [
      undefined,
      "hold timer expired",
      "4/0 hold timer expired",
      "6/2 cease: administrative shutdown",
    ],
  );
  assert.match(await at.metric("metallb_bgp_session_up") ?? "", / 0$/);
});

Deno.test("messages are counted both ways", async () => {
  const at = workshop();
  at.record.sent("open");
  at.record.updates(3, 200, 1);
  at.record.received({ kind: "keepalive" });
  assert.deepEqual(
    [at.record.status().messagesSent, at.record.status().messagesReceived],
    [4, 1],
  );
  assert.match(await at.metric("metallb_bgp_updates_total") ?? "", / 3$/);
});

Deno.test("a peer is in the metrics from the start, and out of them when it is forgotten", async () => {
  const at = workshop();
  assert.match(await at.metric("metallb_bgp_session_up") ?? "", / 0$/);
  at.record.forget();
  assert.equal(await at.metric("metallb_bgp_session_up"), undefined);
});
