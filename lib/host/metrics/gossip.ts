import type { Counter, Gauge, Histogram, Registry } from "prom-client";
import { declareIn } from "./declare.ts";

/** Metrics of the speakers' cluster. */
export interface GossipMetrics {
  readonly members: Gauge;
  readonly health: Gauge;
  readonly packetsIn: Counter;
  readonly packetsOut: Counter;
  readonly refused: Counter<"reason">;
  readonly heartbeatPeers: Gauge;
  readonly heartbeatDowns: Counter;
  readonly heartbeatRefused: Counter<"reason">;
  readonly pauses: Counter;
  readonly handovers: Counter<"outcome">;
  readonly silence: Histogram;
}

/** Declares them in a registry. */
export function createGossipMetrics(registry: Registry): GossipMetrics {
  const { counter, gauge, histogram } = declareIn(registry);
  return {
    members: gauge("herald_gossip_members", "Speakers that take part, this one included"),
    health: gauge("herald_gossip_health_score", "Lifeguard's score of this node: 0 is well"),
    packetsIn: counter("herald_gossip_messages_received_total", "Gossip messages received"),
    packetsOut: counter("herald_gossip_packets_sent_total", "Gossip packets sent"),
    refused: counter("herald_gossip_refused_total", "Gossip that was refused, by reason", [
      "reason",
    ]),
    heartbeatPeers: gauge("herald_heartbeat_peers_up", "Speakers whose heartbeat is heard"),
    heartbeatDowns: counter("herald_heartbeat_downs_total", "Times a speaker was missed"),
    heartbeatRefused: counter("herald_heartbeat_refused_total", "Heartbeats refused, by reason", [
      "reason",
    ]),
    pauses: counter("herald_heartbeat_pauses_total", "Times this process stood still"),
    handovers: counter("herald_layer2_handovers_total", "Addresses handed over", ["outcome"]),
    silence: histogram(
      "herald_heartbeat_silence_seconds",
      "How long a speaker was silent when it was given up",
      [0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5],
    ),
  };
}
