import type { Attempts } from "../process/attempts.ts";
import type { FellowEvent } from "./fellows.ts";
import type { Handover } from "./handover.ts";

/** A fellow's notice, and how to acknowledge it. */
export type NoticeEvent = FellowEvent & { readonly kind: "notice" };

/** Carries out what waits, and only then acknowledges it; one that fails costs no other. */
export function carryOut(
  { handover, notices }: {
    readonly handover: Pick<Handover, "onNotice">;
    readonly notices: NoticeEvent[];
  },
  attempts: Attempts,
): void {
  for (const { from, notice, acknowledge } of notices.splice(0)) {
    attempts.run(() => {
      handover.onNotice(from, notice);
      acknowledge();
    });
  }
}
