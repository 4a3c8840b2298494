import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import type { Clock } from "../process/clock.ts";

/** How a folder is watched. */
interface FolderWatchOptions {
  readonly folder: string;
  readonly recursive: boolean;
  /** Also without events, as on network file systems. */
  readonly pollMs: Millis;
  /** Called for each event of the file system, and with undefined at each poll. */
  readonly onEvent: (event: Deno.FsEvent | undefined) => void;
}

/**
 * Watches a folder, never a file: a watch on a file goes dead at its first replacement. A folder
 * that is missing or replaced is taken up again at the next poll. Ends after the signal fired.
 */
export async function watchFolder(
  options: FolderWatchOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let watcher: Deno.FsWatcher | undefined;
  let watched: string | undefined;
  let reading: Promise<void> = Promise.resolve();

  async function read(from: Deno.FsWatcher): Promise<void> {
    try {
      for await (const event of from) options.onEvent(event);
    } catch {
      // The watch broke, for example because the system has no inotify watch left: polls go on.
    }
    if (watcher === from) watched = undefined;
  }

  function reopen(): void {
    const present = identityOf(options.folder);
    if (present === watched) return;
    watcher?.close();
    watcher = undefined;
    watched = present;
    if (present === undefined) return;
    try {
      watcher = Deno.watchFs(options.folder, { recursive: options.recursive });
      reading = read(watcher);
    } catch {
      watched = undefined;
    }
  }

  reopen();
  while (!signal.aborted) {
    await clock.sleep(options.pollMs, signal);
    if (signal.aborted) break;
    reopen();
    options.onEvent(undefined);
  }
  watcher?.close();
  await reading;
}

function identityOf(folder: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(folder);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** What tells at a glance that a file changed; follows symbolic links. */
export function signatureOf(path: string): string {
  try {
    const { dev, ino, size, mtime } = Deno.statSync(path);
    return `${dev}:${ino}:${size}:${mtime?.getTime()}`;
  } catch (error) {
    return errorText(error);
  }
}
