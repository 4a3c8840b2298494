import { errorText } from "../base/errors.ts";

/** What is written to: standard output, or standard error. */
interface Output {
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * Writes a whole text. A reader that has gone, as `head` goes, has had enough: the command goes on,
 * for its exit code counts. What cannot be written for any other reason ends it.
 */
export async function writeText(
  to: Output,
  text: string,
  giveUp: (reason: string) => void = endProcess,
): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return;
    giveUp(`herald: the output cannot be written: ${errorText(error)}\n`);
  }
}

function endProcess(reason: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(reason));
  } finally {
    Deno.exit(1);
  }
}
