import { fileURLToPath } from "node:url";
import type { Host } from "./lan.ts";
import { must } from "./process.ts";

/** Questions in a row that the same hosts answered. */
export interface Run {
  /** The MAC, none for silence, `MAC+MAC` where several answered. */
  readonly who: string;
  readonly atMs: number;
  readonly count: number;
}

/** Who answered for an address, question by question. */
export interface Watched {
  readonly startedMs: number;
  readonly runs: readonly Run[];
  readonly gratuitous: readonly { readonly mac: string; readonly atMs: number }[];
}

export interface Probe extends AsyncDisposable {
  /** Ends it and gives what it saw. */
  stop(): Promise<Watched>;
}

const programs = new Map<string, Promise<string>>();

/** Compiles a program of `probe/` once for a process. */
export function compiled(name: "probe" | "flood" | "requests"): Promise<string> {
  const before = programs.get(name);
  if (before !== undefined) return before;
  const made = (async () => {
    const path = await Deno.makeTempFile({ prefix: `herald-${name}-` });
    addEventListener("unload", () => Deno.removeSync(path));
    const source = fileURLToPath(new URL(`./probe/${name}.c`, import.meta.url));
    await must("gcc", ["-O2", "-o", path, source]);
    await Deno.chmod(path, 0o755);
    return path;
  })();
  programs.set(name, made);
  return made;
}

/** Asks for addresses that nobody has, so many times a second; gives how often it did. */
export async function flood(
  host: Host,
  family: 4 | 6,
  perSecond: number,
  seconds: number,
): Promise<number> {
  const path = await compiled("flood");
  return Number(await host.must(path, "eth0", String(family), String(perSecond), String(seconds)));
}

/** Asks for the address from that host, each millisecond unless told otherwise. */
export async function startProbe(host: Host, ip: string, intervalUs = 1_000): Promise<Probe> {
  const path = await compiled("probe");
  const process = host.start(path, ["eth0", ip, String(intervalUs)]);
  return {
    async stop() {
      await process.end("SIGTERM");
      return JSON.parse(process.output());
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** The longest time in which nobody answered, and the longest in which two did, in milliseconds. */
export function gapAndOverlap(
  { runs }: Watched,
  intervalMs = 1,
): { readonly gapMs: number; readonly overlapMs: number } {
  const longest = (of: readonly Run[]) => Math.max(0, ...of.map(({ count }) => count)) * intervalMs;
  return {
    gapMs: longest(runs.filter(({ who }) => who === "")),
    overlapMs: longest(runs.filter(({ who }) => who.includes("+"))),
  };
}
