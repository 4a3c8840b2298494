import { unreachable } from "../base/errors.ts";
import { after, type Instant, type Millis, type Random } from "../base/time.ts";
import type { Ip4 } from "../net/ip.ts";
import { encodeKeepalive, encodeNotification, type Message } from "./message.ts";
import { familyOfAfi } from "./nlri.ts";
import { negotiate, openFor } from "./negotiate.ts";
import {
  CEASE,
  CODE,
  formatNotification,
  type Notification,
  notification,
} from "./notification.ts";
import type { Session, SessionAction, SessionEvent } from "./session.ts";

const CONNECT_TIMEOUT_MS = 10_000;
/** Until the hold time is negotiated (RFC 4271 §8.2.2 suggests 4 minutes). */
const OPEN_HOLD_MS = 240_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 120_000;
const SEND_HOLD_MS = 480_000;

/** When {@link step} wants a tick next. */
export function nextDeadline(session: Session): Instant | undefined {
  let next: Instant | undefined;
  const { retryAt, connectDeadline, holdDeadline, keepaliveAt, sendHoldDeadline } = session;
  for (const at of [retryAt, connectDeadline, holdDeadline, keepaliveAt, sendHoldDeadline]) {
    if (at !== undefined && (next === undefined || at < next)) next = at;
  }
  return next;
}

/** Advances a session (RFC 4271 §8). Total over every event in every state, never throws. */
export function step(
  session: Session,
  event: SessionEvent,
  now: Instant,
  random: Random,
): SessionAction[] {
  switch (event.kind) {
    case "start":
      return session.phase === "Idle" ? connect(session, now) : [];
    case "stop": {
      const actions = session.phase === "Idle"
        ? []
        : end(session, now, random, { reason: "stopped", say: event.say });
      session.retryAt = undefined;
      return actions;
    }
    case "connected":
      return session.phase === "Connect" ? open(session, event.routerId, now) : [];
    case "disconnected":
      return session.phase === "Idle" ? [] : end(session, now, random, { reason: event.reason });
    case "fault": {
      const { detail, answer } = event.fault;
      return session.phase === "Idle"
        ? []
        : end(session, now, random, { reason: `bad message: ${detail}`, say: answer });
    }
    case "message":
      return onMessage(session, event.message, now, random);
    case "blocked":
      session.sendHoldDeadline = event.blocked
        ? session.sendHoldDeadline ?? after(now, sendHoldMs(session))
        : undefined;
      return [];
    case "updates-sent":
      if (session.phase === "Established") session.keepaliveAt = keepaliveAfter(session, now);
      return [];
    case "bfd-down":
      return session.phase === "Established"
        ? end(session, now, random, {
          reason: "BFD says that the path to the peer is down",
          say: notification(CODE.cease, CEASE.bfdDown),
        })
        : [];
    case "tick":
      return tick(session, now, random);
    default:
      return unreachable(event);
  }
}

function connect(session: Session, now: Instant): SessionAction[] {
  session.phase = "Connect";
  session.retryAt = undefined;
  session.connectDeadline = after(now, CONNECT_TIMEOUT_MS);
  return [{ kind: "connect" }];
}

function open(session: Session, routerId: Ip4, now: Instant): SessionAction[] {
  session.phase = "OpenSent";
  session.routerId = routerId;
  session.connectDeadline = undefined;
  session.holdDeadline = after(now, OPEN_HOLD_MS);
  const bytes = openFor(session.terms, routerId, session.restarting);
  return [{ kind: "send", bytes, what: "open" }];
}

function onMessage(
  session: Session,
  message: Message,
  now: Instant,
  random: Random,
): SessionAction[] {
  const { phase } = session;
  if (phase === "Idle" || phase === "Connect") return [];
  if (message.kind === "notification") {
    const received = message.notification;
    const reason = `the peer ended it: ${formatNotification(received)}`;
    return end(session, now, random, { reason, received });
  }
  if (phase === "OpenSent" && message.kind === "open") {
    const { routerId } = session;
    if (routerId === undefined) return [];
    const agreed = negotiate(message, session.terms, routerId);
    if ("answer" in agreed) {
      return end(session, now, random, { reason: agreed.detail, say: agreed.answer });
    }
    session.phase = "OpenConfirm";
    session.negotiated = agreed;
    restartHold(session, now);
    session.keepaliveAt = keepaliveAfter(session, now);
    return [{ kind: "send", bytes: encodeKeepalive(), what: "keepalive" }];
  }
  if (phase === "OpenConfirm" && message.kind === "keepalive") return establish(session, now);
  if (phase === "Established" && message.kind !== "open") {
    if (message.kind === "route-refresh") return refresh(session, message);
    restartHold(session, now);
    return [];
  }
  return unexpected(session, message, now, random);
}

function establish(session: Session, now: Instant): SessionAction[] {
  const { negotiated } = session;
  if (negotiated === undefined) return [];
  session.phase = "Established";
  session.failures = 0;
  session.restarting = false;
  restartHold(session, now);
  return [{ kind: "established", negotiated }];
}

function refresh(
  { negotiated }: Session,
  { afi, safi, subtype }: { afi: number; safi: number; subtype: number },
): SessionAction[] {
  const family = familyOfAfi(afi, safi);
  // Marks of the peer's own answer, or a family nobody agreed upon, ask for nothing (RFC 7313 §4).
  if (subtype !== 0 || family === undefined || !negotiated?.families.has(family)) return [];
  return [{ kind: "refresh", family }];
}

const UNEXPECTED_SUBCODE = { OpenSent: 1, OpenConfirm: 2, Established: 3 } as const;

/** A message out of turn (RFC 6608). */
function unexpected(
  session: Session,
  message: Message,
  now: Instant,
  random: Random,
): SessionAction[] {
  const { phase } = session;
  if (phase === "Idle" || phase === "Connect") return [];
  const say = notification(CODE.stateMachine, UNEXPECTED_SUBCODE[phase]);
  const reason = `the peer sent ${message.kind.toUpperCase()} in ${phase}`;
  return end(session, now, random, { reason, say });
}

function tick(session: Session, now: Instant, random: Random): SessionAction[] {
  const due = (at: Instant | undefined): boolean => at !== undefined && at <= now;
  if (due(session.retryAt)) return connect(session, now);
  if (due(session.connectDeadline)) {
    return end(session, now, random, {
      reason: `no answer to the connection attempt within ${CONNECT_TIMEOUT_MS / 1000} s`,
    });
  }
  if (due(session.holdDeadline)) {
    const say = notification(CODE.holdTimer, 0);
    return end(session, now, random, { reason: "hold timer expired", say });
  }
  if (due(session.sendHoldDeadline)) {
    const say = notification(CODE.sendHoldTimer, 0);
    return end(session, now, random, { reason: "the peer takes no bytes", say });
  }
  if (!due(session.keepaliveAt)) return [];
  session.keepaliveAt = keepaliveAfter(session, now);
  return [{ kind: "send", bytes: encodeKeepalive(), what: "keepalive" }];
}

function restartHold(session: Session, now: Instant): void {
  const holdTimeMs = session.negotiated?.holdTimeMs ?? 0;
  session.holdDeadline = holdTimeMs === 0 ? undefined : after(now, holdTimeMs);
}

function keepaliveAfter({ negotiated }: Session, now: Instant): Instant | undefined {
  const intervalMs = negotiated?.keepaliveTimeMs ?? 0;
  return intervalMs === 0 ? undefined : after(now, intervalMs);
}

/** RFC 9687 §4: eight minutes or twice the hold time, whichever is longer. */
function sendHoldMs({ negotiated }: Session): Millis {
  return Math.max(SEND_HOLD_MS, 2 * (negotiated?.holdTimeMs ?? 0));
}

interface Ending {
  readonly reason: string;
  readonly say?: Notification | undefined;
  readonly received?: Notification;
}

/** Ends the connection and sets the time of the next attempt: 1, 2, 4 … 120 s × [0.75, 1]. */
function end(
  session: Session,
  now: Instant,
  random: Random,
  { reason, say, received }: Ending,
): SessionAction[] {
  const { phase } = session;
  const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(session.failures, 10));
  Object.assign(session, {
    phase: "Idle",
    failures: session.failures + 1,
    negotiated: undefined,
    routerId: undefined,
    retryAt: after(now, wait * (0.75 + 0.25 * random())),
    connectDeadline: undefined,
    holdDeadline: undefined,
    keepaliveAt: undefined,
    sendHoldDeadline: undefined,
  });
  // Before OPEN there is nobody to tell.
  const sent = phase === "Connect" ? undefined : say;
  return [
    { kind: "close", bytes: sent === undefined ? undefined : encodeNotification(sent) },
    { kind: "down", reason, wasEstablished: phase === "Established", sent, received },
  ];
}
