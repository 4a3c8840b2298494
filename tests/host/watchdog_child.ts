// A process under the watchdog, for its test: one with a Worker of its own, or one that is a part of
// a speaker's. usage: watchdog_child.ts LIMIT_MS STALL_MS [speaker]
import type { WatchdogStart } from "../../lib/host/process/watchdog.ts";
import { createFeed, startWatchdog, watchdogStart } from "../../lib/host/process/watchdog.ts";
import { SILENT_LOG } from "../support/log.ts";
import { timekeeper } from "../support/timekeeper.ts";
import { pause } from "../support/wait.ts";

const [limitMs = 0, stallMs = 0] = Deno.args.map(Number);
const feed = createFeed();
const start = watchdogStart(feed, limitMs);
if (Deno.args[2] === "speaker") {
  const link = await timekeeper().link<WatchdogStart, never, never>({
    name: "herald-watchdog",
    onNews: () => undefined,
  });
  link.tell(start);
} else {
  const url = new URL("../../lib/host/process/watchdog_worker.ts", import.meta.url);
  startWatchdog(url, start, SILENT_LOG);
}
const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
const feeding = setInterval(feed.feed, 100);
// The Worker takes a moment to start; then it has seen a process that is well.
await pause(2_500);
say("stalls");
const until = performance.now() + stallMs;
while (performance.now() < until);
say("goes on");
clearInterval(feeding);
Deno.exit(0);
