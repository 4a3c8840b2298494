import { after, type Instant, type Millis } from "../base/time.ts";
import type { Mac } from "../net/ethernet.ts";
import type { Ip } from "../net/ip.ts";

/** At most one defending announcement of an address in this time (RFC 5227 §1.1). */
export const DEFEND_INTERVAL_MS: Millis = 10_000;
/** A conflict that goes on is told to people this often. */
const TELL_INTERVAL_MS: Millis = 60_000;
/** A host could claim all addresses with a new hardware address each time. */
const MAX_KEPT = 4_096;

/** What to do about a frame in which another host has one of our addresses. */
export interface Verdict {
  /** A fellow speaker's frame: both announce for a moment, as after a partition. */
  readonly kind: "split" | "conflict" | "own";
  readonly defend: boolean;
  /** Worth a line in the log and an event: the first of this host, or long after the last. */
  readonly tell: boolean;
}

/** Keeps which hosts claim our addresses. */
export interface Conflicts {
  seen(ip: Ip, mac: Mac, now: Instant): Verdict;
  /** Own hardware addresses and those of fellow speakers, in place of those before. */
  setKnown(own: ReadonlySet<Mac>, fellows: ReadonlySet<Mac>): void;
  /** Conflicts of the last minute, for the status. */
  current(now: Instant): readonly { readonly ip: Ip; readonly mac: Mac }[];
}

/** Begins with no conflict (RFC 5227 §2.4: defend once, and not again within the interval). */
export function createConflicts(): Conflicts {
  const defended = new Map<Ip, Instant>();
  const told = new Map<
    string,
    { readonly ip: Ip; readonly mac: Mac; at: Instant; last: Instant }
  >();
  let own: ReadonlySet<Mac> = new Set();
  let fellows: ReadonlySet<Mac> = new Set();

  function mayDefend(ip: Ip, now: Instant): boolean {
    const last = defended.get(ip);
    if (last !== undefined && now < after(last, DEFEND_INTERVAL_MS)) return false;
    defended.set(ip, now);
    if (defended.size > MAX_KEPT) forgetOldest(defended);
    return true;
  }

  return {
    seen(ip, mac, now) {
      if (own.has(mac)) return { kind: "own", defend: false, tell: false };
      const defend = mayDefend(ip, now);
      if (fellows.has(mac)) return { kind: "split", defend, tell: false };
      const key = `${ip} ${mac}`;
      const before = told.get(key);
      const tell = before === undefined || now >= after(before.at, TELL_INTERVAL_MS);
      told.set(key, { ip, mac, at: tell || before === undefined ? now : before.at, last: now });
      if (told.size > MAX_KEPT) forgetOldest(told);
      return { kind: "conflict", defend, tell };
    },
    setKnown(nextOwn, nextFellows) {
      own = nextOwn;
      fellows = nextFellows;
    },
    current: (now) =>
      [...told.values()].filter(({ last }) => now < after(last, TELL_INTERVAL_MS))
        .map(({ ip, mac }) => ({ ip, mac })),
  };
}

function forgetOldest(map: Map<unknown, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
