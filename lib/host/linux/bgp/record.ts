import type { RouteTerms } from "../../../bgp/adj_rib_out.ts";
import type { Phase, SessionAction } from "../../../bgp/session.ts";
import type { Message } from "../../../bgp/message.ts";
import type { Negotiated } from "../../../bgp/negotiate.ts";
import { type BgpFault, formatNotification } from "../../../bgp/notification.ts";
import { asnOf } from "../../../bgp/open.ts";
import { formatIp, type Ip, type Ip4 } from "../../../net/ip.ts";
import { oncePerCause } from "../../process/backoff.ts";
import type { Clock } from "../../process/clock.ts";
import type { Log } from "../../process/log.ts";
import type { BgpMetrics } from "../../metrics/bgp.ts";
import type { PeerStatus } from "../../../status/types.ts";

/** Keeps log, metrics and status of one peer. */
export interface PeerRecord {
  phase(phase: Phase): void;
  attempt(): void;
  connected(local: Ip, routerId: Ip4): void;
  established(negotiated: Negotiated, terms: RouteTerms): void;
  down(action: Extract<SessionAction, { readonly kind: "down" }>): void;
  sent(what: "open" | "keepalive" | "notification"): void;
  received(message: Message | BgpFault): void;
  updates(messages: number, announced: number, withdrawn: number): void;
  prefixes(sent: number, pending: number): void;
  /** Takes the peer out of the metrics. */
  forget(): void;
  status(): Omit<PeerStatus, "peer" | "asn" | "bfd" | "nextAttemptInMs">;
}

interface PeerRecordOptions {
  readonly log: Log;
  readonly metrics: BgpMetrics;
  readonly clock: Clock;
}

/** An equal failure is told again only after that long. */
const REPEAT_MS = 60_000;

/** Begins with nothing recorded. */
export function createPeerRecord(
  peer: string,
  { log, metrics, clock }: PeerRecordOptions,
): PeerRecord {
  const labels = { peer };
  const mayTell = oncePerCause(REPEAT_MS, clock.now);
  const state = {
    phase: "Idle" as Phase,
    establishedAt: undefined as string | undefined,
    localAddress: undefined as string | undefined,
    routerId: undefined as string | undefined,
    peerRouterId: undefined as string | undefined,
    holdTimeMs: undefined as number | undefined,
    families: [] as readonly string[],
    lastError: undefined as string | undefined,
    lastNotificationSent: undefined as string | undefined,
    lastNotificationReceived: undefined as string | undefined,
    prefixesSent: 0,
    prefixesPending: 0,
    prefixesReceived: 0,
    messagesSent: 0,
    messagesReceived: 0,
  };
  metrics.open(peer);

  return {
    phase: (phase) => state.phase = phase,
    attempt: () => metrics.attempts.inc(labels),
    connected(local, routerId) {
      state.localAddress = formatIp(local);
      state.routerId = formatIp(routerId);
    },
    established(negotiated, terms) {
      state.establishedAt = new Date().toISOString();
      state.peerRouterId = formatIp(negotiated.peerRouterId);
      state.holdTimeMs = negotiated.holdTimeMs;
      state.families = [...negotiated.families].map((family) => `IPv${family}`);
      metrics.sessionUp.set(labels, 1);
      log.info({
        peer,
        localAddress: state.localAddress,
        peerRouterId: state.peerRouterId,
        holdTimeMs: negotiated.holdTimeMs,
        families: state.families.join(","),
        as4: terms.asnBytes === 4,
      }, "BGP session established");
    },
    down({ reason, wasEstablished, sent, received }) {
      state.establishedAt = undefined;
      state.lastError = reason;
      if (sent !== undefined) state.lastNotificationSent = formatNotification(sent);
      if (received !== undefined) state.lastNotificationReceived = formatNotification(received);
      metrics.sessionUp.set(labels, 0);
      const fields = { peer, reason, sent: sent && formatNotification(sent) };
      if (reason === "stopped") log.info(fields, "BGP session stopped");
      else if (wasEstablished) log.warn(fields, "BGP session ended");
      else if (mayTell(reason)) log.warn(fields, "BGP session not established");
    },
    sent(what) {
      state.messagesSent++;
      metrics.messageSent(peer, what);
    },
    received(message) {
      state.messagesReceived++;
      metrics.messageReceived(peer, message.kind);
      if (message.kind === "open") {
        log.debug(
          { peer, asn: asnOf(message), holdTime: message.holdTimeSeconds },
          "OPEN received",
        );
      }
      if (message.kind !== "update") return;
      const reach = message.attributes.find((one) => one.kind === "mp-reach");
      state.prefixesReceived += message.nlri.count + (reach?.nlri.count ?? 0);
      for (const { detail, action } of message.mistakes) {
        metrics.malformed.inc({ peer, action });
        if (!mayTell(`UPDATE: ${detail}`)) continue;
        log.warn({ peer, reason: detail, action }, "UPDATE with a mistake, not used");
      }
    },
    updates(messages, announced, withdrawn) {
      state.messagesSent += messages;
      metrics.updates.inc(labels, messages);
      metrics.messageSent(peer, "update", messages);
      log.debug({ peer, announced, withdrawn, messages }, "routes told");
    },
    prefixes(sent, pending) {
      state.prefixesSent = sent;
      state.prefixesPending = pending;
      metrics.announcedPrefixes.set(labels, sent);
      metrics.pendingPrefixes.set(labels, pending);
    },
    forget: () => metrics.close(peer),
    status: () => ({ ...state, state: state.phase }),
  };
}
