import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { createGossipMetrics } from "../../../lib/host/metrics/gossip.ts";

Deno.test("the metrics of gossip and heartbeat have these names, types and labels", async () => {
  const registry = new Registry();
  const metrics = createGossipMetrics(registry);
  metrics.refused.inc({ reason: "bad-key" });
  metrics.heartbeatRefused.inc({ reason: "bad-key" });
  metrics.handovers.inc({ outcome: "taken" });
  const found = (await registry.getMetricsAsJSON()).map(({ name, type, values }) => [
    name,
    type,
    Object.keys(values[0]?.labels ?? {}).filter((label) => label !== "le").join(),
  ]);
  assert.deepEqual(found.sort(), [
    ["herald_gossip_health_score", "gauge", ""],
    ["herald_gossip_members", "gauge", ""],
    ["herald_gossip_messages_received_total", "counter", ""],
    ["herald_gossip_packets_sent_total", "counter", ""],
    ["herald_gossip_refused_total", "counter", "reason"],
    ["herald_heartbeat_downs_total", "counter", ""],
    ["herald_heartbeat_pauses_total", "counter", ""],
    ["herald_heartbeat_peers_up", "gauge", ""],
    ["herald_heartbeat_refused_total", "counter", "reason"],
    ["herald_heartbeat_silence_seconds", "histogram", ""],
    ["herald_layer2_handovers_total", "counter", "outcome"],
  ]);
});

Deno.test("each of the metrics counts under its own name", async () => {
  const registry = new Registry();
  const metrics = createGossipMetrics(registry);
  metrics.members.set(1);
  metrics.health.set(2);
  metrics.packetsIn.inc(3);
  metrics.packetsOut.inc(4);
  metrics.heartbeatPeers.set(5);
  metrics.heartbeatDowns.inc(6);
  metrics.pauses.inc(7);
  metrics.silence.observe(0.16);
  const lines = (await registry.metrics()).split("\n");
  for (
    const line of [
      "herald_gossip_members 1",
      "herald_gossip_health_score 2",
      "herald_gossip_messages_received_total 3",
      "herald_gossip_packets_sent_total 4",
      "herald_heartbeat_peers_up 5",
      "herald_heartbeat_downs_total 6",
      "herald_heartbeat_pauses_total 7",
      'herald_heartbeat_silence_seconds_bucket{le="0.15"} 0',
      'herald_heartbeat_silence_seconds_bucket{le="0.2"} 1',
    ]
  ) assert.ok(lines.includes(line), line);
});
