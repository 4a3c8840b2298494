import { run } from "../support/process.ts";

/** Compilers for the architectures that Herald runs on; the second where it is installed. */
const COMPILERS = ["gcc", "aarch64-linux-gnu-gcc"];

/**
 * Lets the C compiler judge constant expressions and gives those that do not hold, as it words
 * them. Compiles only, so that a cross compiler will do.
 */
export async function refusedByC(
  headers: readonly string[],
  expressions: readonly string[],
): Promise<string> {
  const source = [
    "#define _GNU_SOURCE",
    ...["stddef.h", ...headers].map((header) => `#include <${header}>`),
    ...expressions.map((expression) => `_Static_assert(${expression}, "");`),
  ].join("\n") + "\n";
  const refused: string[] = [];
  for (const compiler of COMPILERS) {
    const found = await run("which", [compiler]);
    if (found.code !== 0 && compiler !== "gcc") continue;
    const { code, stderr } = await run(compiler, ["-fsyntax-only", "-x", "c", "-"], source);
    if (code !== 0 || stderr !== "") refused.push(`${compiler}: ${stderr}`);
  }
  return refused.join("\n");
}

/** Expressions that hold if a layout of ours is that of the C struct; `fields` are its names there. */
export function layoutOf(
  struct: string,
  layout: Readonly<Record<string, number>>,
  fields: Readonly<Record<string, string>>,
): string[] {
  return [
    `sizeof(struct ${struct}) == ${layout.size}`,
    ...Object.entries(fields).map(([ours, theirs]) =>
      `offsetof(struct ${struct}, ${theirs}) == ${layout[ours]}`
    ),
  ];
}
