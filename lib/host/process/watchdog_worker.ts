/// <reference lib="deno.worker" />
import { createWatchdog, endStalled, look, LOOK_EVERY_MS, type WatchdogStart } from "./watchdog.ts";

self.onmessage = ({ data: { fed, limitMs } }: MessageEvent<WatchdogStart>) => {
  const counter = new Int32Array(fed);
  const state = createWatchdog(performance.now());
  setInterval(() => {
    const hungryMs = look(state, Atomics.load(counter, 0), performance.now());
    if (hungryMs >= limitMs) endStalled(hungryMs);
  }, LOOK_EVERY_MS);
};
