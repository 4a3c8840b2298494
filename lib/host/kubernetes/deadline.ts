import type { Millis } from "../../base/time.ts";

/** One signal for a request: it fires when its time is up or when either given signal fires. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Whether it was the time. */
  expired(): boolean;
  /** From now on only the request's own signal counts, as long as it lives. */
  handOver(): void;
  clear(): void;
}

/** Starts a limit of `ms` on a request that ends with its own signal or its owner's. */
export function startDeadline(ms: Millis, own: AbortSignal, owner: AbortSignal): Deadline {
  const controller = new AbortController();
  let expired = false;
  let handedOver = false;
  const stop = () => controller.abort();
  const timer = setTimeout(() => {
    expired = true;
    stop();
  }, ms);
  own.addEventListener("abort", stop);
  owner.addEventListener("abort", stop);
  if (own.aborted || owner.aborted) stop();
  return {
    signal: controller.signal,
    expired: () => expired,
    handOver: () => {
      handedOver = true;
    },
    clear() {
      clearTimeout(timer);
      owner.removeEventListener("abort", stop);
      if (!handedOver) own.removeEventListener("abort", stop);
    },
  };
}
