import { errorText } from "../base/errors.ts";
import { readSource } from "../config/manifest.ts";
import { renderProblems } from "../config/report.ts";

/** `herald validate`: prints every mistake of every file; exit code 1 when there is one. */
export async function validate(sources: readonly string[]): Promise<number> {
  let isGood = true;
  for (const source of sources) {
    const { text, good } = await validateFile(source);
    await Deno.stdout.write(new TextEncoder().encode(text));
    isGood = isGood && good;
  }
  return isGood ? 0 : 1;
}

async function validateFile(source: string): Promise<{ text: string; good: boolean }> {
  let bytes: Uint8Array;
  try {
    // A FIFO or a device would be read without end.
    if (!(await Deno.stat(source)).isFile) throw new Error("it is no regular file");
    bytes = await Deno.readFile(source);
  } catch (error) {
    return { text: `${source}: cannot be read: ${errorText(error)}\n`, good: false };
  }
  return validateText(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), source);
}

/** What `herald validate` prints for one file. */
export function validateText(text: string, source: string): { text: string; good: boolean } {
  const parts = readSource(text, source);
  const problems = parts.flatMap(({ found }) => found?.problems ?? []);
  const good = problems.every(({ severity }) => severity === "warning");
  const summaries = parts.map(({ what, found }) => {
    if (found === undefined) return `${source}: ${what}: no configuration in it\n`;
    if (found.config === undefined) return "";
    const { pools, peers } = found.config;
    return `${source}: ${what}: good, ${counted(pools.length, "pool")}, ${
      counted(peers.length, "peer")
    }\n`;
  });
  return { text: renderProblems(problems, text) + summaries.join(""), good };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
