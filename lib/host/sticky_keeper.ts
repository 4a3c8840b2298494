import { errorText } from "../base/errors.ts";
import type { AddressBook, Remembered } from "../controller/allocations.ts";
import { nextExpiry, remember } from "../controller/sticky.ts";
import { decodeRemembered, encodeRemembered } from "../controller/sticky_record.ts";
import { oncePer } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Cluster } from "./cluster.ts";
import type { Log } from "./log.ts";

/** The note's name: ConfigMap `herald-sticky-addresses`, or a file of the folder. */
const NOTE = "sticky-addresses";
/** Longer waits would overflow a timer; who wakes early finds nothing to do and waits on. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

export interface StickyKeeperOptions {
  readonly cluster: Pick<Cluster, "readNote" | "writeNote">;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  /** Something that was kept is free now: plan again. */
  readonly onExpiry: () => void;
}

/** Keeps what is remembered of deleted Services over restarts and changes of the leader. */
export interface StickyKeeper {
  /** Reads what an earlier controller kept, for the next {@link StickyKeeper.restore}. */
  load(): Promise<void>;
  /** Enters in a fresh book what was read. */
  restore(book: AddressBook): void;
  /** After each batch: writes down what changed, and waits for the next end. */
  note(book: AddressBook): void;
}

/** Makes the keeper; it stops when the signal fires. Nothing is read or written without need. */
export function createStickyKeeper(
  options: StickyKeeperOptions,
  signal: AbortSignal,
): StickyKeeper {
  const { cluster, clock, log } = options;
  const mayComplain = oncePer(60_000, clock.now);
  const clocks = () => ({ now: clock.now(), wallMs: options.wallMs() });
  let loaded: readonly Remembered[] = [];
  let written = "";
  let wanted: string | undefined;
  let writing = false;
  let timer: number | undefined;
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  async function writeDown(): Promise<void> {
    if (writing) return;
    writing = true;
    while (wanted !== undefined && !signal.aborted) {
      const text = wanted;
      wanted = undefined;
      try {
        await cluster.writeNote(NOTE, text, signal);
      } catch (error) {
        if (signal.aborted) break;
        if (mayComplain()) {
          log.warn({ error: errorText(error) }, "sticky addresses are kept in memory only");
        }
        wanted ??= text;
        await clock.sleep(10_000, signal);
      }
    }
    writing = false;
  }

  return {
    async load() {
      try {
        const text = await cluster.readNote(NOTE, signal);
        loaded = text === undefined ? [] : decodeRemembered(text, clocks());
      } catch (error) {
        log.warn({ error: errorText(error) }, "what was kept for deleted Services is not known");
      }
    },
    restore(book) {
      for (const one of loaded) {
        if (one.until > clock.now() && !book.holdings.has(one.service)) remember(book, one);
      }
      loaded = [];
      written = fingerprint(book);
    },
    note(book) {
      const now = fingerprint(book);
      if (now !== written) {
        written = now;
        wanted = encodeRemembered(book.remembered.values(), clocks());
        void writeDown();
      }
      clearTimeout(timer);
      const next = nextExpiry(book);
      if (next === undefined || signal.aborted) return;
      const waitMs = Math.min(Math.max(0, next - clock.now()), LONGEST_WAIT_MS);
      timer = setTimeout(options.onExpiry, waitMs);
    },
  };
}

/** Changes whenever something comes or goes. */
function fingerprint({ remembered }: AddressBook): string {
  return [...remembered.values()].map(({ service, until }) => `${service} ${until}`).join();
}
