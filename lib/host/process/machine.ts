import { after, type Instant, type Millis } from "../../base/time.ts";
import { type Attempts, createAttempts } from "./attempts.ts";
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

/** From a tick that failed to the next try. */
const REST_MS: Millis = 1_000;

/** A machine at work. */
export interface Machine<Event> {
  /**
   * Steps with the event, and with all that its actions feed, before it returns.
   * @throws what a step or an action threw, once all others are done
   */
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
    const attempts = createAttempts();
    drain(attempts);
    stepping = false;
    arm();
    attempts.end();
  }

  /** An action or a step that fails costs neither the other actions nor the other events. */
  function drain(attempts: Attempts): void {
    const performed: Action[] = [];
    for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
      const next = event;
      let actions: readonly Action[] = [];
      attempts.run(() => actions = options.step(next, clock.now()));
      for (const action of actions) {
        if (signal.aborted) break;
        attempts.run(() => options.perform(action));
        if (options.after !== undefined) performed.push(action);
      }
      if (signal.aborted) break;
      if (waiting.length === 0) attempts.run(() => options.after?.(performed.splice(0)));
    }
    waiting.length = 0;
  }

  function arm(notBefore: Instant = clock.now()): void {
    const due = signal.aborted ? undefined : options.nextDeadline();
    if (due === armed?.due) return;
    disarm();
    if (due === undefined) return;
    // Timers count whole milliseconds and round down: a tick before its deadline does nothing.
    const wait = Math.ceil(Math.max(due, notBefore) - clock.now());
    const cancel = clock.schedule(Math.min(LONGEST_TIMER_MS, Math.max(0, wait)), onTimer);
    armed = { due, cancel };
  }

  function disarm(): void {
    armed?.cancel();
    armed = undefined;
  }

  function onTimer(): void {
    const due = armed?.due;
    armed = undefined;
    if (signal.aborted) return;
    const attempts = createAttempts();
    if (options.beforeTick !== undefined) attempts.run(options.beforeTick);
    const ticked = attempts.run(() => feed(options.tick));
    if (!ticked && due === options.nextDeadline()) {
      // A tick that fails before it moves its deadline would come again at once, without end.
      disarm();
      arm(after(clock.now(), REST_MS));
    }
    attempts.end();
  }

  signal.addEventListener("abort", () => armed?.cancel(), { once: true });
  return { feed };
}
