// A process under the watchdog, for its test.
// usage: watchdog_child.ts LIMIT_MS STALL_MS
import { startWatchdog } from "../../lib/host/process/watchdog.ts";
import { SILENT_LOG } from "../support/log.ts";
import { pause } from "../support/wait.ts";

const [limitMs = 0, stallMs = 0] = Deno.args.map(Number);
const url = new URL("../../lib/host/process/watchdog_worker.ts", import.meta.url);
using watchdog = startWatchdog({ url, limitMs, log: SILENT_LOG });
const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
const feeding = setInterval(watchdog.feed, 100);
// The Worker takes a moment to start; then it has seen a process that is well.
await pause(2_500);
say("stalls");
const until = performance.now() + stallMs;
while (performance.now() < until);
say("goes on");
clearInterval(feeding);
Deno.exit(0);
