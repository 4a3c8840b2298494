import type { Counter, Gauge, Registry } from "prom-client";
import { declareIn } from "./declare.ts";

type PeerLabel = "peer";

/** Metrics of BGP sessions: MetalLB's names, `peer` is `address:port`. */
export interface BgpMetrics {
  readonly sessionUp: Gauge<PeerLabel>;
  readonly updates: Counter<PeerLabel>;
  readonly announcedPrefixes: Gauge<PeerLabel>;
  readonly pendingPrefixes: Gauge<PeerLabel>;
  readonly attempts: Counter<PeerLabel>;
  readonly malformed: Counter<PeerLabel | "action">;
  messageSent(peer: string, kind: SentKind, count?: number): void;
  messageReceived(peer: string, kind: string): void;
  /** Shows a peer from the start, with zeros. */
  open(peer: string): void;
  /** Takes a peer out. */
  close(peer: string): void;
}

type SentKind = "open" | "keepalive" | "notification" | "update";

/** Declares them in a registry. */
export function createBgpMetrics(registry: Registry): BgpMetrics {
  const declare = declareIn(registry);
  const gauge = (name: string, help: string) => declare.gauge(name, help, ["peer"]);
  const counter = (name: string, help: string) => declare.counter(name, help, ["peer"]);
  const sessionUp = gauge("metallb_bgp_session_up", "1 while the session is established");
  const updates = counter("metallb_bgp_updates_total", "UPDATE messages sent");
  const announced = gauge("metallb_bgp_announced_prefixes_total", "Prefixes told to the peer");
  const pending = gauge("metallb_bgp_pending_prefixes_total", "Prefixes not told yet");
  const attempts = counter("herald_bgp_connection_attempts_total", "Connections begun");
  const malformed = declare.counter(
    "herald_bgp_malformed_updates_total",
    "Mistakes in received UPDATEs that did not end the session, by what became of them",
    ["peer", "action"],
  );
  const sent = {
    open: counter("metallb_bgp_opens_sent", "OPEN messages sent"),
    keepalive: counter("metallb_bgp_keepalives_sent", "KEEPALIVE messages sent"),
    notification: counter("metallb_bgp_notifications_sent", "NOTIFICATION messages sent"),
    update: undefined,
  };
  const received: Readonly<Record<string, Counter<PeerLabel>>> = {
    open: counter("metallb_bgp_opens_received", "OPEN messages received"),
    keepalive: counter("metallb_bgp_keepalives_received", "KEEPALIVE messages received"),
    update: counter("metallb_bgp_update_total_received", "UPDATE messages received"),
    "route-refresh": counter("metallb_bgp_route_refresh_sent", "ROUTE-REFRESH messages answered"),
    notification: counter(
      "herald_bgp_notifications_received_total",
      "NOTIFICATION messages received",
    ),
    "wire-error": counter("herald_bgp_bad_messages_received_total", "Messages that were malformed"),
  };
  const totalSent = counter("metallb_bgp_total_sent", "Messages sent");
  const totalReceived = counter("metallb_bgp_total_received", "Messages received");
  const plain = [
    sessionUp,
    updates,
    announced,
    pending,
    attempts,
    totalSent,
    totalReceived,
    ...Object.values(received),
    sent.open,
    sent.keepalive,
    sent.notification,
  ];
  return {
    sessionUp,
    updates,
    announcedPrefixes: announced,
    pendingPrefixes: pending,
    attempts,
    malformed,
    messageSent(peer, kind, count = 1) {
      sent[kind]?.inc({ peer }, count);
      totalSent.inc({ peer }, count);
    },
    messageReceived(peer, kind) {
      received[kind]?.inc({ peer });
      totalReceived.inc({ peer });
    },
    open: (peer) => plain.forEach((metric) => metric.inc({ peer }, 0)),
    close(peer) {
      for (const metric of plain) metric.remove({ peer });
      for (const action of ["attribute-discard", "treat-as-withdraw"]) {
        malformed.remove({ peer, action });
      }
    },
  };
}
