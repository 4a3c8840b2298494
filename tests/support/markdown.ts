/** A fenced block of a page. */
export interface Fence {
  /** `sh`, `yaml`, or nothing. */
  readonly language: string;
  /** What stands behind the language, `title=…`. */
  readonly info: string;
  /** The heading above it. */
  readonly heading: string;
  readonly line: number;
  /** Without the indentation of the list that it stands in. */
  readonly text: string;
}

/** The fenced blocks of a page, in order. */
export function fencesOf(page: string): readonly Fence[] {
  const fences: Fence[] = [];
  let heading = "";
  let open: { indent: string; fence: Omit<Fence, "text">; lines: string[] } | undefined;
  for (const [at, line] of page.split("\n").entries()) {
    const mark = /^( *)```(\w*) *(.*)$/.exec(line);
    if (mark !== null && open === undefined) {
      const [, indent = "", language = "", info = ""] = mark;
      open = { indent, fence: { language, info, heading, line: at + 1 }, lines: [] };
    } else if (mark !== null && open !== undefined) {
      fences.push({ ...open.fence, text: open.lines.join("\n") });
      open = undefined;
    } else if (open !== undefined) {
      open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line);
    } else {
      heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
    }
  }
  if (open !== undefined) throw new Error(`the block of line ${open.fence.line} has no end`);
  return fences;
}

/** The page without its fenced blocks. */
export function proseOf(page: string): string {
  return page.replaceAll(/^( *)```[^]*?^\1```$/gm, "");
}

/** What a link may name behind `#`, as GitHub makes it of headings. */
export function anchorsOf(page: string): ReadonlySet<string> {
  return new Set(
    [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
      title.toLowerCase().replaceAll(/[^\p{Letter}\p{Number} _-]/gu, "").replaceAll(" ", "-")
    ),
  );
}

/** The commands of a shell block: comments and the lines of a console's answers are left out. */
export function commandsOf({ language, text }: Fence): readonly string[] {
  const joined = text.replaceAll(/\\\n\s*/g, " ").split("\n");
  const lines = language === "console"
    ? joined.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2))
    : joined;
  return lines.map((line) => line.replace(/(^|\s)#\s.*$/, "").trim()).filter((line) => line !== "");
}
