import { after, type Instant, type Millis } from "../base/time.ts";
import type { ServiceFacts } from "../model/facts.ts";
import { EVENT, type EventReason, type EventType } from "../model/names.ts";
import { formatIp, type Ip } from "../net/ip.ts";
import { type AddressBook, sameIps } from "./allocations.ts";
import type { Refusal } from "./refusal.ts";

/** What the host shall do, in this order. */
export type ControllerAction =
  /** `ips` in order; empty clears status.loadBalancer. */
  | {
    readonly kind: "writeStatus";
    readonly service: ServiceFacts;
    readonly ips: readonly Ip[];
    /** The pool that gave them. */
    readonly pool: string | undefined;
  }
  | {
    readonly kind: "event";
    readonly service: ServiceFacts;
    readonly type: EventType;
    readonly reason: EventReason;
    readonly message: string;
  };

/** The same failure of a Service is told again only after this time. */
export const REPEAT_EVENT_MS: Millis = 5 * 60_000;

/** The event of addresses that were given. */
export function assignedEvent(facts: ServiceFacts, ips: readonly Ip[]): ControllerAction {
  return event(facts, "Normal", EVENT.ipAllocated, `Assigned IP ${ipList(ips)}`);
}

/** The event of a refusal, as far as it was not told just now. */
export function refusalEvent(
  facts: ServiceFacts,
  refusal: Refusal,
  book: AddressBook,
  now: Instant,
): ControllerAction[] {
  if (facts.addressRequest.kind === "invalid") {
    return failureEvent(facts, EVENT.loadBalancerFailed, refusal.message, book, now);
  }
  const text = `Failed to allocate IP for "${facts.key}": ${refusal.message}`;
  return failureEvent(facts, EVENT.allocationFailed, text, book, now);
}

/** The event, unless the Service had the same one within the last five minutes. */
export function failureEvent(
  facts: ServiceFacts,
  reason: EventReason,
  message: string,
  book: AddressBook,
  now: Instant,
  type: EventType = "Warning",
): ControllerAction[] {
  const last = book.reported.get(facts.key);
  if (last?.message === message && now < after(last.at, REPEAT_EVENT_MS)) return [];
  book.reported.set(facts.key, { message, at: now });
  return [event(facts, type, reason, message)];
}

/**
 * Writes where the status differs from what it shall be, or the annotation beside it names another
 * pool, or none: by it a controller that starts under another configuration knows what was given,
 * also where MetalLB gave it.
 */
export function statusWrite(
  facts: ServiceFacts,
  ips: readonly Ip[],
  pool: string | undefined,
): ControllerAction[] {
  return shows(facts, ips) && facts.allocatedFrom === pool
    ? []
    : [{ kind: "writeStatus", service: facts, ips, pool }];
}

/** Whether the status shows exactly these addresses. */
export function shows({ assigned, hasIngress }: ServiceFacts, ips: readonly Ip[]): boolean {
  return ips.length === 0 ? !hasIngress : sameIps(assigned, ips);
}

/** An event about a Service. */
export function event(
  service: ServiceFacts,
  type: EventType,
  reason: EventReason,
  message: string,
): ControllerAction {
  return { kind: "event", service, type, reason, message };
}

/** As MetalLB prints addresses in events: `["10.77.1.220"]`. */
export function ipList(ips: readonly Ip[]): string {
  return `[${ips.map((ip) => `"${formatIp(ip)}"`).join(" ")}]`;
}
