import { join } from "node:path";
import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import type { Clock } from "../process/clock.ts";

/** What was read of one file or stream, or why it was not. */
export type SourceText =
  & {
    readonly name: string; /** Not named itself: it lies in a folder that was. */
    readonly searched: boolean;
  }
  & (
    | { readonly kind: "text"; readonly text: string }
    | { readonly kind: "unreadable"; readonly reason: string }
  );

/** Where an endless or silent source is given up. */
interface SourceLimits {
  readonly maxBytes: number;
  readonly maxFiles: number;
  readonly silentMs: Millis;
}

const LIMITS: SourceLimits = {
  maxBytes: 16 * 1024 * 1024,
  maxFiles: 10_000,
  // A chart that is fetched and rendered on the other side of a pipe takes its time.
  silentMs: 120_000,
};

/** Names of this process's own standard input; the program may not open them as files. */
const STDIN = new Set(["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]);
/** What a shell makes of `<(…)`. */
const OPEN_PIPE = /^\/(dev|proc\/self)\/fd\/\d+$/;
const STDIN_NAME = "<stdin>";
const MANIFEST = /\.(ya?ml|json)$/;

interface Reading {
  readonly stdin: ReadableStream<Uint8Array>;
  readonly clock: Clock;
  readonly limits: SourceLimits;
  /** Real paths: a file that is named twice, or by two links, is read once. */
  readonly seen: Set<string>;
}

/**
 * Reads files, pipes, folders with all that is in them, and `-`, one after the other. Hidden files
 * and folders count only where they are named. Never throws.
 */
export async function* readSources(
  names: readonly string[],
  stdin: ReadableStream<Uint8Array>,
  clock: Clock,
  limits: SourceLimits = LIMITS,
): AsyncGenerator<SourceText> {
  const reading: Reading = { stdin, clock, limits, seen: new Set() };
  for (const name of names) {
    if (STDIN.has(name)) {
      if (isFirst(reading, STDIN_NAME)) yield await readStdin(reading);
      continue;
    }
    try {
      const { isDirectory, isFile } = await Deno.stat(name);
      // A pipe of a shell has no path of its own.
      if (isDirectory) yield* readFolder(reading, name);
      else if (isFirst(reading, isFile ? await Deno.realPath(name) : name)) {
        yield await readFile(reading, name, false);
      }
    } catch (error) {
      yield unreadable(name, false, error);
    }
  }
}

function isFirst({ seen }: Reading, path: string): boolean {
  return !seen.has(path) && seen.add(path) !== undefined;
}

function unreadable(name: string, searched: boolean, error: unknown): SourceText {
  return { kind: "unreadable", name, searched, reason: errorText(error) };
}

async function* readFolder(reading: Reading, folder: string): AsyncGenerator<SourceText> {
  const { maxFiles } = reading.limits;
  let isEmpty = true;
  let count = 0;
  for await (const path of manifestsIn(folder, new Set())) {
    isEmpty = false;
    if (!isFirst(reading, await Deno.realPath(path))) continue;
    if (++count > maxFiles) {
      const reason = `more than ${maxFiles} files are in it; name a smaller folder`;
      yield unreadable(folder, false, reason);
      return;
    }
    yield await readFile(reading, path, true);
  }
  if (isEmpty) {
    yield unreadable(folder, false, "no file that ends in .yaml, .yml or .json is in it");
  }
}

/** In the order of their names, whatever order the file system has; no circle is walked. */
async function* manifestsIn(folder: string, walked: Set<string>): AsyncGenerator<string> {
  const real = await Deno.realPath(folder);
  if (walked.has(real)) return;
  walked.add(real);
  const entries = await Array.fromAsync(Deno.readDir(folder));
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name } of entries) {
    if (name.startsWith(".")) continue;
    const path = join(folder, name);
    // A link that leads nowhere is nothing to read.
    const target = await Deno.stat(path).catch(() => undefined);
    if (target?.isDirectory) yield* manifestsIn(path, walked);
    else if (target?.isFile && MANIFEST.test(name)) yield path;
  }
}

async function readFile(reading: Reading, name: string, searched: boolean): Promise<SourceText> {
  try {
    const { isFile, isFifo, isCharDevice } = await Deno.stat(name);
    if (!isFile && !isFifo && !isCharDevice) throw new Error("it is no file, pipe or folder");
    // Deno's thread itself waits in the opening of a pipe until there is a writer: no timer ends it.
    if (isFifo && !OPEN_PIPE.test(name)) {
      throw new Error(`it is a named pipe; write: cat ${name} | herald validate -`);
    }
    const file = await Deno.open(name);
    const text = await readText(reading, file.readable);
    return { kind: "text", name, searched, text };
  } catch (error) {
    return unreadable(name, searched, error);
  }
}

async function readStdin(reading: Reading): Promise<SourceText> {
  try {
    const text = await readText(reading, reading.stdin);
    return { kind: "text", name: STDIN_NAME, searched: false, text };
  } catch (error) {
    return unreadable(STDIN_NAME, false, error);
  }
}

/** @throws Error when it is too large, or silent for too long */
async function readText(
  reading: Reading,
  stream: ReadableStream<Uint8Array>,
): Promise<string> {
  const { maxBytes } = reading.limits;
  const reader = stream.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await orSilent(reading, reader.read());
      if (done) break;
      size += value.length;
      if (size > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
      parts.push(value);
    }
  } finally {
    // A read that still waits keeps this from settling, so nobody waits for it.
    void reader.cancel().catch(() => undefined);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  // What is no UTF-8 is told with its place, so it must not throw here.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** @throws Error when nothing comes of it in time */
async function orSilent<T>({ clock, limits }: Reading, work: Promise<T>): Promise<T> {
  let callOff = (): void => {};
  const silence = new Promise<never>((_, reject) => {
    callOff = clock.schedule(limits.silentMs, () => {
      reject(new Error(`nothing came for ${limits.silentMs / 1000} s; does its writer still run?`));
    });
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    callOff();
  }
}
