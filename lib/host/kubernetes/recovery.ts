import type { Millis } from "../../base/time.ts";
import type { Clock } from "../process/clock.ts";

/** Waits between tries, cut short when a server that was away answers again. */
interface Recovery {
  /** `unreachable`: the try failed because the server was away, not because it refused. */
  wait(delayMs: Millis, unreachable: boolean, signal: AbortSignal): Promise<void>;
}

const PROBE_EVERY_MS = 1_500;
const SHORT_WAIT_MS = 2_000;

/**
 * Many loops wait up to 30 s each for one server, so that it is not run over when it returns; one
 * light probe every two seconds lets all of them know within 5 s that it did.
 */
export function openRecovery(
  probe: () => Promise<boolean>,
  clock: Clock,
  closed: AbortSignal,
): Recovery {
  const waiting = new Set<() => void>();
  let probing = false;
  let away = false;

  async function probeUntilBack(): Promise<void> {
    if (probing) return;
    probing = true;
    while (waiting.size > 0 && !closed.aborted) {
      await clock.sleep(PROBE_EVERY_MS * (1 + clock.random() / 2), closed);
      if (waiting.size === 0 || closed.aborted) break;
      const answers = await probe();
      if (!answers) away = true;
      else if (away) waiting.forEach((wake) => wake());
      // A server that is there and refuses is left alone until the waits end by themselves.
      if (answers) break;
    }
    away = false;
    probing = false;
  }

  return {
    async wait(delayMs, unreachable, signal) {
      if (delayMs <= SHORT_WAIT_MS) return await clock.sleep(delayMs, signal);
      away ||= unreachable;
      const woken = new AbortController();
      const wake = () => woken.abort();
      waiting.add(wake);
      signal.addEventListener("abort", wake);
      if (signal.aborted) wake();
      void probeUntilBack();
      await clock.sleep(delayMs, woken.signal);
      signal.removeEventListener("abort", wake);
      waiting.delete(wake);
    },
  };
}
