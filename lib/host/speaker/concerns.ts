import { earliest, type Instant } from "../../base/time.ts";
import {
  type Concern,
  CONCERNS,
  concernsOf,
  createConcerns,
  nextDeadline,
  step,
  toldOf,
} from "../../speaker/concerns.ts";
import type { Judge } from "../../speaker/judgement.ts";
import { rulesText } from "../../speaker/rules.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";
import type { RunOptions } from "../process/options.ts";
import type { SpeakerEvents } from "./events.ts";
import type { Facts } from "./facts.ts";
import type { Fellows } from "./fellows.ts";
import type { Handover } from "./handover.ts";

/** What is wrong among the speakers, told once for as long as it stands. */
export interface Concerns {
  /** Looks at what this node sees now, and tells the others by what rules it decides; gives when to look again. */
  look(judge: Judge, cutOff?: readonly string[]): Instant | undefined;
  /** What was told and stands, one sentence each. */
  standing(): readonly string[];
}

interface ConcernsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly events: Pick<SpeakerEvents, "disagreement">;
  readonly options: Pick<RunOptions, "compat" | "election" | "ignoreExcludeLabel">;
  readonly facts: Pick<Facts, "readyPods">;
  readonly fellows: Pick<Fellows, "beside" | "describeSelf" | "roster" | "unreached">;
  readonly handover: Pick<Handover, "nextUnclaimed" | "unclaimed">;
}

/** Begins without any. */
export function createSpeakerConcerns(parts: ConcernsOptions): Concerns {
  const { clock, events, fellows, handover, log, metrics, options } = parts;
  const state = createConcerns();
  const gauge = metrics.speaker.concerns;
  let seen: readonly Concern[] = [];
  for (const kind of CONCERNS) gauge.set({ kind }, 0);
  return {
    look(judge, cutOff) {
      const rules = rulesText({ ...options, judge });
      fellows.describeSelf({ cutOff, rules });
      seen = concernsOf({
        unreached: fellows.unreached(parts.facts.readyPods()),
        rules,
        fellowRules: fellows.roster().rules,
        unclaimed: handover.unclaimed(),
        beside: fellows.beside(),
        compat: options.compat,
      });
      const { over, remind, tell } = step(state, seen, clock.now());
      for (const { kind, message } of tell) {
        log.warn({ kind }, message);
        events.disagreement(message);
        gauge.set({ kind }, 1);
      }
      // What people read of a node must be there as long as it stands, and as it is now.
      for (const { message } of remind) events.disagreement(message);
      for (const kind of over) {
        log.info({ kind }, "what was wrong among the speakers is well again");
        gauge.set({ kind }, 0);
      }
      return earliest(nextDeadline(state), handover.nextUnclaimed());
    },
    standing: () => toldOf(state, seen).map(({ message }) => message),
  };
}
