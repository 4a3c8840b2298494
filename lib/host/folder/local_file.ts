import { dirname } from "node:path";
import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import type { Clock } from "../process/clock.ts";
import { signatureOf, watchFolder } from "./watch.ts";

/** What a watched file holds. */
export type FileContent =
  | { readonly kind: "text"; readonly text: string }
  /** It cannot be had; one sentence. */
  | { readonly kind: "absent"; readonly reason: string };

/** Intervals of a watched file; tests shorten them. */
interface LocalFileTiming {
  /** No change for so long: the writer has finished. */
  readonly quietMs: Millis;
  /** Between two readings that must agree. */
  readonly repeatMs: Millis;
  readonly pollMs: Millis;
}

const LOCAL_FILE_TIMING: LocalFileTiming = { quietMs: 200, repeatMs: 50, pollMs: 10_000 };

export interface LocalFile {
  /** Reads now, whatever the file's times say; settles when that is done. */
  reload(): Promise<void>;
  /** Settles when the watch has ended after its signal. */
  readonly done: Promise<void>;
}

const SIZE_LIMIT = 4 * 1024 * 1024;

/**
 * Watches one file through editors' renames and the symlink swaps of ConfigMap volumes. Content is
 * given when it has settled and differs from what was given before, so never half of a writing.
 */
export function watchLocalFile(
  path: string,
  onContent: (content: FileContent) => void,
  clock: Clock,
  signal: AbortSignal,
  timing: LocalFileTiming = LOCAL_FILE_TIMING,
): LocalFile {
  let given: FileContent | undefined;
  let seen = signatureOf(path);
  let changedAt = clock.now();
  let reading: Promise<void> = Promise.resolve();
  let busy = false;

  /** Many things happen in a folder; only a file that looks different is read. */
  function look(): void {
    const present = signatureOf(path);
    if (present === seen) return;
    seen = present;
    changedAt = clock.now();
    void start();
  }

  function start(): Promise<void> {
    if (busy) return reading;
    busy = true;
    return reading = settle();
  }

  async function settle(): Promise<void> {
    for (;;) {
      const rest = changedAt + timing.quietMs - clock.now();
      if (rest > 0) await clock.sleep(rest, signal);
      if (signal.aborted) return;
      if (clock.now() < changedAt + timing.quietMs) continue;
      const first = await readOnce(path);
      await clock.sleep(timing.repeatMs, signal);
      if (signal.aborted) return;
      const second = await readOnce(path);
      look();
      if (sameContent(first, second) && clock.now() >= changedAt + timing.repeatMs) {
        // Before anything else can run: a change from here on starts a new reading.
        busy = false;
        return give(second);
      }
      changedAt = clock.now();
    }
  }

  function give(content: FileContent): void {
    if (given !== undefined && sameContent(given, content)) return;
    given = content;
    onContent(content);
  }

  async function run(): Promise<void> {
    const first = await readOnce(path);
    if (!signal.aborted) give(first);
    // The first reading may have met a writer at work.
    void start();
    await watchFolder(
      { folder: dirname(path), recursive: false, pollMs: timing.pollMs, onEvent: look },
      clock,
      signal,
    );
    await reading;
  }

  return { reload: start, done: run() };
}

async function readOnce(path: string): Promise<FileContent> {
  try {
    const { isFile, isDirectory, size } = await Deno.stat(path);
    // Opening a pipe would wait for a writer.
    if (!isFile) {
      return absent(`${path} is ${isDirectory ? "a folder" : "no regular file"}; name the file`);
    }
    if (size > SIZE_LIMIT) return absent(`${path} is larger than ${SIZE_LIMIT} bytes`);
    const bytes = await Deno.readFile(path);
    return { kind: "text", text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return absent(`${path} does not exist`);
    if (error instanceof TypeError) return absent(`${path} is not UTF-8 text; save it as UTF-8`);
    return absent(`${path} cannot be read: ${errorText(error)}`);
  }
}

function absent(reason: string): FileContent {
  return { kind: "absent", reason };
}

function sameContent(a: FileContent, b: FileContent): boolean {
  return a.kind === "text"
    ? b.kind === "text" && a.text === b.text
    : b.kind === "absent" && a.reason === b.reason;
}
