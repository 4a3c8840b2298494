import type { Instant } from "../base/time.ts";
import { createFlap, type FlapState, mayAnnounce as mayUse, onAlone, setUsable } from "./flap.ts";

/** How far this node may take part; only the functions here touch it. */
export interface Standing {
  /** It knows the other speakers; before, it would think itself alone and take everything. */
  acquainted: boolean;
  /** It gives its addresses to others and takes none any more. */
  leaving: boolean;
  /** Whether it has an interface to announce on, for long enough. */
  readonly flap: FlapState;
}

/** What else a node must have before it decides. */
export interface Knowledge {
  /** Each watch has told of all there is. */
  readonly facts: boolean;
  /** A configuration is in force. */
  readonly config: boolean;
}

/** What a node still waits for. */
export type Missing = keyof Knowledge | "speakers";

/** Begins without acquaintances and without an interface. */
export function createStanding(): Standing {
  return { acquainted: false, leaving: false, flap: createFlap() };
}

/** The other speakers are known, or there are none to know. */
export function onAcquainted(standing: Standing): void {
  standing.acquainted = true;
}

/** After a long pause what was known of the others is void. */
export function onLost(standing: Standing): void {
  standing.acquainted = false;
}

/** This node ends. */
export function onLeave(standing: Standing): void {
  standing.leaving = true;
}

/** Takes note of whether there is an interface to announce on, and whether nobody else serves. */
export function onInterfaces(
  { flap }: Standing,
  usable: boolean,
  now: Instant,
  isAlone = false,
): void {
  setUsable(flap, usable, now);
  if (isAlone) onAlone(flap, now);
}

/** What a node does not know yet: from half a picture it would take addresses of others. */
export function missing(standing: Standing, { facts, config }: Knowledge): readonly Missing[] {
  const found: Missing[] = [];
  if (!facts) found.push("facts");
  if (!config) found.push("config");
  if (!standing.acquainted) found.push("speakers");
  return found;
}

/** Whether this node may decide which addresses are its own. */
export function mayDecide(standing: Standing, knowledge: Knowledge): boolean {
  return !standing.leaving && missing(standing, knowledge).length === 0;
}

/**
 * Whether the others may count on this node; `told` is what they were told last. A node that leaves
 * may still lose its interface, but never begins to be counted on.
 */
export function mayAnnounce(
  standing: Standing,
  knowledge: Knowledge,
  now: Instant,
  told = false,
): boolean {
  if (standing.leaving && !told) return false;
  return mayUse(standing.flap, now) === true && missing(standing, knowledge).length === 0;
}

/** When {@link mayAnnounce} may change by itself; undefined: not at all. */
export function nextChange(standing: Standing, now: Instant): Instant | undefined {
  const may = mayUse(standing.flap, now);
  return typeof may === "number" ? may : undefined;
}
