import { isObject, type JsonObject } from "../../model/json.ts";
import { type Clock, systemClock } from "../process/clock.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { identityOf } from "../cluster/identity.ts";
import { watchLocalFile } from "../folder/local_file.ts";
import type { Log } from "../process/log.ts";
import { DEFAULT_CONFIG_NAMES, isConfigFile } from "../process/options.ts";

/** A configuration as it was found, not read yet. */
export type ConfigInput =
  | {
    readonly kind: "configmap";
    readonly object: JsonObject;
    readonly name: string;
    /** `configmap NS/NAME key config`. */
    readonly source: string;
    readonly version: string;
  }
  | {
    readonly kind: "file";
    readonly text: string;
    /** The file's path. */
    readonly source: string;
    readonly version: string;
  }
  /** There is none, or it cannot be had; one sentence. */
  | { readonly kind: "absent"; readonly reason: string };

export interface ConfigSourceOptions {
  readonly cluster: Cluster;
  readonly namespace: string;
  /** `--config`: a ConfigMap's name or a file; undefined tries MetalLB's two ConfigMap names. */
  readonly config: string | undefined;
  readonly log: Log;
}

export interface ConfigSource {
  /** Reads a local file again now. */
  reload(): void;
  /** Settles when the watch has ended after its signal. */
  readonly done: Promise<void>;
}

/**
 * Watches the configuration that is meant to be in force and hands over each new content of it,
 * and when it goes missing. Equal content is handed over once, whatever its version.
 */
export function watchConfig(
  { cluster, namespace, config, log }: ConfigSourceOptions,
  onInput: (input: ConfigInput) => void,
  signal: AbortSignal,
  clock: Clock = systemClock,
): ConfigSource {
  if (config !== undefined && isConfigFile(config)) {
    return watchLocalFile(
      config,
      (content) =>
        onInput(content.kind === "text" ? { ...content, kind: "file", source: config } : content),
      clock,
      signal,
    );
  }
  const names = config === undefined ? DEFAULT_CONFIG_NAMES : [config];
  return watchConfigMaps(cluster, namespace, names, onInput, log, signal);
}

/** Of several ConfigMaps the first that exists counts. */
function watchConfigMaps(
  cluster: Cluster,
  namespace: string,
  names: readonly string[],
  onInput: (input: ConfigInput) => void,
  log: Log,
  signal: AbortSignal,
): ConfigSource {
  const found = new Map<string, JsonObject>();
  const pending = new Set(names);
  let given: JsonObject | "absent" | undefined;
  let scheduled = false;

  /** A ConfigMap that was deleted and made again comes as two changes at once, and counts as one. */
  function decideSoon(): void {
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(decide);
  }

  function decide(): void {
    scheduled = false;
    if (pending.size > 0 || signal.aborted) return;
    const name = names.find((candidate) => found.has(candidate));
    const object = name === undefined ? undefined : found.get(name);
    if (name === undefined || object === undefined) {
      if (given !== "absent") onInput({ kind: "absent", reason: absence(namespace, names) });
      given = "absent";
      return;
    }
    if (given === object) return;
    given = object;
    const others = names.filter((other) => other !== name && found.has(other));
    if (others.length > 0) {
      log.warn({ reason: `${name} counts, ${others.join(", ")} does not` }, "two ConfigMaps");
    }
    onInput({
      kind: "configmap",
      object,
      name,
      source: `configmap ${namespace}/${name} key config`,
      version: identityOf(object)?.resourceVersion ?? "",
    });
  }

  const watches = names.map((name) =>
    cluster.watch<JsonObject>({
      kind: "ConfigMap",
      namespace,
      name,
      read: (object) => isObject(object) ? object : undefined,
      // A new version of the same content is nothing to act upon.
      equal: (a, b) => contentOf(a) === contentOf(b),
      onChange: (change) => {
        if (change.kind === "apply") found.set(name, change.value);
        else if (change.kind === "delete") found.delete(name);
        else pending.delete(name);
        decideSoon();
      },
    }, signal)
  );
  return {
    reload: () => {},
    done: Promise.all(watches.map(({ done }) => done)).then(() => {}),
  };
}

function contentOf(configMap: JsonObject): string {
  return JSON.stringify([configMap.data, configMap.binaryData]);
}

function absence(namespace: string, names: readonly string[]): string {
  const list = names.map((name) => `${namespace}/${name}`).join(" or ");
  return `there is no ConfigMap ${list}`;
}
