/// <reference lib="deno.worker" />
import process from "node:process";
import { createWatchdog, look, LOOK_EVERY_MS, type WatchdogStart } from "./watchdog.ts";

self.onmessage = ({ data: { fed, limitMs } }: MessageEvent<WatchdogStart>) => {
  const counter = new Int32Array(fed);
  const state = createWatchdog(performance.now());
  setInterval(() => {
    const hungryMs = look(state, Atomics.load(counter, 0), performance.now());
    if (hungryMs >= limitMs) end(hungryMs);
  }, LOOK_EVERY_MS);
};

/** The main thread cannot end the process any more, and `Deno.exit` in a Worker ends only that. */
function end(hungryMs: number): void {
  const line = {
    level: "error",
    time: new Date().toISOString(),
    component: "watchdog",
    ms: Math.round(hungryMs),
    msg: "the event loop stands still, ending the process; please report it",
  };
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
  } finally {
    process.abort();
  }
}
