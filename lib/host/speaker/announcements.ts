import { type Protocol, PROTOCOLS } from "../../config/types.ts";
import { someOf } from "../../base/some_of.ts";
import type { ServiceKey } from "../../model/facts.ts";
import { formatIp } from "../../net/ip.ts";
import type { Announced } from "../../speaker/announced.ts";
import type { Log } from "../process/log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { SpeakerEvents } from "./events.ts";
import type { KeptPlan } from "./plans.ts";

/** Tells log, metrics and events what this node announces. */
export interface Announcements {
  /** A plan, or what is on the wire of it, may be new or different. */
  report(plan: KeptPlan, announced: Pick<Announced, "by" | "failure" | "reason">): void;
  /** No Service has the address any more. */
  forget(plan: KeptPlan): void;
  /** The decision is over: what it changed goes to the log, as a summary where that is much. */
  tell(): void;
}

interface AnnouncementsOptions {
  readonly node: string;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly events: Pick<SpeakerEvents, "assigned" | "failed" | "labelled">;
}

/** A change that the log is to tell. */
interface Line {
  readonly fields: { readonly ip: string } & Record<string, string | undefined>;
  readonly message: string;
}

/** More lines of one decision are told as one for each message; each for itself is for debugging. */
const MOST_LINES = 20;
/** Of a summary's addresses. */
const ROOM = 160;

/** What was told of an address. */
interface Told {
  /** All of it, to see whether anything is different. */
  readonly text: string;
  readonly services: readonly ServiceKey[];
  readonly by: readonly Protocol[];
  readonly notice: string | undefined;
  /** Events, by {@link eventKey}: each is told once as long as the plan stands. */
  readonly events: ReadonlySet<string>;
}

const NOTHING_TOLD: Told = {
  text: "",
  services: [],
  by: [],
  notice: undefined,
  events: new Set(),
};

/** Begins with nothing announced. */
export function createAnnouncements(options: AnnouncementsOptions): Announcements {
  const { log, metrics: { layer2: { announced: gauge } }, node } = options;
  const told = new Map<string, Told>();
  const lines: Line[] = [];
  const warned = new Map<string, number>();

  /** One line for all addresses of which it is so. */
  function warn(before: string | undefined, notice: string | undefined, service: string): void {
    if (before === notice) return;
    if (before !== undefined) warned.set(before, (warned.get(before) ?? 1) - 1);
    if (notice === undefined) return;
    const others = warned.get(notice) ?? 0;
    warned.set(notice, others + 1);
    if (others === 0) log.warn({ reason: notice, service }, "the nodes' label stands in the way");
  }

  function show(ip: string, { services, by }: Told, value: 0 | 1): void {
    for (const service of services) {
      for (const protocol of by) {
        const labels = { service, protocol, node, ip };
        if (value === 1) gauge.set(labels, 1);
        else gauge.remove(labels);
      }
    }
  }

  return {
    report({ ip: address, services, announce, notice }, { by, failure, reason }) {
      const ip = formatIp(address);
      const before = told.get(ip) ?? NOTHING_TOLD;
      const planned = PROTOCOLS.filter((protocol) => announce[protocol]?.here);
      const service = services.join(",");
      const fields = { ip, service, owner: announce.layer2?.owner, reason };
      const text = JSON.stringify([fields, planned, by, failure, notice]);
      if (text === before.text) return;
      const standing = { services, planned, by, failure, notice };
      const events = tellEvents(options.events, standing, before.events);
      warn(before.notice, notice, service);
      const next = { text, services, by, notice, events };
      told.set(ip, next);
      show(ip, before, 0);
      show(ip, next, 1);
      const message = messageOf(before.by, by, planned);
      if (message !== undefined) {
        lines.push({ fields: { ...fields, protocols: by.join(",") || undefined }, message });
      }
    },
    forget({ ip: address, services }) {
      const ip = formatIp(address);
      const before = told.get(ip) ?? NOTHING_TOLD;
      show(ip, before, 0);
      warn(before.notice, undefined, "");
      told.delete(ip);
      lines.push({ fields: { ip, service: services.join(",") }, message: "address gone" });
    },
    tell: () => tellLines(log, lines.splice(0)),
  };
}

function tellLines(log: Log, lines: readonly Line[]): void {
  if (lines.length <= MOST_LINES) {
    for (const { fields, message } of lines) log.info(fields, message);
    return;
  }
  const byMessage = Map.groupBy(lines, ({ message }) => message);
  for (const [message, alike] of byMessage) {
    const ip = someOf(alike.map(({ fields }) => fields.ip), ", ", ROOM);
    log.info({ ip, count: alike.length }, message);
    for (const { fields } of alike) log.debug(fields, message);
  }
}

interface Standing extends Pick<Announced, "by" | "failure"> {
  readonly services: readonly ServiceKey[];
  readonly planned: readonly Protocol[];
  readonly notice: string | undefined;
}

/**
 * A BGP session or an interface that flaps brings no event each time: what was told of a Service is
 * told anew only when it was planned elsewhere meanwhile. Gives all that was told.
 */
function tellEvents(
  { assigned, failed, labelled }: AnnouncementsOptions["events"],
  { services, planned, by, failure, notice }: Standing,
  before: ReadonlySet<string>,
): ReadonlySet<string> {
  const events = new Set<string>();
  for (const service of services) {
    if (notice !== undefined) {
      const key = eventKey(service, notice);
      events.add(key);
      if (!before.has(key)) labelled(service, notice);
    }
    for (const protocol of planned) {
      const key = eventKey(service, protocol);
      if (before.has(key)) events.add(key);
      else if (by.includes(protocol)) {
        events.add(key);
        assigned(service);
      }
      if (protocol !== "layer2" || failure === undefined) continue;
      const failureKey = eventKey(service, "failure");
      events.add(failureKey);
      if (!before.has(failureKey)) failed(service, failure);
    }
  }
  return events;
}

function eventKey(service: ServiceKey, what: string): string {
  return `${what} ${service}`;
}

function messageOf(
  before: readonly Protocol[],
  by: readonly Protocol[],
  planned: readonly Protocol[],
): string | undefined {
  if (by.length > 0) return by.join() === before.join() ? undefined : "address announced from here";
  if (before.length === 0) return "address not announced here";
  return planned.length > 0 ? "address announced no more" : "address given up";
}
