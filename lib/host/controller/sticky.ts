import { errorText } from "../../base/errors.ts";
import type { Config } from "../../config/types.ts";
import type { AddressBook, Remembered } from "../../controller/allocations.ts";
import { nextExpiry, remember } from "../../controller/sticky.ts";
import { decodeRemembered, encodeRemembered } from "../../controller/sticky_record.ts";
import { oncePer } from "../process/backoff.ts";
import type { Clock } from "../process/clock.ts";
import type { Cluster, Permit } from "../cluster/cluster.ts";
import type { Log } from "../process/log.ts";

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
  /** What an earlier controller kept is known now. */
  readonly onLoad: () => void;
  /** Something that was kept is free now: plan again. */
  readonly onExpiry: () => void;
}

/** Keeps what is remembered of deleted Services over restarts and changes of the leader. */
export interface StickyKeeper {
  /** Whether what was kept is known, where a pool keeps anything; begins to read it where not. */
  readyFor(config: Config): boolean;
  /** Enters what was read, once. */
  restore(book: AddressBook): void;
  /** After each batch: writes down what changed, and waits for the next end. */
  note(book: AddressBook, permit: Permit): void;
  /** Another leads now: what it keeps is to be read anew. */
  forget(): void;
}

/** Makes the keeper; it stops when the signal fires. Nothing is read or written without need. */
export function createStickyKeeper(
  options: StickyKeeperOptions,
  signal: AbortSignal,
): StickyKeeper {
  const { cluster, clock, log } = options;
  const mayComplain = oncePer(60_000, clock.now);
  const clocks = () => ({ now: clock.now(), wallMs: options.wallMs() });
  let phase: "unread" | "reading" | "read" = "unread";
  let loaded: readonly Remembered[] = [];
  let written = "";
  let wanted: { readonly text: string; readonly permit: Permit } | undefined;
  let writing = false;
  let timer: number | undefined;
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  async function writeDown(): Promise<void> {
    if (writing) return;
    writing = true;
    while (wanted !== undefined && !signal.aborted) {
      const asked = wanted;
      wanted = undefined;
      try {
        if (asked.permit.mayBegin()) {
          await cluster.writeNote(NOTE, asked.text, asked.permit, signal);
        }
      } catch (error) {
        if (signal.aborted) break;
        if (mayComplain()) {
          log.warn({ error: errorText(error) }, "sticky addresses are kept in memory only");
        }
        wanted ??= asked;
        await clock.sleep(10_000, signal);
      }
    }
    writing = false;
  }

  async function load(): Promise<void> {
    phase = "reading";
    try {
      const text = await cluster.readNote(NOTE, signal);
      loaded = text === undefined ? [] : decodeRemembered(text, clocks());
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ error: errorText(error) }, "what was kept for deleted Services is not known");
    }
    if (phase === "reading") phase = "read";
    options.onLoad();
  }

  return {
    readyFor({ pools }) {
      if (pools.every(({ stickyMs }) => stickyMs === 0)) return true;
      if (phase === "unread") void load();
      return phase === "read";
    },
    restore(book) {
      if (loaded.length === 0) return;
      for (const one of loaded) {
        if (one.until > clock.now() && !book.holdings.has(one.service)) remember(book, one);
      }
      loaded = [];
      written = fingerprint(book);
    },
    note(book, permit) {
      const now = fingerprint(book);
      if (now !== written) {
        written = now;
        wanted = { text: encodeRemembered(book.remembered.values(), clocks()), permit };
        void writeDown();
      }
      clearTimeout(timer);
      const next = nextExpiry(book);
      if (next === undefined || signal.aborted) return;
      const waitMs = Math.min(Math.max(0, next - clock.now()), LONGEST_WAIT_MS);
      timer = setTimeout(options.onExpiry, waitMs);
    },
    forget() {
      clearTimeout(timer);
      phase = "unread";
      loaded = [];
      written = "";
      wanted = undefined;
    },
  };
}

/** Changes whenever something comes or goes. */
function fingerprint({ remembered }: AddressBook): string {
  return [...remembered.values()].map(({ service, until }) => `${service} ${until}`).join();
}
