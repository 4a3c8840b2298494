import type { Fd } from "../../../ffi/fd.ts";
import type { Libc, SOCKET } from "../../../ffi/libc.ts";
import { CLASSIC_BPF, type FilterStep } from "../../../ffi/structs.ts";
import { type Instant, instant, type Millis } from "../../base/time.ts";
import type { Ip } from "../../net/ip.ts";
import { attachFilter, detachFilter, droppedDatagrams } from "./socket.ts";

/** How much is looked at of what comes from addresses of no speaker. */
export interface Strangers {
  /** Whether to look at one more: a speaker of which gossip has not told yet is heard among few. */
  mayKnock(now: Instant): boolean;
  /** Speakers came or went. */
  sourcesChanged(): void;
  /** How many the kernel kept out since it last gave any, at most once a second. */
  takeKeptOut(now: Instant): number;
}

/** Packets from addresses of no speaker that are looked at in this time … */
const KNOCKS = 20;
const KNOCKS_EVERY_MS: Millis = 200;
/** … and of so many it is a flood, which must not fill the buffer before the speakers' beats. */
const FLOOD = 200;
/** Of so many the kernel then lets by one, and keeps out the rest: a power of two. */
const ONE_OF = 16;
const LOOK_EVERY_MS: Millis = 1_000;

/**
 * Begins with all let in; `sources` is where the speakers are, as it is when it is asked. Of a flood
 * one in `oneOf` is let by.
 */
export function watchStrangers(
  libc: Libc<typeof SOCKET>,
  fd: Fd,
  family: 4 | 6,
  sources: ReadonlySet<Ip>,
  oneOf = ONE_OF,
): Strangers {
  let [knocks, knocksSince] = [0, instant(-Infinity)];
  let [keepsOut, dropped, lookedAt] = [false, 0, instant(-Infinity)];

  function keepOut(): void {
    keepsOut = attachFilter(libc, fd, filterOfStrangers(sources, family, oneOf));
    // One for too many speakers is refused: the one before would keep out those that are new.
    if (!keepsOut) detachFilter(libc, fd);
  }

  return {
    mayKnock(now) {
      if (now - knocksSince >= KNOCKS_EVERY_MS) [knocks, knocksSince] = [0, now];
      if (++knocks === FLOOD && !keepsOut) {
        [dropped, lookedAt] = [droppedDatagrams(libc, fd), now];
        keepOut();
      }
      return knocks <= KNOCKS;
    },
    sourcesChanged: () => keepsOut ? keepOut() : undefined,
    takeKeptOut(now) {
      if (!keepsOut || now - lookedAt < LOOK_EVERY_MS) return 0;
      lookedAt = now;
      const count = (droppedDatagrams(libc, fd) - dropped) >>> 0;
      dropped += count;
      if (count < FLOOD) {
        detachFilter(libc, fd);
        keepsOut = false;
      }
      return count;
    },
  };
}

/** Where an IP header has the source, or the last word of it: elsewhere few have the same one. */
const SOURCE_WORD = { 4: 12, 6: 20 } as const;
const WHOLE = 0xffff_ffff;

function filterOfStrangers(
  sources: ReadonlySet<Ip>,
  family: 4 | 6,
  oneOf: number,
): FilterStep[] {
  const { and, jumpEqual, loadWord, network, random, return: give } = CLASSIC_BPF;
  const known = new Set([...sources].filter((ip) => (typeof ip === "number") === (family === 4)));
  const words = [...known].map((ip) => Number(BigInt.asUintN(32, BigInt(ip))));
  return [
    [loadWord, 0, 0, network + SOURCE_WORD[family]],
    ...words.flatMap((word): FilterStep[] => [[jumpEqual, 0, 1, word], [give, 0, 0, WHOLE]]),
    [loadWord, 0, 0, random],
    [and, 0, 0, oneOf - 1],
    [jumpEqual, 0, 1, 0],
    [give, 0, 0, WHOLE],
    [give, 0, 0, 0],
  ];
}
