import { pause } from "../tests/support/wait.ts";
import { type Figure, figure } from "./figure.ts";
import { threadMs } from "./process_cost.ts";

const READERS = 40;
const SECONDS = 20;

/**
 * What readers of `/` and `/status` cost a role's event loop: the processor time of its thread while
 * all of them ask at once in each second, without what it takes while nobody asks.
 */
export async function benchPageReaders(
  pid: number,
  port: number,
  among: string,
): Promise<Figure[]> {
  const quiet = await eachSecond(pid, () => Promise.resolve());
  let [answers, bytes, slowestMs] = [0, 0, 0];
  const read = async (page: string) => {
    const began = performance.now();
    const answer = await fetch(`http://127.0.0.1:${port}${page}`);
    bytes += (await answer.arrayBuffer()).byteLength;
    answers++;
    slowestMs = Math.max(slowestMs, performance.now() - began);
    // What is too much at once is refused, and that is an answer.
    if (!answer.ok && answer.status !== 503) throw new Error(`${page}: ${answer.status}`);
  };
  const busy = await eachSecond(pid, async () => {
    await Promise.all(
      Array.from({ length: READERS }, (_, at) => read(at % 2 === 0 ? "/" : "/status")),
    );
  });
  if (bytes === 0) throw new Error("nobody was answered");
  return [
    figure(`readers-${READERS}-of-${among}-event-loop`, busy - quiet, "ms a second", {
      baseline: quiet,
      goal: { of: "value", atMost: 50 },
    }),
    figure(`readers-${READERS}-of-${among}-answers`, answers / SECONDS, "a second"),
    figure(`readers-${READERS}-of-${among}-slowest`, slowestMs, "ms"),
  ];
}

/** The thread's processor time in a second, over {@link SECONDS} of them. */
async function eachSecond(pid: number, ask: () => Promise<void>): Promise<number> {
  const before = threadMs(pid);
  const began = performance.now();
  for (let second = 1; second <= SECONDS; second++) {
    await ask();
    await pause(Math.max(0, began + second * 1_000 - performance.now()));
  }
  return (threadMs(pid) - before) / ((performance.now() - began) / 1_000);
}
