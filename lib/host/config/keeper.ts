import type { ConfigProblem } from "../../base/errors.ts";
import { placeText, reported } from "../../config/report.ts";
import type { Config } from "../../config/types.ts";
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
  /** Asks again whether a valid configuration is still refused. Cheap when none is. */
  reconsider(): void;
  readonly done: Promise<void>;
}

interface ConfigHooks {
  readonly component: ClusterEvent["component"];
  /** Why a valid configuration must not follow `before`, or undefined when it may. */
  readonly refuse: (config: Config, before: Config | undefined) => string | undefined;
  /** Whether all is known by which to refuse; absent: always. Followed by `reconsider`. */
  readonly ready?: () => boolean;
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
  current: Config | undefined;
  lastText: string | undefined;
  withheld: Withheld | undefined;
  status: ConfigStatus;
}

/** Watches the configuration until the context's signal fires. */
export function keepConfig(context: RoleContext, hooks: ConfigHooks): ConfigKeeper {
  const { cluster, clock, log, metrics, options: { namespace, config }, signal } = context;
  const keeping: Keeping = {
    ...hooks,
    context,
    current: undefined,
    lastText: undefined,
    withheld: undefined,
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
    current: () => keeping.current,
    status: () => keeping.status,
    reload: () => watch.reload(),
    reconsider: () => {
      if (keeping.withheld !== undefined) judge(keeping, keeping.withheld);
    },
    done: watch.done,
  };
}

function take(keeping: Keeping, input: ConfigInput): void {
  const { log } = keeping.context;
  if (input.kind === "absent") {
    // Deleted and made again within a moment, or for good: what runs goes on either way.
    keeping.lastText = undefined;
    keeping.withheld = undefined;
    const { reason, source } = keeping.status;
    if (reason !== input.reason) log.warn({ reason: input.reason }, "no configuration");
    return reject(keeping, source, [], input.reason);
  }
  const { config, problems, text } = input.read();
  if (text === keeping.lastText && text !== undefined) return;
  keeping.lastText = text;
  keeping.withheld = undefined;
  for (const { severity, place, message } of problems) {
    if (severity !== "warning") continue;
    const reason = place.kind === "text" ? `${place.source}:${place.line}` : placeText(place);
    log.warn({ reason, error: message }, "configuration warning");
  }
  if (config === undefined) {
    const errors = problems.filter(({ severity }) => severity === "error");
    reject(keeping, input.source, errors, "the configuration has mistakes");
    return announceRejection(keeping, input, errors);
  }
  judge(keeping, { input, config, refused: false });
}

function judge(keeping: Keeping, candidate: Withheld): void {
  const { input: { source }, config, refused } = candidate;
  if (keeping.ready?.() === false) {
    keeping.withheld = candidate;
    keeping.status = { ...keeping.status, source, reason: "it waits until all Services are known" };
    return;
  }
  const refusal = keeping.refuse(config, keeping.current);
  if (refusal !== undefined) {
    keeping.withheld = { ...candidate, refused: true };
    reject(keeping, source, [], refusal);
    if (!refused) announceRejection(keeping, candidate.input, []);
    return;
  }
  const { log, metrics } = keeping.context;
  keeping.withheld = undefined;
  keeping.current = config;
  keeping.status = { state: "loaded", source, problems: [] };
  metrics.config.loaded.set(1);
  metrics.config.stale.set(0);
  log.info(
    { source, pools: config.pools.length, peers: config.peers.length },
    "configuration in force",
  );
  keeping.onChange(config);
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
  { component, context: { cluster, log, metrics, signal }, current, status }: Keeping,
  { object }: ConfigFound,
  problems: readonly ConfigProblem[],
): void {
  metrics.config.rejected.inc();
  for (const { place, message, hint } of problems) {
    log.error(
      { reason: placeText(place), error: message, hint },
      "configuration mistake",
    );
  }
  const kept = current === undefined ? "nothing is in force" : "the last good one stays in force";
  log.error(
    { reason: status.reason, problems: problems.length },
    `configuration rejected, ${kept}`,
  );
  if (object === undefined) return;
  const first = problems[0];
  const place = first ? ` ${placeText(first.place)}: ${first.message}` : "";
  void cluster.publishEvent({
    about: object,
    type: "Warning",
    reason: EVENT.configRejected,
    message: `${status.reason}, ${kept}.${place}`,
    component,
  }, signal);
}
