import type { Instant } from "../../base/time.ts";
import { type Clock, LONGEST_TIMER_MS } from "./clock.ts";

/** A pure step machine, and what carries out its actions. */
interface MachineOptions<Event, Action> {
  /** One step of the machine; it may change its state in place or replace it. */
  readonly step: (event: Event, now: Instant) => readonly Action[];
  /** When the machine wants to be woken; undefined: not by itself. */
  readonly nextDeadline: () => Instant | undefined;
  /** Carries out one action. It may feed: such an event is stepped after this step's actions. */
  readonly perform: (action: Action) => void;
  /** The event of a deadline that has passed. */
  readonly tick: Event;
  /** Runs before a tick: what came while the thread was busy counts before the time that passed. */
  readonly beforeTick?: () => void;
  /** Runs when no event waits any more, with all actions since it last ran. */
  readonly after?: (actions: readonly Action[]) => void;
  readonly clock: Clock;
  /** From then on nothing is stepped or performed. */
  readonly signal: AbortSignal;
}

/** A machine at work. */
export interface Machine<Event> {
  /** Steps with the event, and with all that its actions feed, before it returns. */
  feed(event: Event): void;
}

/**
 * Runs a pure step machine: one queue, so that a step is never entered twice; one timer for its
 * next deadline, never early; silence once the signal has fired.
 */
export function runMachine<Event, Action>(options: MachineOptions<Event, Action>): Machine<Event> {
  const { clock, signal } = options;
  const waiting: Event[] = [];
  let stepping = false;
  let armed: { readonly due: Instant; readonly cancel: () => void } | undefined;

  function feed(event: Event): void {
    if (signal.aborted) return;
    waiting.push(event);
    if (stepping) return;
    stepping = true;
    try {
      drain();
    } finally {
      // What a failed step left behind must not be taken for news later.
      waiting.length = 0;
      stepping = false;
      arm();
    }
  }

  function drain(): void {
    const performed: Action[] = [];
    for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
      for (const action of options.step(event, clock.now())) {
        if (signal.aborted) return;
        options.perform(action);
        if (options.after !== undefined) performed.push(action);
      }
      if (signal.aborted) return;
      if (waiting.length === 0) options.after?.(performed.splice(0));
    }
  }

  function arm(): void {
    const due = signal.aborted ? undefined : options.nextDeadline();
    if (due === armed?.due) return;
    armed?.cancel();
    armed = undefined;
    if (due === undefined) return;
    // Timers count whole milliseconds and round down: a tick before its deadline does nothing.
    const wait = Math.min(LONGEST_TIMER_MS, Math.max(0, Math.ceil(due - clock.now())));
    armed = { due, cancel: clock.schedule(wait, onTimer) };
  }

  function onTimer(): void {
    armed = undefined;
    if (signal.aborted) return;
    options.beforeTick?.();
    feed(options.tick);
  }

  signal.addEventListener("abort", () => armed?.cancel(), { once: true });
  return { feed };
}
