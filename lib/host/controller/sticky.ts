import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import type { Config } from "../../config/types.ts";
import type { AddressBook, Remembered } from "../../controller/allocations.ts";
import { remember } from "../../controller/sticky.ts";
import {
  type BothClocks,
  decodeRemembered,
  encodeRemembered,
} from "../../controller/sticky_record.ts";
import { oncePer, retryDelayMs } from "../process/backoff.ts";
import type { Cluster, Permit } from "../cluster/cluster.ts";
import type { RoleContext } from "../process/role.ts";

/** The note's name: ConfigMap `herald-sticky-addresses`, or a file of the folder. */
const NOTE = "sticky-addresses";
/** After a note could not be written. */
const RETRY_MS: Millis = 10_000;

interface StickyHooks {
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  /** What an earlier controller kept is known now. */
  readonly onLoad: () => void;
}

/** Keeps what is remembered of deleted Services over restarts and changes of the leader. */
export interface StickyKeeper {
  /** Whether what was kept is known, where a pool keeps anything; begins to read it where not. */
  readyFor(config: Config): boolean;
  /** Enters what was read, once. */
  restore(book: AddressBook): void;
  /** After each batch: writes down what changed. */
  note(book: AddressBook, permit: Permit): void;
  /** Another leads now, or led until now: what it keeps is to be read anew. */
  refresh(): void;
  /** What is not known for lack of an answer, for people; undefined where nothing is missed. */
  unknown(): readonly string[] | undefined;
}

type StickyContext = Pick<RoleContext, "clock" | "log" | "signal"> & {
  readonly cluster: Pick<Cluster, "readNote" | "writeNote">;
};

interface Keeping extends StickyContext, StickyHooks {
  phase: "unread" | "reading" | "read";
  /** Counts the readings: what an earlier one brings is void. */
  reading: number;
  /** Why the note could not be read so far. */
  missing: string | undefined;
  loaded: readonly Remembered[];
  /** The fingerprint of what was written last. */
  written: string;
  wanted: { readonly text: string; readonly permit: Permit } | undefined;
  writing: boolean;
  readonly mayComplain: () => boolean;
}

/** Makes the keeper. Nothing is read or written without need, nor after the context's signal. */
export function createStickyKeeper(context: StickyContext, hooks: StickyHooks): StickyKeeper {
  const { clock } = context;
  const keeping: Keeping = {
    ...context,
    ...hooks,
    phase: "unread",
    reading: 0,
    missing: undefined,
    loaded: [],
    written: "",
    wanted: undefined,
    writing: false,
    mayComplain: oncePer(60_000, clock.now),
  };
  return {
    readyFor({ pools }) {
      if (pools.every(({ stickyMs }) => stickyMs === 0)) return true;
      if (keeping.phase === "unread") void load(keeping);
      return keeping.phase === "read";
    },
    restore(book) {
      if (keeping.loaded.length === 0) return;
      for (const one of keeping.loaded) {
        if (one.until > clock.now() && !book.holdings.has(one.service)) remember(book, one);
      }
      keeping.loaded = [];
      keeping.written = fingerprint(book);
    },
    note(book, permit) {
      const now = fingerprint(book);
      if (now === keeping.written) return;
      keeping.written = now;
      const { leftOut, text } = encodeRemembered(book.remembered.values(), clocksOf(keeping));
      if (leftOut > 0 && keeping.mayComplain()) {
        const reason = "a ConfigMap holds no more; those that end first are kept in memory only";
        keeping.log.warn(
          { leftOut, reason },
          "not all addresses of deleted Services outlive a restart",
        );
      }
      keeping.wanted = { text, permit };
      void writeDown(keeping);
    },
    unknown: () =>
      keeping.missing === undefined
        ? undefined
        : [`the addresses kept for deleted Services: ${keeping.missing}`],
    refresh() {
      keeping.reading++;
      keeping.missing = undefined;
      keeping.phase = "unread";
      keeping.loaded = [];
      keeping.written = "";
      keeping.wanted = undefined;
    },
  };
}

function clocksOf({ clock, wallMs }: Keeping): BothClocks {
  return { now: clock.now(), wallMs: wallMs() };
}

async function load(keeping: Keeping): Promise<void> {
  const { clock, cluster, log, signal } = keeping;
  const reading = ++keeping.reading;
  keeping.phase = "reading";
  // Who went on without it would give away what is kept, and write that down as all there is.
  for (let attempt = 0; keeping.reading === reading && !signal.aborted; attempt++) {
    try {
      const text = await cluster.readNote(NOTE, signal);
      if (keeping.reading === reading) take(keeping, text);
      return;
    } catch (error) {
      if (signal.aborted || keeping.reading !== reading) return;
      keeping.missing = errorText(error);
      if (attempt === 0) {
        log.warn({ error: keeping.missing }, "what was kept for deleted Services is not known");
      }
    }
    await clock.sleep(retryDelayMs(attempt, clock.random), signal);
  }
}

function take(keeping: Keeping, text: string | undefined): void {
  keeping.loaded = text === undefined ? [] : decodeRemembered(text, clocksOf(keeping));
  keeping.missing = undefined;
  keeping.phase = "read";
  keeping.onLoad();
}

async function writeDown(keeping: Keeping): Promise<void> {
  const { clock, cluster, log, signal } = keeping;
  if (keeping.writing) return;
  keeping.writing = true;
  while (keeping.wanted !== undefined && !signal.aborted) {
    const { text, permit } = keeping.wanted;
    keeping.wanted = undefined;
    try {
      if (permit.mayBegin()) await cluster.writeNote(NOTE, text, permit, signal);
    } catch (error) {
      if (signal.aborted) break;
      if (keeping.mayComplain()) {
        log.warn({ error: errorText(error) }, "sticky addresses are kept in memory only");
      }
      keeping.wanted ??= { text, permit };
      await clock.sleep(RETRY_MS, signal);
    }
  }
  keeping.writing = false;
}

/** Changes whenever something comes or goes. */
function fingerprint({ remembered }: AddressBook): string {
  return [...remembered.values()].map(({ service, until }) => `${service} ${until}`).join();
}
