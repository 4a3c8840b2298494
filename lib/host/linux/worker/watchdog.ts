import type { Millis } from "../../../base/time.ts";
import {
  createWatchdog,
  endStalled,
  look,
  LOOK_EVERY_MS,
  type WatchdogStart,
} from "../../process/watchdog.ts";
import type { ThreadPart } from "./wait.ts";

/** A watchdog among a thread's parts: it needs no Worker of its own where there is one anyway. */
export function createWatchdogPart(
  now: () => Millis,
  end: (hungryMs: Millis) => void = endStalled,
): ThreadPart<WatchdogStart, never> {
  let watched: { readonly fed: Int32Array; readonly limitMs: Millis } | undefined;
  let state = createWatchdog(now());
  return {
    carryOut({ fed, limitMs }) {
      watched = { fed: new Int32Array(fed), limitMs };
      state = createWatchdog(now());
      return undefined;
    },
    descriptors: () => [],
    waitMs: () => LOOK_EVERY_MS,
    turn() {
      // The thread's other parts wake it much more often.
      if (watched === undefined || now() - state.lookedAtMs < LOOK_EVERY_MS) return;
      const hungryMs = look(state, Atomics.load(watched.fed, 0), now());
      if (hungryMs >= watched.limitMs) end(hungryMs);
    },
    [Symbol.dispose]: () => undefined,
  };
}
