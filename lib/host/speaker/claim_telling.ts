import { after, type Instant, instant, type Millis } from "../../base/time.ts";
import type { Clock } from "../process/clock.ts";
import type { Handover } from "./handover.ts";

/** Fellows that come one after the other are told together. */
const EVERY_MS: Millis = 50;

/**
 * Tells the fellows what this node claims when one of them must learn it. All hear it at once, so
 * that who comes with a hundred others costs no hundred notices.
 */
export interface ClaimTelling {
  /** A fellow must learn it. */
  ask(): void;
  /** Tells it, if it is time to; gives when that will be. */
  tell(): Instant | undefined;
}

export function createClaimTelling(
  { clock, handover }: {
    readonly clock: Clock;
    readonly handover: Pick<Handover, "tellClaims">;
  },
): ClaimTelling {
  let [asked, toldAt] = [false, instant(-Infinity)];
  return {
    ask: () => void (asked = true),
    tell() {
      if (!asked) return undefined;
      const [now, due] = [clock.now(), after(toldAt, EVERY_MS)];
      if (now < due) return due;
      [asked, toldAt] = [false, now];
      handover.tellClaims();
      return undefined;
    },
  };
}
