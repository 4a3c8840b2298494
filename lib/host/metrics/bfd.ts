import type { Counter, Gauge, Registry } from "prom-client";
import { declareIn } from "./declare.ts";

/** Counts of one BFD session since it began. */
interface BfdCounts {
  readonly key: string;
  readonly controlPacketsInput: number;
  readonly controlPacketsOutput: number;
  readonly upEvents: number;
  readonly downEvents: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/** Metrics of BFD sessions: MetalLB's names, `peer` is `address:port` of the BGP peer. */
export interface BfdMetrics {
  readonly sessionUp: Gauge<"peer">;
  /** In place of the counts before. */
  set(counts: BfdCounts): void;
  remove(peer: string): void;
}

/** Declares them in a registry. */
export function createBfdMetrics(registry: Registry): BfdMetrics {
  const declare = declareIn(registry);
  const gauge = (name: string, help: string) => declare.gauge(name, help, ["peer"]);
  const counter = (name: string, help: string) => declare.counter(name, help, ["peer"]);
  const sessionUp = gauge("metallb_bfd_session_up", "1 while the BFD session is up");
  const input = counter("metallb_bfd_control_packet_input", "Control packets received");
  const output = counter("metallb_bfd_control_packet_output", "Control packets sent");
  const up = counter("metallb_bfd_session_up_events", "Times the session came up");
  const down = counter("metallb_bfd_session_down_events", "Times the session went down");
  const dropped = declare.counter(
    "herald_bfd_packets_dropped_total",
    "Packets dropped, by reason",
    ["peer", "reason"],
  );
  const reasons = new Set<string>();
  const put = (metric: Counter<"peer">, peer: string, value: number): void => {
    metric.remove({ peer });
    metric.inc({ peer }, value);
  };
  return {
    sessionUp,
    set(counts) {
      const { key: peer } = counts;
      put(input, peer, counts.controlPacketsInput);
      put(output, peer, counts.controlPacketsOutput);
      put(up, peer, counts.upEvents);
      put(down, peer, counts.downEvents);
      for (const [reason, count] of Object.entries(counts.dropped)) {
        reasons.add(reason);
        dropped.remove({ peer, reason });
        dropped.inc({ peer, reason }, count);
      }
    },
    remove(peer) {
      for (const metric of [sessionUp, input, output, up, down]) metric.remove({ peer });
      for (const reason of reasons) dropped.remove({ peer, reason });
    },
  };
}
