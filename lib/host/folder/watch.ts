import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import type { Clock } from "../process/clock.ts";

/** How a folder is watched. */
interface FolderWatchOptions {
  readonly folder: string;
  readonly recursive: boolean;
  /** Also without events, as on network file systems. */
  readonly pollMs: Millis;
  readonly onEvent: (event: FolderEvent) => void;
}

export type FolderEvent =
  | Deno.FsEvent
  /** Time to look without an event. */
  | "poll"
  /** New folders are watched from now on; what came into them before gave no event. */
  | "new folders"
  /** So many events came that others may have been dropped. */
  | "burst";

/** Folders that come in a row are taken up together. */
const GATHER_MS: Millis = 10;

/**
 * Deno keeps so many events for a reader that is busy, and drops the others without a word
 * (ext/fs_events). Whatever was dropped, so many come after it.
 */
const KEPT_EVENTS = 16;
/** Bursts are looked after at most so often: each time all files are asked whether they changed. */
const BURST_MS: Millis = 150;

/** A folder and its watch. */
interface Watching {
  readonly options: FolderWatchOptions;
  readonly watchFs: typeof Deno.watchFs;
  watcher: Deno.FsWatcher | undefined;
  /** What the path named when the watch was set; undefined without a watch. */
  watched: string | undefined;
  /** Ends with the last of the watches. */
  reading: Promise<unknown>;
  /** Calls off the taking up of new folders. */
  gathering: (() => void) | undefined;
  /** Events since the folder was last looked through for what was dropped. */
  events: number;
  /** Calls that off. */
  looking: (() => void) | undefined;
}

/**
 * Watches a folder, never a file: a watch on a file goes dead at its first replacement. A folder
 * that is missing or replaced is taken up again at the next poll. Ends after the signal fired.
 */
export async function watchFolder(
  options: FolderWatchOptions,
  clock: Clock,
  signal: AbortSignal,
  watchFs = Deno.watchFs,
): Promise<void> {
  const watching: Watching = {
    options,
    watchFs,
    watcher: undefined,
    watched: undefined,
    reading: Promise.resolve(),
    gathering: undefined,
    events: 0,
    looking: undefined,
  };
  reopen(watching, clock);
  while (!signal.aborted) {
    await clock.sleep(options.pollMs, signal);
    if (signal.aborted) break;
    reopen(watching, clock);
    options.onEvent("poll");
  }
  watching.gathering?.();
  watching.looking?.();
  watching.watcher?.close();
  await watching.reading;
}

/** Takes the folder up where it is another than the one watched. */
function reopen(watching: Watching, clock: Clock): void {
  const present = identityOf(watching.options.folder);
  if (present === watching.watched) return;
  watching.watcher?.close();
  watching.watcher = undefined;
  watching.watched = present;
  if (present !== undefined) open(watching, clock);
}

/** Sets a watch, then lets go of the one before. */
function open(watching: Watching, clock: Clock): boolean {
  const { folder, recursive } = watching.options;
  const before = watching.watcher;
  try {
    watching.watcher = watching.watchFs(folder, { recursive });
  } catch {
    // The system has no inotify watch left, for example: the one before goes on, and polls do.
    if (before === undefined) watching.watched = undefined;
    return false;
  }
  watching.reading = Promise.all([watching.reading, read(watching, watching.watcher, clock)]);
  before?.close();
  return true;
}

async function read(watching: Watching, from: Deno.FsWatcher, clock: Clock): Promise<void> {
  const { onEvent, recursive } = watching.options;
  try {
    for await (const event of from) {
      onEvent(event);
      if (++watching.events >= KEPT_EVENTS) lookForDropped(watching, clock);
      if (recursive && event.kind !== "access" && event.paths.some(isFolder)) {
        takeUpFolders(watching, clock);
      }
    }
  } catch {
    // The watch broke: polls go on.
  }
  if (watching.watcher === from) watching.watched = undefined;
}

function lookForDropped(watching: Watching, clock: Clock): void {
  watching.looking ??= clock.schedule(BURST_MS, () => {
    watching.looking = undefined;
    watching.events = 0;
    watching.options.onEvent("burst");
  });
}

/**
 * Deno tells of a new folder before it watches it, so that a file written there in between is
 * never told of. A watch set anew has walked through all folders when it returns; what is read from
 * then on is complete.
 */
function takeUpFolders(watching: Watching, clock: Clock): void {
  watching.gathering ??= clock.schedule(GATHER_MS, () => {
    watching.gathering = undefined;
    if (watching.watcher !== undefined && open(watching, clock)) {
      watching.options.onEvent("new folders");
    }
  });
}

function isFolder(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
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
