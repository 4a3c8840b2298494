import type { Millis } from "../../base/time.ts";
import { formatIp, type Ip, isLoopback, isUnspecified } from "../../net/ip.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";

/** So long an address that is gone may come back before the membership ends: a renewal takes it away. */
export const GIVE_UP_MS: Millis = 5_000;
/** So long the others are heard again before this node counts as one of them. */
export const HEAR_AGAIN_MS: Millis = 1_000;

/** The address by which the others know this node. */
export interface OwnAddressWatch {
  set(own: ReadonlySet<Ip>): void;
  /** Why this node must not announce; undefined while the address is here. */
  problem(): string | undefined;
  /** Settles when it is gone for good, or this node ends. */
  readonly over: Promise<"address gone" | "end">;
}

interface OwnAddressOptions {
  readonly address: Ip;
  readonly clock: Pick<Clock, "schedule">;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Nobody hears this node any more: it must be silent at once. */
  readonly onGone: () => void;
  /** It is heard again, and hears the others. */
  readonly onHere: () => void;
}

/** Begins with the address there. */
export function watchOwnAddress(options: OwnAddressOptions): OwnAddressWatch {
  const { address, clock, log, onGone, onHere, signal } = options;
  const { promise, resolve } = Promise.withResolvers<"address gone" | "end">();
  const peer = formatIp(address);
  // Loopback is a whole network, and the unspecified address is no host's.
  const isAnywhere = isLoopback(address) || isUnspecified(address);
  let state: "here" | "gone" | "back" = "here";
  let callOff = () => {};
  const end = () => {
    callOff();
    resolve("end");
  };
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { once: true });

  function enter(next: typeof state, ms: Millis, then: () => void): void {
    state = next;
    callOff();
    callOff = clock.schedule(ms, then);
  }

  return {
    over: promise,
    problem() {
      if (state === "here") return undefined;
      return state === "gone"
        ? `the address of the gossip, ${peer}, is no longer this machine's`
        : `the address of the gossip, ${peer}, was gone for a moment: the others are not heard yet`;
    },
    set(own) {
      if (isAnywhere || signal.aborted) return;
      const isHere = own.has(address);
      if (!isHere && state !== "gone") {
        log.warn({ peer }, "the address of the gossip is gone: this node announces nothing");
        enter("gone", GIVE_UP_MS, () => resolve("address gone"));
        onGone();
      } else if (isHere && state === "gone") {
        log.info({ peer }, "the address of the gossip is back");
        enter("back", HEAR_AGAIN_MS, () => {
          state = "here";
          onHere();
        });
      }
    },
  };
}
