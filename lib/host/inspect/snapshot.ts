import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import { placeText } from "../../config/report.ts";
import type { Config } from "../../config/types.ts";
import { checkGiven } from "../../controller/reconfigure.ts";
import { conflictText, REFUSED } from "../../model/address_conflict.ts";
import { readEndpointSlice, readNode, readPod } from "../../model/cluster.ts";
import type { NodeFacts, PodFacts, ServiceFacts, SliceFacts } from "../../model/facts.ts";
import { readService } from "../../model/service.ts";
import type { Cluster, Watched } from "../cluster/cluster.ts";
import type { WatchedKind } from "../cluster/kinds.ts";
import { watchConfig } from "../config/source.ts";
import { openFolderCluster } from "../folder/cluster.ts";
import { openKubeCluster } from "../kubernetes/cluster.ts";
import { systemClock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";
import type { SourceOptions } from "../process/options.ts";

/** What the cluster holds at one moment: enough to decide as the roles do. */
export interface Snapshot {
  readonly description: string;
  readonly services: ReadonlyMap<string, ServiceFacts>;
  readonly slices: readonly SliceFacts[];
  readonly nodes: ReadonlyMap<string, NodeFacts>;
  readonly config: Config | undefined;
  /** Why there is no configuration. */
  readonly configReason: string;
  /** Why nodes or slices are empty, where their reader may not list them. */
  readonly unread: readonly string[];
}

/** Of the page of a role whose pod names no port for it. */
export const DEFAULT_PAGE_PORT = 7472;

const GIVE_UP_MS = 15_000;
/** The speakers' pods, as MetalLB's manifests label them. */
const SPEAKER_LABELS = "app=metallb,component=speaker";
/** As its chart does. */
const CHART_LABELS = "app.kubernetes.io/name=metallb,app.kubernetes.io/component=speaker";
const PODS_WITHIN_MS = 5_000;

/** A command's output is something else than a log. */
export const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT };

/** What can be explained in part without them; a controller may list neither. */
const DISPENSABLE: ReadonlySet<WatchedKind> = new Set(["EndpointSlice", "Node"]);

function isFolder(path: string): Promise<boolean> {
  return Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
}

/**
 * Reads the objects once. What says who announces an address may be forbidden, and is told then.
 * @throws Error when they do not come within 15 s, or those that say who gets an address must not be
 * listed
 */
export async function takeSnapshot(options: SourceOptions): Promise<Snapshot> {
  if (options.store !== undefined && !await isFolder(options.store)) {
    throw new Error(`--store=${options.store} is no folder; name the one that holds the manifests`);
  }
  const stop = new AbortController();
  const { log, lastComplaint } = listening();
  const { signal } = stop;
  const host = { clock: systemClock, log };
  const opened = options.store === undefined
    ? await openKubeCluster(options, host, signal)
    : await openFolderCluster(options.store, false, host, signal);
  const watching: Promise<void>[] = [];
  const unread = new Set<string>();
  const refused = Promise.withResolvers<never>();
  const cluster: Cluster = {
    ...opened,
    watch: (watched, stop) =>
      opened.watch({
        ...watched,
        onRefused(message) {
          if (!DISPENSABLE.has(watched.kind)) return refused.reject(new Error(message));
          unread.add(message);
          watched.onRefused?.(message);
        },
      }, stop),
  };
  function all<T>(
    kind: WatchedKind,
    read: (object: unknown) => T | undefined,
  ): Promise<Watched<T>> {
    return new Promise((resolve) => {
      const watched: Watched<T> = cluster.watch<T>({
        kind,
        read,
        onRefused: () => resolve(watched),
        onChange: (change) => change.kind === "synced" && queueMicrotask(() => resolve(watched)),
      }, signal);
      watching.push(watched.done);
    });
  }
  try {
    const parts = Promise.all([
      all("Service", readService),
      all("EndpointSlice", readEndpointSlice),
      all("Node", readNode),
      firstConfig(cluster, options, log, signal, watching),
    ]);
    const [services, slices, nodes, config] = await within(
      Promise.race([parts, refused.promise]),
      GIVE_UP_MS,
      () =>
        `The objects of ${cluster.description} did not come within ${GIVE_UP_MS / 1000} s` +
        lastComplaint(),
    );
    return {
      description: cluster.description,
      services: services.items,
      slices: [...slices.items.values()],
      nodes: new Map([...nodes.items.values()].map((node) => [node.name, node])),
      ...unlessRefused(config, services.items.values(), options.lbClass),
      unread: [...unread],
    };
  } finally {
    stop.abort();
    await Promise.allSettled(watching);
  }
}

/**
 * The speakers' Pods, read once. @throws Error with the reason when they do not come in time, for a
 * user with permission for Services may have none for Pods
 */
export async function takeSpeakerPods(
  options: SourceOptions,
  labelSelector = SPEAKER_LABELS,
): Promise<readonly PodFacts[]> {
  const stop = new AbortController();
  const { log, lastComplaint } = listening();
  let done: Promise<void> | undefined;
  try {
    const cluster = await openKubeCluster(options, { clock: systemClock, log }, stop.signal);
    const pods = new Promise<readonly PodFacts[]>((resolve, reject) => {
      const watched: Watched<PodFacts> = cluster.watch<PodFacts>({
        kind: "Pod",
        namespace: options.namespace,
        labelSelector,
        read: readPod,
        onRefused: (message) => reject(new Error(`the Pods did not come: ${message}`)),
        onChange: ({ kind }) =>
          kind === "synced" && queueMicrotask(() => resolve([...watched.items.values()])),
      }, stop.signal);
      done = watched.done;
    });
    return await within(pods, PODS_WITHIN_MS, () => `the Pods did not come${lastComplaint()}`);
  } finally {
    stop.abort();
    await done;
  }
}

/**
 * The nodes with a speaker, of MetalLB too; undefined, which counts each node, where no Pods of them
 * are found, and with the reason where they must not be read.
 */
export async function takeSpeakerNodes(
  options: SourceOptions,
): Promise<{ readonly speakers: ReadonlySet<string> | undefined; readonly unread: string[] }> {
  if (options.store !== undefined) return { speakers: undefined, unread: [] };
  try {
    for (const labels of [SPEAKER_LABELS, CHART_LABELS]) {
      const pods = await takeSpeakerPods(options, labels);
      const nodes = pods.flatMap(({ nodeName }) => nodeName ?? []);
      if (nodes.length > 0) return { speakers: new Set(nodes), unread: [] };
    }
    return { speakers: undefined, unread: [] };
  } catch (error) {
    return { speakers: undefined, unread: [errorText(error)] };
  }
}

/** A log that says nothing and remembers why reading does not succeed. */
function listening(): { readonly log: Log; readonly lastComplaint: () => string } {
  let complaint = "";
  const log: Log = {
    ...SILENT,
    warn(fields, msg) {
      complaint = `: ${typeof fields.error === "string" ? fields.error : msg}`;
    },
    child: () => log,
  };
  return { log, lastComplaint: () => complaint };
}

async function within<T>(work: Promise<T>, ms: Millis, late: () => string): Promise<T> {
  let timer: number | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(late())), ms);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** What stands there and is good, and why there is none. */
type StandingConfig = Pick<Snapshot, "config" | "configReason">;

/** What stands is not what is in force where a controller that starts with it refuses it. */
export function unlessRefused(
  standing: StandingConfig,
  services: Iterable<ServiceFacts>,
  lbClass: string | undefined,
): StandingConfig {
  if (standing.config === undefined) return standing;
  const conflicts = checkGiven(services, standing.config, lbClass);
  if (conflicts.length === 0) return standing;
  return { config: undefined, configReason: conflictText(conflicts, REFUSED) };
}

function firstConfig(
  cluster: Cluster,
  options: SourceOptions,
  log: Log,
  signal: AbortSignal,
  watching: Promise<void>[],
): Promise<StandingConfig> {
  return new Promise((resolve) => {
    const source = watchConfig({
      cluster,
      log,
      clock: systemClock,
      namespace: options.namespace,
      config: options.config,
    }, (input) => {
      if (input.kind === "absent") {
        return resolve({ config: undefined, configReason: input.reason });
      }
      const { config, problems } = input.read();
      const [first] = problems.filter(({ severity }) => severity === "error");
      const configReason = first === undefined ? "" : `${placeText(first.place)}: ${first.message}`;
      resolve({ config, configReason });
    }, signal);
    watching.push(source.done);
  });
}
