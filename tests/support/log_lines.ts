/** As Herald's log begins each line; other programs' JSON is none of our business. */
const HERALD_LINE = /\{"level":"[a-z]+","time":"/;
const TOKEN = /("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g;

/** Keys that stand twice in one object of a JSON text: a parser would hide all but one of them. */
export function repeatedKeys(json: string): string[] {
  const open: Set<string>[] = [];
  const repeated: string[] = [];
  for (const [token, key] of json.matchAll(TOKEN)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (key !== undefined) {
      const keys = open.at(-1);
      if (keys?.has(key)) repeated.push(key);
      keys?.add(key);
    }
  }
  return repeated;
}

/** What is wrong with a line that Herald may have logged. */
export function faultOfLine(line: string): string | undefined {
  const start = line.search(HERALD_LINE);
  if (start === -1) return undefined;
  const repeated = repeatedKeys(line.slice(start));
  return repeated.length === 0
    ? undefined
    : `a log line repeats the key ${repeated.join(", ")}: ${line}`;
}

/** Finds the first line at fault in what comes piece by piece. */
export function watchLines(): { take(piece: string): void; fault(): string | undefined } {
  let rest = "";
  let fault: string | undefined;
  return {
    take(piece) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) fault ??= faultOfLine(line);
    },
    fault: () => fault ?? faultOfLine(rest),
  };
}
