import { errorText } from "../../base/errors.ts";
import type { Log } from "./log.ts";

/**
 * Logs errors that no code caught, and lets the process go on: an address that is announced must not
 * fall silent for a mistake in the handling of one object. Disposing of it takes the handlers away.
 */
export function logUncaught(log: Log): Disposable {
  const tell = (event: Event, error: unknown) => {
    event.preventDefault();
    const stack = error instanceof Error ? error.stack : undefined;
    log.error({ error: errorText(error), stack }, "unexpected error, please report it; going on");
  };
  const onError = (event: ErrorEvent) => tell(event, event.error);
  const onRejection = (event: PromiseRejectionEvent) => tell(event, event.reason);
  globalThis.addEventListener("error", onError);
  globalThis.addEventListener("unhandledrejection", onRejection);
  return {
    [Symbol.dispose]() {
      globalThis.removeEventListener("error", onError);
      globalThis.removeEventListener("unhandledrejection", onRejection);
    },
  };
}
