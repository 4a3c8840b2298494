import { errorText } from "../../base/errors.ts";
import type { Instant, Millis } from "../../base/time.ts";
import type { Clock } from "../process/clock.ts";
import { type FolderEvent, signatureOf, watchFolder } from "./watch.ts";

/** Intervals of a store's files; tests shorten them. */
export interface StoreTiming {
  /** A file that its writer closed or renamed is read after so long without a change. */
  readonly quietMs: Millis;
  /** A file that may still be open for writing is read after so long without a change. */
  readonly openMs: Millis;
  readonly pollMs: Millis;
}

export const STORE_TIMING: StoreTiming = { quietMs: 50, openMs: 500, pollMs: 10_000 };

/** What to do with the files of a folder as they come, change and go. */
export interface FileHooks {
  /** Whether the file of this path counts. */
  readonly matters: (path: string) => boolean;
  /** Whether the file is only ever put into its place by rename, so that none is half written. */
  readonly isWhole: (path: string) => boolean;
  /** The paths of all files that count and exist; throws when the folder cannot be read. */
  readonly list: () => readonly string[];
  /** Called with the texts of files that changed and have settled; undefined: it is gone. */
  readonly onFiles: (files: ReadonlyMap<string, string | undefined>) => void;
  /** The folder was looked through. */
  readonly onPoll: () => void;
  readonly onError: (path: string, error: string) => void;
}

/** A folder's files, watched. */
export interface StoreFiles {
  /** Reads those that `matter` now, for which nothing can be half written. */
  readNow(matter: (path: string) => boolean): Promise<void>;
  readonly done: Promise<void>;
}

const FILE_LIMIT = 64 * 1024 * 1024;

/**
 * Reads a folder's files and watches them until the signal fires; what has settled comes in one
 * call. Resolves once every file present at the start has been reported.
 * @throws Error when the folder cannot be read at the start
 */
export async function watchFiles(
  folder: string,
  hooks: FileHooks,
  clock: Clock,
  timing: StoreTiming,
  signal: AbortSignal,
): Promise<StoreFiles> {
  const known = new Map<string, string>();
  const pending = new Map<string, { changedAt: Instant; closed: boolean }>();
  let settling: Promise<void> = Promise.resolve();
  let busy = false;

  function onEvent(event: FolderEvent): void {
    if (event === "poll" || event === "burst") return scan(false);
    if (event === "new folders") return scan(true);
    // Closing a file after writing is reported as an access; reading it is not reported at all.
    const closed = event.kind !== "modify" && event.kind !== "create";
    for (const path of event.paths) {
      if (hooks.matters(path)) touch(path, closed);
    }
    // A folder that came or went takes its files with it without naming them.
    if (!event.paths.every((path) => /\.[a-z]+$/.test(path))) scan(true);
  }

  function touch(path: string, closed: boolean): void {
    pending.set(path, { changedAt: clock.now(), closed });
    if (busy) return;
    busy = true;
    settling = settle();
  }

  /** Finds what changed without an event. */
  function scan(closed: boolean): void {
    try {
      const present = new Set(hooks.list());
      hooks.onPoll();
      for (const path of present) {
        if (!pending.has(path) && known.get(path) !== signatureOf(path)) {
          touch(path, closed || hooks.isWhole(path));
        }
      }
      for (const path of known.keys()) if (!present.has(path)) touch(path, true);
    } catch (error) {
      hooks.onError(folder, errorText(error));
    }
  }

  async function settle(): Promise<void> {
    while (pending.size > 0 && !signal.aborted) {
      const now = clock.now();
      const due = [...pending].filter(([, { changedAt, closed }]) =>
        now >= changedAt + (closed ? timing.quietMs : timing.openMs)
      );
      for (const [path] of due) pending.delete(path);
      await take(due.map(([path]) => path));
      if (pending.size > 0) await clock.sleep(timing.quietMs / 2, signal);
    }
    // At once with the end of the loop: a file touched from here on starts a new one.
    busy = false;
  }

  async function take(paths: readonly string[]): Promise<void> {
    const texts = await readFiles(paths, known, hooks.onError);
    if (texts.size > 0 && !signal.aborted) hooks.onFiles(texts);
  }

  // Watched before it is read, so that nothing falls between.
  const watching = watchFolder(
    { folder, recursive: true, pollMs: timing.pollMs, onEvent },
    clock,
    signal,
  );
  await take(hooks.list());
  return {
    readNow: (matter) => take([...new Set([...hooks.list(), ...known.keys()])].filter(matter)),
    done: watching.then(() => settling),
  };
}

/** So many are read side by side; one by one each waits for a thread to be free. */
const AT_ONCE = 64;

/** Reads what can be read and notes how it looked; undefined for files that are gone. */
async function readFiles(
  paths: readonly string[],
  known: Map<string, string>,
  onError: FileHooks["onError"],
): Promise<Map<string, string | undefined>> {
  const texts = new Map<string, string | undefined>();
  for (let start = 0; start < paths.length; start += AT_ONCE) {
    await Promise.all(
      paths.slice(start, start + AT_ONCE).map(async (path) => {
        try {
          known.set(path, signatureOf(path));
          texts.set(path, await readFile(path));
        } catch (error) {
          if (error instanceof Deno.errors.NotFound) texts.set(path, undefined);
          else onError(path, errorText(error));
        }
        if (texts.has(path) && texts.get(path) === undefined) known.delete(path);
      }),
    );
  }
  return texts;
}

async function readFile(path: string): Promise<string> {
  const { isFile, size } = Deno.statSync(path);
  if (!isFile) throw new Error("it is no regular file");
  if (size > FILE_LIMIT) throw new Error(`it is larger than ${FILE_LIMIT} bytes`);
  return await Deno.readTextFile(path);
}
