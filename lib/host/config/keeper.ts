import type { ConfigProblem } from "../../base/errors.ts";
import { configFromConfigMap } from "../../config/manifest.ts";
import type { Config } from "../../config/types.ts";
import { configFromFile } from "../../config/manifest.ts";
import { EVENT } from "../../model/names.ts";
import type { ClusterEvent } from "../cluster/cluster.ts";
import { type ConfigInput, watchConfig } from "./source.ts";
import type { RoleContext } from "../process/role.ts";
import type { ConfigStatus } from "../../status/types.ts";

/** Keeps the last good configuration in force, and says what is wrong with a newer one. */
export interface ConfigKeeper {
  /** Undefined until the first valid one came. */
  current(): Config | undefined;
  status(): ConfigStatus;
  /** Reads a local file again now (SIGHUP). */
  reload(): void;
  /** What stood against a valid configuration may be gone: asks again. Cheap when nothing did. */
  reconsider(): void;
  readonly done: Promise<void>;
}

export interface ConfigHooks {
  readonly component: ClusterEvent["component"];
  /** Why a valid configuration must not come into force, or undefined when it may. */
  readonly refuse: (config: Config) => string | undefined;
  /** Whether all is known by which to refuse; absent: always. Followed by `reconsider`. */
  readonly ready?: () => boolean;
  readonly onChange: (config: Config) => void;
}

/** A valid configuration that is not in force. */
interface Withheld {
  readonly input: ConfigInput & { readonly source: string };
  readonly config: Config;
  /** Told already. */
  readonly refused: boolean;
}

/** Watches the configuration until the context's signal fires. */
export function keepConfig(context: RoleContext, hooks: ConfigHooks): ConfigKeeper {
  const { log, metrics, options } = context;
  let current: Config | undefined;
  let lastText: string | undefined;
  let withheld: Withheld | undefined;
  let status: ConfigStatus = {
    state: "none",
    source: options.config ?? "",
    problems: [],
    reason: "no configuration was found yet",
  };

  function reject(source: string, problems: readonly ConfigProblem[], reason: string): void {
    status = { state: current === undefined ? "none" : "stale", source, problems, reason };
    metrics.config.stale.set(1);
  }

  function announceRejection(input: ConfigInput, problems: readonly ConfigProblem[]): void {
    metrics.config.rejected.inc();
    for (const { source, line, column, message, hint } of problems) {
      log.error(
        { reason: `${source}:${line}:${column}`, error: message, hint },
        "configuration mistake",
      );
    }
    const kept = current === undefined ? "nothing is in force" : "the last good one stays in force";
    log.error(
      { reason: status.reason, problems: problems.length },
      `configuration rejected, ${kept}`,
    );
    if (input.kind !== "configmap") return;
    const first = problems[0];
    const place = first ? ` ${first.source}:${first.line}:${first.column}: ${first.message}` : "";
    void context.cluster.publishEvent({
      about: { kind: "ConfigMap", namespace: options.namespace, name: input.name },
      type: "Warning",
      reason: EVENT.configRejected,
      message: `${status.reason}, ${kept}.${place}`,
      component: hooks.component,
    }, context.signal);
  }

  function take(input: ConfigInput): void {
    if (input.kind === "absent") {
      // Deleted and made again within a moment, or for good: what runs goes on either way.
      lastText = undefined;
      withheld = undefined;
      if (status.reason !== input.reason) log.warn({ reason: input.reason }, "no configuration");
      return reject(status.source, [], input.reason);
    }
    const { config, problems, text } = input.kind === "configmap"
      ? configFromConfigMap(input.object, input.source)
      : configFromFile(input.text, input.source);
    if (text === lastText && text !== undefined) return;
    lastText = text;
    withheld = undefined;
    for (const problem of problems.filter(({ severity }) => severity === "warning")) {
      log.warn(
        { reason: `${problem.source}:${problem.line}`, error: problem.message },
        "configuration warning",
      );
    }
    if (config === undefined) {
      const errors = problems.filter(({ severity }) => severity === "error");
      reject(input.source, errors, "the configuration has mistakes");
      return announceRejection(input, errors);
    }
    judge({ input, config, refused: false });
  }

  function judge(candidate: Withheld): void {
    const { input: { source }, config, refused } = candidate;
    if (hooks.ready?.() === false) {
      withheld = candidate;
      status = { ...status, source, reason: "it waits until all Services are known" };
      return;
    }
    const refusal = hooks.refuse(config);
    if (refusal !== undefined) {
      withheld = { ...candidate, refused: true };
      reject(source, [], refusal);
      if (!refused) announceRejection(candidate.input, []);
      return;
    }
    withheld = undefined;
    current = config;
    status = { state: "loaded", source, problems: [] };
    metrics.config.loaded.set(1);
    metrics.config.stale.set(0);
    log.info(
      { source, pools: config.pools.length, peers: config.peers.length },
      "configuration in force",
    );
    hooks.onChange(config);
  }

  metrics.config.loaded.set(0);
  metrics.config.stale.set(0);
  const watch = watchConfig(
    {
      cluster: context.cluster,
      log,
      namespace: options.namespace,
      config: options.config,
    },
    take,
    context.signal,
  );
  return {
    current: () => current,
    status: () => status,
    reload: () => watch.reload(),
    reconsider: () => {
      if (withheld !== undefined) judge(withheld);
    },
    done: watch.done,
  };
}
