import { after, type Instant, type Millis } from "../base/time.ts";
import { serviceKey } from "../model/facts.ts";
import { isObject, listOr, textOf } from "../model/json.ts";
import { formatIp, parseIp } from "../net/ip.ts";
import type { Remembered } from "./allocations.ts";
import { MAX_REMEMBERED } from "./sticky.ts";

/** The two clocks at one moment: deadlines outlive the process only as wall time. */
export interface BothClocks {
  readonly now: Instant;
  /** Milliseconds since 1970. */
  readonly wallMs: Millis;
}

/** The text that keeps what is remembered over a restart. */
export function encodeRemembered(remembered: Iterable<Remembered>, clocks: BothClocks): string {
  const kept = [...remembered].map(({ service, pool, ips, until }) => ({
    service,
    pool,
    addresses: ips.map(formatIp),
    untilMs: Math.round(clocks.wallMs + (until - clocks.now)),
  }));
  return JSON.stringify(kept);
}

/** Reads it back; what cannot be read, or is over, is left out. Never throws. */
export function decodeRemembered(text: string, clocks: BothClocks): Remembered[] {
  return listOr(parsed(text)).slice(0, MAX_REMEMBERED).flatMap((entry) => {
    if (!isObject(entry)) return [];
    const [namespace, name, ...more] = (textOf(entry.service) ?? "").split("/");
    const pool = textOf(entry.pool);
    const ips = listOr(entry.addresses).map((one) => parseIp(textOf(one) ?? ""))
      .filter((ip) => ip !== undefined);
    const leftMs = typeof entry.untilMs === "number" ? entry.untilMs - clocks.wallMs : 0;
    if (!namespace || !name || more.length > 0 || pool === undefined || ips.length === 0) return [];
    if (leftMs <= 0) return [];
    const until = after(clocks.now, leftMs);
    return [{ service: serviceKey(namespace, name), pool, ips, until }];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
