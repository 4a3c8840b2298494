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

/** What is kept over a restart. */
interface Record {
  readonly text: string;
  /** So many did not fit, those that end first: they are kept in memory only. */
  readonly leftOut: number;
}

/** A ConfigMap holds 1 MiB with its metadata and the quotes of JSON within JSON. */
const MAX_BYTES = 800_000;

/** The text that keeps what is remembered over a restart, as much of it as a ConfigMap takes. */
export function encodeRemembered(remembered: Iterable<Remembered>, clocks: BothClocks): Record {
  const encoder = new TextEncoder();
  const entries: string[] = [];
  let [bytes, leftOut] = [2, 0];
  for (const { service, pool, ips, until } of [...remembered].sort((a, b) => b.until - a.until)) {
    const untilMs = Math.round(clocks.wallMs + (until - clocks.now));
    const entry = JSON.stringify({ service, pool, addresses: ips.map(formatIp), untilMs });
    bytes += encoder.encode(JSON.stringify(entry)).length + 1;
    if (bytes > MAX_BYTES) leftOut++;
    else entries.push(entry);
  }
  return { text: `[${entries.join()}]`, leftOut };
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
