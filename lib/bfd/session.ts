import { unreachable } from "../base/errors.ts";
import { after, type Instant, type Millis, type Random } from "../base/time.ts";
import type { BfdProfile } from "../config/types.ts";
import { type BfdPacket, type BfdState, DIAGNOSTIC } from "./packet.ts";

/** One session (RFC 5880 §6.8.1). Only {@link step} writes. */
export interface BfdSession {
  profile: BfdProfile;
  readonly localDiscriminator: number;
  state: BfdState;
  diagnostic: number;
  remoteDiscriminator: number;
  remoteDemand: boolean;
  remoteMinRxMs: Millis;
  remoteMinTxMs: Millis;
  remoteMultiplier: number;
  /** Values in force: a change while Up waits for the peer's Final (§6.8.3). */
  minTxMs: Millis;
  minRxMs: Millis;
  polling: boolean;
  sendAt: Instant | undefined;
  detectAt: Instant | undefined;
}

export type BfdSessionEvent =
  | { readonly kind: "start" }
  | { readonly kind: "packet"; readonly packet: BfdPacket }
  | { readonly kind: "profile"; readonly profile: BfdProfile }
  | { readonly kind: "admin-down" }
  | { readonly kind: "tick" };

export type BfdAction =
  | { readonly kind: "send"; readonly packet: BfdPacket }
  | {
    readonly kind: "changed";
    readonly state: BfdState;
    readonly previous: BfdState;
    readonly diagnostic: number;
    /** The peer stopped on purpose: no failure of the path (RFC 5882 §3.2). */
    readonly peerAdminDown: boolean;
  };

/** Until a session is up, packets go no faster (RFC 5880 §6.8.3). */
const SLOW_MS = 1_000;
/** RFC 5880 §6.8.7 wants 75 to 100 %, 90 % with multiplier 1; a timer that is late needs some room. */
const JITTER = { least: 0.75, most: 0.95, mostAlone: 0.87 };

/** A session that is Down and has sent nothing; `localDiscriminator` is random, unique and not 0. */
export function createBfdSession(profile: BfdProfile, localDiscriminator: number): BfdSession {
  return {
    profile,
    localDiscriminator,
    state: "Down",
    diagnostic: DIAGNOSTIC.none,
    remoteDiscriminator: 0,
    remoteDemand: false,
    remoteMinRxMs: 0.001,
    remoteMinTxMs: 0,
    remoteMultiplier: 0,
    minTxMs: slow(profile),
    minRxMs: profile.receiveIntervalMs,
    polling: false,
    sendAt: undefined,
    detectAt: undefined,
  };
}

/** When {@link step} wants a tick next. */
export function nextBfdDeadline({ sendAt, detectAt }: BfdSession): Instant | undefined {
  if (sendAt === undefined || detectAt === undefined) return sendAt ?? detectAt;
  return sendAt < detectAt ? sendAt : detectAt;
}

/** How long silence may last (§6.8.4); 0 before the first packet. */
export function detectionTimeMs(session: BfdSession): Millis {
  return session.remoteMultiplier * Math.max(session.minRxMs, session.remoteMinTxMs);
}

/** Time between two packets before jitter (§6.8.7). */
export function transmitIntervalMs(session: BfdSession): Millis {
  return Math.max(session.minTxMs, session.remoteMinRxMs);
}

/** Advances a session. Total over every event in every state, never throws. */
export function step(
  session: BfdSession,
  event: BfdSessionEvent,
  now: Instant,
  random: Random,
): BfdAction[] {
  switch (event.kind) {
    case "start":
      // A passive side waits until the other has spoken (§6.1).
      if (!session.profile.passiveMode) session.sendAt = now;
      return [];
    case "packet":
      return session.state === "AdminDown" ? [] : receive(session, event.packet, now, random);
    case "profile":
      return adopt(session, event.profile, now);
    case "admin-down":
      return change(session, "AdminDown", DIAGNOSTIC.adminDown, now, random);
    case "tick":
      return tick(session, now, random);
    default:
      return unreachable(event);
  }
}

function tick(session: BfdSession, now: Instant, random: Random): BfdAction[] {
  const actions: BfdAction[] = [];
  if (session.detectAt !== undefined && session.detectAt <= now) {
    session.detectAt = undefined;
    // A period of silence: the peer may come back as another (§6.8.1).
    session.remoteDiscriminator = 0;
    session.remoteMinRxMs = 0.001;
    if (session.state === "Up" || session.state === "Init") {
      actions.push(...change(session, "Down", DIAGNOSTIC.timeExpired, now, random));
    }
    if (session.profile.passiveMode) session.sendAt = undefined;
  }
  if (session.sendAt !== undefined && session.sendAt <= now) {
    actions.push(send(session, false));
    schedule(session, now, random);
  }
  return actions;
}

function receive(
  session: BfdSession,
  packet: BfdPacket,
  now: Instant,
  random: Random,
): BfdAction[] {
  const waited = session.sendAt === undefined;
  session.remoteDiscriminator = packet.myDiscriminator;
  session.remoteDemand = packet.demand;
  session.remoteMinRxMs = packet.requiredMinRxUs / 1000;
  session.remoteMinTxMs = packet.desiredMinTxUs / 1000;
  session.remoteMultiplier = packet.detectMultiplier;
  if (packet.final && session.polling) {
    session.polling = false;
    session.minTxMs = session.state === "Up" ? session.profile.transmitIntervalMs : session.minTxMs;
    session.minRxMs = session.profile.receiveIntervalMs;
  }
  const actions = follow(session, packet, now, random);
  session.detectAt = after(now, detectionTimeMs(session));
  // Never Poll and Final together: the answer goes before the question is asked again (§6.5).
  if (packet.poll) actions.push(send(session, true));
  if (waited) schedule(session, now, random);
  else if (session.sendAt !== undefined) hasten(session, now, random);
  return actions;
}

/** The state machine of §6.8.6. */
function follow(
  session: BfdSession,
  { state: remote }: BfdPacket,
  now: Instant,
  random: Random,
): BfdAction[] {
  const { state } = session;
  if (remote === "AdminDown") {
    return state === "Down"
      ? []
      : change(session, "Down", DIAGNOSTIC.neighborDown, now, random, true);
  }
  if (state === "Down") {
    if (remote === "Down") return change(session, "Init", session.diagnostic, now, random);
    return remote === "Init" ? change(session, "Up", DIAGNOSTIC.none, now, random) : [];
  }
  if (state === "Init") {
    return remote === "Down" ? [] : change(session, "Up", DIAGNOSTIC.none, now, random);
  }
  return remote === "Down" ? change(session, "Down", DIAGNOSTIC.neighborDown, now, random) : [];
}

function change(
  session: BfdSession,
  state: BfdState,
  diagnostic: number,
  now: Instant,
  random: Random,
  peerAdminDown = false,
): BfdAction[] {
  const previous = session.state;
  session.state = state;
  session.diagnostic = diagnostic;
  if (state === "Up") {
    // Faster takes effect at once, and is told by a Poll.
    session.minTxMs = session.profile.transmitIntervalMs;
    session.polling = true;
  } else if (previous === "Up") {
    session.minTxMs = slow(session.profile);
    session.minRxMs = session.profile.receiveIntervalMs;
    session.polling = false;
  }
  if (state === "AdminDown") session.detectAt = undefined;
  const told = send(session, false);
  schedule(session, now, random);
  return [told, { kind: "changed", state, previous, diagnostic, peerAdminDown }];
}

/** New values: until the peer's Final the more patient ones of both hold (§6.8.3). */
function adopt(session: BfdSession, profile: BfdProfile, now: Instant): BfdAction[] {
  const { passiveMode } = session.profile;
  session.profile = profile;
  if (session.state === "Up") {
    session.minTxMs = Math.min(session.minTxMs, profile.transmitIntervalMs);
    session.minRxMs = Math.max(session.minRxMs, profile.receiveIntervalMs);
    session.polling = true;
  } else {
    session.minTxMs = slow(profile);
    session.minRxMs = profile.receiveIntervalMs;
  }
  if (passiveMode && !profile.passiveMode && session.sendAt === undefined) session.sendAt = now;
  return [];
}

function slow(profile: BfdProfile): Millis {
  return Math.max(SLOW_MS, profile.transmitIntervalMs);
}

function schedule(session: BfdSession, now: Instant, random: Random): void {
  session.sendAt = periodic(session) ? after(now, jittered(session, random)) : undefined;
}

/** The agreed interval may have become shorter than the wait that is under way. */
function hasten(session: BfdSession, now: Instant, random: Random): void {
  if (!periodic(session)) session.sendAt = undefined;
  else if ((session.sendAt ?? now) > after(now, transmitIntervalMs(session))) {
    schedule(session, now, random);
  }
}

/** A peer that wants none (interval 0), or asked for silence while both are up, gets none (§6.8.7). */
function periodic(session: BfdSession): boolean {
  const { state, remoteDemand, remoteMinRxMs, polling } = session;
  return remoteMinRxMs > 0 && !(remoteDemand && state === "Up" && !polling);
}

function jittered(session: BfdSession, random: Random): Millis {
  const most = session.profile.detectMultiplier === 1 ? JITTER.mostAlone : JITTER.most;
  const share = JITTER.least + random() * (most - JITTER.least);
  return transmitIntervalMs(session) * share;
}

function send(session: BfdSession, final: boolean): BfdAction {
  const { profile, state } = session;
  const desiredMinTxMs = state === "Up" ? profile.transmitIntervalMs : slow(profile);
  return {
    kind: "send",
    packet: {
      diagnostic: session.diagnostic,
      state,
      poll: session.polling && !final,
      final,
      controlPlaneIndependent: false,
      demand: false,
      detectMultiplier: profile.detectMultiplier,
      myDiscriminator: session.localDiscriminator,
      yourDiscriminator: session.remoteDiscriminator,
      desiredMinTxUs: desiredMinTxMs * 1000,
      requiredMinRxUs: profile.receiveIntervalMs * 1000,
      requiredMinEchoRxUs: 0,
    },
  };
}
