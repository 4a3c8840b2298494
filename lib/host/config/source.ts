import type { FoundConfig } from "../../config/config_map.ts";
import { configFromConfigMap, configFromFile } from "../../config/manifest.ts";
import { isObject, type JsonObject } from "../../model/json.ts";
import { identityOf } from "../cluster/identity.ts";
import type { Cluster, ClusterEvent } from "../cluster/cluster.ts";
import { watchLocalFile } from "../folder/local_file.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";
import { configMapNames } from "../process/options.ts";

/** A configuration as it was found, not read yet. */
export interface ConfigFound {
  readonly kind: "found";
  /** For people: `configmap NS/NAME key config`, or the file's path. */
  readonly source: string;
  /** The object that holds it; undefined when a file does. */
  readonly object: ClusterEvent["about"] | undefined;
  read(): FoundConfig;
}

export type ConfigInput =
  | ConfigFound
  /** There is none, or it cannot be had; one sentence. */
  | { readonly kind: "absent"; readonly reason: string };

interface ConfigSourceOptions {
  readonly cluster: Cluster;
  readonly namespace: string;
  /** `--config`: a ConfigMap's name or a file; undefined tries MetalLB's names for it. */
  readonly config: string | undefined;
  readonly log: Log;
  readonly clock: Clock;
}

interface ConfigSource {
  /** Reads a local file again now. */
  reload(): void;
  /** Reads everything anew; settles when what was there at the time of the call was handed over. */
  refresh(): Promise<void>;
  /** Settles when the watch has ended after its signal. */
  readonly done: Promise<void>;
}

/**
 * Watches the configuration that is meant to be in force and hands over each new content of it,
 * and when it goes missing. Equal content of one object is handed over once, whatever its version.
 */
export function watchConfig(
  options: ConfigSourceOptions,
  onInput: (input: ConfigInput) => void,
  signal: AbortSignal,
): ConfigSource {
  const { config, clock } = options;
  const names = configMapNames(config);
  if (config !== undefined && names === undefined) {
    const file = watchLocalFile(
      config,
      (content) => onInput(content.kind === "text" ? fileInput(content.text, config) : content),
      clock,
      signal,
    );
    return { reload: () => void file.reload(), refresh: file.reload, done: file.done };
  }
  return watchConfigMaps(options, names ?? [], onInput, signal);
}

function fileInput(text: string, path: string): ConfigFound {
  return {
    kind: "found",
    source: path,
    object: undefined,
    read: () => configFromFile(text, path),
  };
}

function configMapInput(object: JsonObject, namespace: string, name: string): ConfigFound {
  const source = `configmap ${namespace}/${name} key config`;
  return {
    kind: "found",
    source,
    object: { kind: "ConfigMap", namespace, name, uid: uidOf(object) },
    read: () => configFromConfigMap(object, source),
  };
}

/** Of several ConfigMaps the first that exists counts. */
function watchConfigMaps(
  { cluster, namespace, log }: ConfigSourceOptions,
  names: readonly string[],
  onInput: (input: ConfigInput) => void,
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
    onInput(configMapInput(object, namespace, name));
  }

  const watches = names.map((name) =>
    cluster.watch<JsonObject>({
      kind: "ConfigMap",
      namespace,
      name,
      read: (object) => isObject(object) ? object : undefined,
      // A new version of the same content is nothing to act upon; another object may be.
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
    refresh: async () => void await Promise.all(watches.map((watch) => watch.refresh())),
    done: Promise.all(watches.map(({ done }) => done)).then(() => {}),
  };
}

function contentOf(configMap: JsonObject): string {
  return JSON.stringify([uidOf(configMap), configMap.data, configMap.binaryData]);
}

function uidOf(configMap: JsonObject): string {
  return identityOf(configMap)?.uid ?? "";
}

function absence(namespace: string, names: readonly string[]): string {
  const list = names.map((name) => `${namespace}/${name}`).join(" or ");
  return `there is no ConfigMap ${list}`;
}
