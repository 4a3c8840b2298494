import { counted } from "../../base/counted.ts";
import type { ConfigProblem } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import { MAX_TOLD } from "../../config/fields.ts";
import { openTree } from "../../config/print.ts";
import { placeText, problemsInLine, reported } from "../../config/report.ts";
import type { Config } from "../../config/types.ts";
import { STAYS } from "../../model/address_conflict.ts";
import { EVENT } from "../../model/names.ts";
import type { ConfigStatus } from "../../status/types.ts";
import type { ClusterEvent } from "../cluster/cluster.ts";
import type { RoleContext } from "../process/role.ts";
import { type ConfigFound, type ConfigInput, watchConfig } from "./source.ts";

/** Keeps the last good configuration in force, and says what is wrong with a newer one. */
export interface ConfigKeeper {
  /** Undefined until the first valid one came. */
  current(): Config | undefined;
  status(): ConfigStatus;
  /** Reads a local file again now (SIGHUP). */
  reload(): void;
  /**
   * Reads the configuration anew and judges the one in force again, by what is known now: who begins
   * to lead must not take what it had merely not heard of when it accepted it.
   */
  refresh(): Promise<void>;
  /** Asks again whether a valid configuration is still refused. Cheap when none is. */
  reconsider(): void;
  /** Judges a configuration that waits for something, where that has come. Cheap when none waits. */
  resume(): void;
  /** Tells the cluster of a rejection that stands and was not told from here: it is its task now. */
  tellStanding(): void;
  readonly done: Promise<void>;
}

interface ConfigHooks {
  /**
   * Publishes an event; false where that is another process's to do. Absent: it is never this one's,
   * for of one configuration one process tells.
   */
  readonly tell?: (event: ClusterEvent) => boolean;
  /** Why a valid configuration must not follow `before`, or undefined when it may. */
  readonly refuse: (config: Config, before: Config | undefined) => string | undefined;
  /**
   * What is not known yet that this configuration needs, or by which it is refused; a sentence.
   * Undefined, or absent: nothing. Followed by `resume`.
   */
  readonly waitsFor?: (config: Config) => string | undefined;
  readonly onChange: (config: Config) => void;
}

/** A valid configuration that is not in force. */
interface Withheld {
  readonly input: ConfigFound;
  readonly config: Config;
  /** Told already. */
  readonly refused: boolean;
}

interface Keeping extends ConfigHooks {
  readonly context: RoleContext;
  current: Withheld | undefined;
  /** The one that was in force before. */
  previous: Withheld | undefined;
  lastText: string | undefined;
  /** Of the object that had it. */
  lastUid: string | undefined;
  withheld: Withheld | undefined;
  /** The rejection that stands, and whether the cluster was told of it from here. */
  standing: { readonly event: ClusterEvent; readonly told: boolean } | undefined;
  status: ConfigStatus;
}

/** An API server forgets an event after an hour, unless it is configured otherwise. */
const REMIND_AFTER_MS: Millis = 30 * 60_000;
/** Of the 1,024 characters of an event. */
const ROOM_FOR_MISTAKES = 860;

/** Watches the configuration until the context's signal fires. */
export function keepConfig(context: RoleContext, hooks: ConfigHooks): ConfigKeeper {
  const { cluster, clock, log, metrics, options: { namespace, config }, signal } = context;
  const keeping: Keeping = {
    ...hooks,
    context,
    current: undefined,
    previous: undefined,
    lastText: undefined,
    lastUid: undefined,
    withheld: undefined,
    standing: undefined,
    status: {
      state: "none",
      source: config ?? "",
      problems: [],
      reason: "no configuration was found yet",
    },
  };
  metrics.config.loaded.set(0);
  metrics.config.stale.set(0);
  const watch = watchConfig(
    { cluster, clock, log, namespace, config },
    (input) => take(keeping, input),
    signal,
  );
  return {
    current: () => keeping.current?.config,
    status: () => statusOf(keeping),
    reload: () => watch.reload(),
    async refresh() {
      await watch.refresh();
      judgeAgain(keeping);
    },
    reconsider: () => {
      if (keeping.withheld !== undefined) judge(keeping, keeping.withheld);
    },
    resume: () => {
      const { withheld } = keeping;
      if (withheld?.refused !== false || keeping.waitsFor?.(withheld.config) !== undefined) return;
      judge(keeping, withheld);
    },
    tellStanding: () => tellStanding(keeping),
    done: Promise.all([watch.done, remind(keeping)]).then(() => {}),
  };
}

function statusOf({ current, status }: Keeping): ConfigStatus {
  // What stands is not what counts: who asks must see both.
  return status.state === "stale" && current !== undefined
    ? { ...status, inForce: openTree(current.config) }
    : status;
}

function take(keeping: Keeping, input: ConfigInput): void {
  const { log } = keeping.context;
  if (input.kind === "absent") {
    // Deleted and made again within a moment, or for good: what runs goes on either way.
    keeping.lastText = undefined;
    keeping.withheld = undefined;
    keeping.standing = undefined;
    const { reason, source } = keeping.status;
    if (reason !== input.reason) log.warn({ reason: input.reason }, "no configuration");
    return reject(keeping, source, [], input.reason);
  }
  const { config, problems, text } = input.read();
  const uid = input.object?.uid;
  if (text === keeping.lastText && text !== undefined && uid === keeping.lastUid) return;
  keeping.lastText = text;
  keeping.lastUid = uid;
  keeping.withheld = undefined;
  keeping.standing = undefined;
  for (const { severity, place, message } of problems) {
    if (severity !== "warning") continue;
    const reason = place.kind === "text" ? `${place.source}:${place.line}` : placeText(place);
    log.warn({ reason, error: message }, "configuration warning");
  }
  if (config === undefined) {
    const errors = problems.filter(({ severity }) => severity === "error");
    const now = keeping.current === undefined ? "nothing is in force" : STAYS;
    reject(keeping, input.source, errors, `the configuration has ${howMany(problems)}; ${now}`);
    return announceRejection(keeping, input, errors);
  }
  judge(keeping, { input, config, refused: false });
}

function howMany(problems: readonly ConfigProblem[]): string {
  const cut = counted(MAX_TOLD, "problem");
  if (problems.length > MAX_TOLD) return `more than ${cut}, the first of them in the log`;
  const errors = problems.filter(({ severity }) => severity === "error").length;
  return counted(errors, "mistake") + (errors > 1 ? ", all in the log" : "");
}

function judge(keeping: Keeping, candidate: Withheld): void {
  const { input: { source }, config, refused } = candidate;
  const { current } = keeping;
  const lacks = keeping.waitsFor?.(config);
  if (lacks !== undefined) {
    keeping.withheld = candidate;
    const reason = current === undefined ? lacks : `${lacks}; ${STAYS}`;
    keeping.status = {
      state: current === undefined ? "none" : "stale",
      source,
      problems: [],
      reason,
    };
    if (current !== undefined) keeping.context.metrics.config.stale.set(1);
    return;
  }
  const refusal = keeping.refuse(config, current?.config);
  if (refusal !== undefined) {
    keeping.withheld = { ...candidate, refused: true };
    reject(keeping, source, [], refusal);
    if (!refused) announceRejection(keeping, candidate.input, []);
    return;
  }
  const { log, metrics } = keeping.context;
  keeping.withheld = undefined;
  keeping.standing = undefined;
  keeping.previous = current;
  keeping.current = candidate;
  keeping.status = { state: "loaded", source, problems: [] };
  metrics.config.loaded.set(1);
  metrics.config.stale.set(0);
  log.info(
    { source, pools: config.pools.length, peers: config.peers.length },
    "configuration in force",
  );
  keeping.onChange(config);
}

/** What is in force may take what was given since by another, whose configuration was not heard of. */
function judgeAgain(keeping: Keeping): void {
  const { context: { metrics }, current, previous, refuse } = keeping;
  const taking = current && refuse(current.config, undefined);
  if (current === undefined || taking === undefined) return;
  const mayReturn = previous !== undefined && refuse(previous.config, undefined) === undefined;
  const refusal = (mayReturn && refuse(current.config, previous.config)) || taking;
  keeping.current = mayReturn ? previous : undefined;
  keeping.previous = undefined;
  // A newer one that waits, or is refused, is what the person is told of.
  keeping.withheld ??= { ...current, refused: true };
  reject(keeping, current.input.source, [], refusal);
  if (keeping.current === undefined) metrics.config.loaded.set(0);
  else keeping.onChange(keeping.current.config);
  if (keeping.standing === undefined) announceRejection(keeping, current.input, []);
}

function reject(
  keeping: Keeping,
  source: string,
  problems: readonly ConfigProblem[],
  reason: string,
): void {
  const state = keeping.current === undefined ? "none" : "stale";
  keeping.status = { state, source, problems: problems.map(reported), reason };
  keeping.context.metrics.config.stale.set(1);
}

function announceRejection(
  keeping: Keeping,
  { object }: ConfigFound,
  problems: readonly ConfigProblem[],
): void {
  const { context: { log, metrics }, status: { reason = "" } } = keeping;
  metrics.config.rejected.inc();
  for (const { place, message, hint } of problems) {
    log.error(
      { reason: placeText(place), error: message, hint },
      "configuration mistake",
    );
  }
  log.error({ reason, problems: problems.length }, "configuration rejected");
  if (object === undefined) return;
  const mistakes = problems.length === 0 ? "" : `: ${problemsInLine(problems, ROOM_FOR_MISTAKES)}`;
  const event: ClusterEvent = {
    about: object,
    standing: true,
    type: "Warning",
    reason: EVENT.configRejected,
    message: reason + mistakes,
    component: "metallb-controller",
  };
  keeping.standing = { event, told: false };
  tellStanding(keeping);
}

function tellStanding(keeping: Keeping): void {
  const { standing, tell } = keeping;
  if (tell === undefined || standing === undefined || standing.told) return;
  keeping.standing = { ...standing, told: tell(standing.event) };
}

/** Tells again what stands, for who looks hours later. */
async function remind(keeping: Keeping): Promise<void> {
  const { context: { clock, signal }, tell } = keeping;
  while (tell !== undefined && !signal.aborted) {
    await clock.sleep(REMIND_AFTER_MS, signal);
    if (!signal.aborted && keeping.standing !== undefined) tell(keeping.standing.event);
  }
}
