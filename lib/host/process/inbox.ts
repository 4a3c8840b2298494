import type { Instant } from "../../base/time.ts";
import { createAttempts } from "./attempts.ts";
import { type Clock, LONGEST_TIMER_MS } from "./clock.ts";

/** Takes events one by one, and decides once for all of them. */
export interface Desk<Event> {
  readonly take: (event: Event) => void;
  readonly decide: () => void;
}

/** Where the parts of a role post what happens, and its one desk decides. */
export interface Inbox<Event> {
  /** Taken in this turn of the event loop, and decided with all that comes in it. */
  post(event: Event): void;
  /** Takes all that waits and then this, and decides, before it returns. */
  now(event: Event): void;
  /** Decides again at this time; undefined: not by itself. */
  wakeAt(due: Instant | undefined): void;
  /** From here on events are taken; what was posted before waits until then. */
  open(desk: Desk<Event>): void;
}

/** Opens an inbox that is silent once the signal has fired. */
export function openInbox<Event>(clock: Clock, signal: AbortSignal): Inbox<Event> {
  const waiting: Event[] = [];
  let desk: Desk<Event> | undefined;
  let deciding = false;
  let turn: (() => void) | undefined;
  let alarm: { readonly due: Instant; readonly cancel: () => void } | undefined;

  function schedule(): void {
    if (turn !== undefined || desk === undefined || signal.aborted) return;
    turn = clock.schedule(0, settle);
  }

  /** Takes what waits and decides; what the desk posts meanwhile is for the next turn. */
  function settle(): void {
    turn?.();
    turn = undefined;
    if (desk === undefined || signal.aborted) return;
    const { take, decide } = desk;
    const attempts = createAttempts();
    deciding = true;
    // An event that cannot be taken costs neither the others of its turn nor their decision.
    for (const event of waiting.splice(0)) attempts.run(() => take(event));
    attempts.run(decide);
    deciding = false;
    if (waiting.length > 0) schedule();
    attempts.end();
  }

  function wakeAt(due: Instant | undefined): void {
    if (due === alarm?.due) return;
    alarm?.cancel();
    alarm = undefined;
    if (due === undefined || signal.aborted) return;
    const wait = Math.min(LONGEST_TIMER_MS, Math.max(0, Math.ceil(due - clock.now())));
    const cancel = clock.schedule(wait, () => {
      alarm = undefined;
      if (clock.now() < due) wakeAt(due);
      else schedule();
    });
    alarm = { due, cancel };
  }

  signal.addEventListener("abort", () => {
    turn?.();
    alarm?.cancel();
    waiting.length = 0;
  }, { once: true });
  return {
    post(event) {
      if (signal.aborted) return;
      waiting.push(event);
      schedule();
    },
    now(event) {
      if (signal.aborted) return;
      waiting.push(event);
      // Before the desk is open, and from within it, nothing can be decided yet.
      if (deciding) schedule();
      else settle();
    },
    wakeAt,
    open(opened) {
      desk = opened;
      schedule();
    },
  };
}
