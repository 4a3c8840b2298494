import { watchLines } from "./log_lines.ts";

const KEPT_OUTPUT = 1024 * 1024;

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. @throws Error if it logged a line of Herald's that is at fault */
export async function run(
  command: string,
  args: readonly string[],
  stdin?: string,
): Promise<Outcome> {
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin));
    await writer.close();
  }
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  const outcome = { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  const lines = watchLines();
  lines.take(outcome.stdout);
  throwFault(lines);
  return outcome;
}

/** Runs a program that must succeed and gives its standard output. @throws Error with its stderr */
export async function must(
  command: string,
  args: readonly string[],
  stdin?: string,
): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, stdin);
  if (code !== 0) {
    throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${stderr || stdout}`);
  }
  return stdout;
}

/**
 * A program that runs beside the test; disposing of it ends it by its pid and waits. The end throws
 * if the program logged a line of Herald's that is at fault.
 */
export interface RunningProcess extends AsyncDisposable {
  readonly pid: number;
  /** What it printed so far, both streams as they came; the oldest part goes beyond 1 MiB. */
  output(): string;
  readonly exited: Promise<number>;
  /** Sends a signal and waits for the end; SIGKILL follows after `graceMs`. */
  end(signal?: Deno.Signal, graceMs?: number): Promise<number>;
}

/** Starts a program. `env` adds to the test's own environment. */
export function start(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): RunningProcess {
  const child = new Deno.Command(command, {
    args: [...args],
    env: { ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  const lines = watchLines();
  async function collect(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    see: (piece: string) => void,
  ): Promise<void> {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      text = (text + part).slice(-KEPT_OUTPUT);
      see(part);
    }
  }
  const collected = Promise.all([
    collect(child.stdout, lines.take),
    collect(child.stderr, () => undefined),
  ]);
  const exited = child.status.then(async ({ code }) => {
    await collected;
    return code;
  });
  async function end(signal: Deno.Signal = "SIGTERM", graceMs = 10_000): Promise<number> {
    kill(child, signal);
    const timer = setTimeout(() => kill(child, "SIGKILL"), graceMs);
    try {
      const code = await exited;
      throwFault(lines);
      return code;
    } finally {
      clearTimeout(timer);
    }
  }
  return {
    pid: child.pid,
    output: () => text,
    exited,
    end,
    [Symbol.asyncDispose]: async () => void await end(),
  };
}

function throwFault(lines: ReturnType<typeof watchLines>): void {
  const fault = lines.fault();
  if (fault === undefined) return;
  // deno-lint-ignore no-console -- of several errors during disposal the test's report names none
  console.error(fault);
  throw new Error(fault);
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // It has ended already.
  }
}
