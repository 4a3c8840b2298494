import type { Millis } from "../../base/time.ts";

/** The machine's clocks, each from a beginning of its own. */
export interface MachineTime {
  /** Stands while the machine is suspended or paused. */
  readonly monotonicMs: () => Millis;
  /** Goes on while the machine is suspended, in whole seconds. */
  readonly bootMs: () => Millis;
  /** Goes on while the machine is suspended, and is set to the right time after a pause that no other clock knows of, as that of a virtual machine. */
  readonly wallMs: () => Millis;
}

export const machineTime: MachineTime = {
  monotonicMs: () => performance.now(),
  bootMs: () => Deno.osUptime() * 1000,
  wallMs: () => Date.now(),
};

/** A clock of whole seconds says nothing more exact. */
const LEAST_SUSPEND_MS: Millis = 1_500;
/** A wall clock is slewed by less than that between two looks; what is more is set. */
const LEAST_JUMP_MS: Millis = 250;

/**
 * Makes a reader of how long this machine stood since the reader was last asked, as its timers did
 * not notice; 0 where it did not. A wall clock that somebody sets forward looks the same: whoever
 * takes that for a pause errs on the safe side.
 */
export function createPauses(time: MachineTime): () => Millis {
  let suspended = ahead(time.bootMs(), time);
  let wall = ahead(time.wallMs(), time);
  return () => {
    const [nowSuspended, nowWall] = [ahead(time.bootMs(), time), ahead(time.wallMs(), time)];
    const slept = nowSuspended - suspended;
    const jumped = nowWall - wall;
    wall = nowWall;
    if (slept >= LEAST_SUSPEND_MS) suspended = nowSuspended;
    return Math.max(
      slept >= LEAST_SUSPEND_MS ? slept : 0,
      jumped >= LEAST_JUMP_MS ? jumped : 0,
    );
  };
}

/** How far a clock is ahead of the monotonic one. */
function ahead(clockMs: Millis, { monotonicMs }: MachineTime): Millis {
  return clockMs - monotonicMs();
}
