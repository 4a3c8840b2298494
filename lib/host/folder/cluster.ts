import { resolve } from "node:path";
import { errorText } from "../../base/errors.ts";
import type { Instant } from "../../base/time.ts";
import { objectOr } from "../../model/json.ts";
import { formatIp } from "../../net/ip.ts";
import { withAllocatedFrom } from "../cluster/allocated_from.ts";
import type {
  Candidacy,
  Change,
  Cluster,
  Lead,
  StatusWrite,
  Watched,
  WatchOptions,
  WriteOutcome,
} from "../cluster/cluster.ts";
import { createWatchCache, watchedOf } from "../cluster/watch_cache.ts";
import { oncePer } from "../process/backoff.ts";
import { aborted, type Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";
import {
  type FileHooks,
  STORE_TIMING,
  type StoreFiles,
  type StoreTiming,
  watchFiles,
} from "./files.ts";
import { standForLock } from "./lock.ts";
import { isManifest, listManifests, readManifests } from "./manifests.ts";
import {
  createStoredObjects,
  isSelected,
  type StoreChanges,
  type StoredObject,
  type StoredObjects,
} from "./objects.ts";
import {
  formatStatus,
  listStatusFiles,
  notePath,
  readFileIfThere,
  readStatus,
  removeStatus,
  replaceFile,
  statusKey,
  statusPath,
  type WrittenStatus,
} from "./statuses.ts";

/** A folder of manifests, its objects and their watches. Updated in place. */
interface Store {
  readonly root: string;
  readonly objects: StoredObjects;
  readonly subscribers: Set<(changes: StoreChanges) => void>;
  /** Keys of the Services whose status is being written. */
  readonly writing: Set<string>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** This process keeps the statuses, so it also removes those of Services that are gone. */
  keeps: boolean;
  lastHeardMs: Instant;
  lastMovedMs: Instant;
}

/**
 * Opens a folder of manifests as a cluster; its files have been read when this settles. `keeps`:
 * this process keeps the statuses from now on; a candidate does so while it leads.
 * @throws Error when the folder cannot be read
 */
export async function openFolderCluster(
  folder: string,
  keeps: boolean,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
  timing: StoreTiming = STORE_TIMING,
): Promise<Cluster> {
  const root = resolve(folder);
  const store: Store = {
    root,
    objects: createStoredObjects(),
    subscribers: new Set(),
    writing: new Set(),
    clock,
    log,
    signal,
    keeps,
    lastHeardMs: clock.now(),
    lastMovedMs: clock.now(),
  };
  const files = await watchFiles(root, hooksOf(store), clock, timing, signal);
  sweep(store);
  log.info({ reason: root, objects: store.objects.current.size }, "using a folder of manifests");
  return {
    description: root,
    watch: (options, stop) => watch(store, files, options, stop),
    writeStatus: (write) => writeStatus(store, write),
    // Files do not tell who wrote them.
    statusManager: () => Promise.resolve(undefined),
    // Speakers beside a folder are given their key by file or flag.
    ensureGossipSecret: () => Promise.resolve(),
    readNote: (name) => readFileIfThere(notePath(root, name)),
    writeNote: (name, text) => replaceFile(notePath(root, name), text),
    stand: (_election, { onChange }, stop) => stand(store, files, onChange, stop),
    // There is no API to publish to; the log tells the operator.
    publishEvent: ({ about, reason, message }) => {
      const object = `${about.kind.toLowerCase()} ${about.namespace}/${about.name}`;
      log.info({ object, reason, message }, "event");
      return Promise.resolve();
    },
  };
}

function hooksOf(store: Store): FileHooks {
  const { clock, log, root } = store;
  const mayComplain = oncePer(30_000, clock.now);
  return {
    matters: (path) => isManifest(root, path) || statusKey(root, path) !== undefined,
    isWhole: (path) => statusKey(root, path) !== undefined,
    list: () => [...listManifests(root), ...listStatusFiles(root)],
    onFiles(files) {
      store.lastHeardMs = store.lastMovedMs = clock.now();
      for (const [path, text] of files) {
        const key = statusKey(root, path);
        if (key === undefined) takeManifests(store, path, text);
        else takeStatus(store, key, path, text);
      }
      publish(store, store.objects.refresh());
    },
    onPoll: () => store.lastHeardMs = store.lastMovedMs = clock.now(),
    onError(path, error) {
      store.lastMovedMs = clock.now();
      if (mayComplain()) log.error({ error: `${path}: ${error}` }, "cannot read from the store");
    },
  };
}

function takeManifests({ log, objects }: Store, path: string, text: string | undefined): void {
  const manifests = text === undefined ? undefined : readManifests(text, path);
  for (const problem of manifests?.problems ?? []) {
    log.error(
      { error: problem },
      manifests?.broken
        ? "manifest cannot be read, what it held before stays in force"
        : "object left out",
    );
  }
  objects.setFile(path, manifests);
}

function takeStatus(
  { log, objects }: Store,
  key: string,
  path: string,
  text: string | undefined,
): void {
  const written = text === undefined ? undefined : readStatus(text);
  if (text === undefined || written !== undefined) objects.setStatus(key, written);
  else log.error({ error: `${path} holds no Service` }, "status file left out");
}

function publish(store: Store, changes: StoreChanges): void {
  for (const reason of changes.duplicates) store.log.warn({ reason }, "object stands in two files");
  if (store.keeps) {
    for (const { manifest } of changes.removed) {
      if (manifest.kind === "Service") forget(store, manifest.key);
    }
  }
  for (const take of store.subscribers) take(changes);
}

/** A later Service of the same name must not inherit the status. */
function forget({ log, objects, root }: Store, key: string): void {
  objects.setStatus(key, undefined);
  try {
    removeStatus(statusPath(root, key));
  } catch (error) {
    log.error({ service: key, error: errorText(error) }, "cannot remove the status file");
  }
}

/** Removes the statuses of Services that went while no process kept them. */
function sweep(store: Store): void {
  const { keeps, objects } = store;
  if (!keeps || objects.incomplete) return;
  for (const key of objects.statusKeys()) {
    if (!objects.current.has(`Service/${key}`)) forget(store, key);
  }
}

async function writeStatus(
  store: Store,
  { permit, service, ips, pool }: StatusWrite,
): Promise<WriteOutcome> {
  const { objects, root, writing } = store;
  const { key } = service;
  const present = objects.current.get(`Service/${key}`);
  if (present === undefined || present.uid !== service.uid) return { kind: "gone" };
  if (present.resourceVersion !== service.resourceVersion || writing.has(key)) {
    return { kind: "conflict" };
  }
  const loadBalancer = ips.length === 0 ? {} : { ingress: ips.map((ip) => ({ ip: formatIp(ip) })) };
  const written: WrittenStatus = {
    status: { ...objectOr(present.object.status), loadBalancer },
    annotations: objectOr(withAllocatedFrom({}, pool).annotations),
  };
  writing.add(key);
  try {
    const text = formatStatus(service.namespace, service.name, written);
    if (permit?.mayBegin() === false) return { kind: "not-leader" };
    await replaceFile(statusPath(root, key), text);
  } catch (error) {
    return { kind: "failed", error: `Cannot write the status of ${key}: ${errorText(error)}` };
  } finally {
    writing.delete(key);
  }
  if (objects.current.get(`Service/${key}`)?.uid !== service.uid) {
    forget(store, key);
    return { kind: "gone" };
  }
  // The file comes back as an event and says nothing new then.
  objects.setStatus(key, written);
  publish(store, objects.refreshStatus(key));
  const { resourceVersion } = objects.current.get(`Service/${key}`) ?? service;
  return { kind: "written", resourceVersion };
}

function watch<T>(
  store: Store,
  files: StoreFiles,
  options: WatchOptions<T>,
  stop: AbortSignal,
): Watched<T> {
  const { log, objects, signal, subscribers } = store;
  const cache = createWatchCache<T>(options);
  let synced = false;
  const emit = (changes: readonly Change<T>[]) => {
    try {
      for (const change of changes) options.onChange(change);
    } catch (error) {
      log.error({ error: errorText(error) }, "a bug kept a change from being handled");
    }
  };
  const selected = (stored: readonly StoredObject[]) =>
    stored.filter((one) => isSelected(one, options)).map(({ object }) => cache.readObject(object));
  const take = ({ applied, removed }: StoreChanges) => {
    emit(selected(removed).flatMap((reading) => cache.delete(reading)));
    emit(selected(applied).flatMap((reading) => cache.apply(reading)));
  };
  const done = (async () => {
    // Not synchronously: the caller does not have the returned object yet.
    await Promise.resolve();
    if (stop.aborted) return;
    emit(cache.replaceAll(selected([...objects.current.values()])));
    synced = true;
    emit([{ kind: "synced" }]);
    subscribers.add(take);
    await aborted(stop);
    subscribers.delete(take);
    if (signal.aborted) await files.done;
  })();
  return watchedOf(() => ({ ...store, synced }), {
    items: cache.items,
    // A new leader has read the statuses anew already.
    refresh: () => Promise.resolve(),
    done,
  });
}

function stand(
  store: Store,
  files: StoreFiles,
  onChange: (lead: Lead) => void,
  stop: AbortSignal,
): Candidacy {
  return standForLock(
    `${store.root}/status/.controller.lock`,
    `${Deno.hostname()}_${Deno.pid}`,
    (lead) => {
      store.keeps = lead.kind === "leader";
      sweep(store);
      onChange(lead);
    },
    // Each status is put into its place whole; an event of it may still be on its way.
    () => files.readNow((path) => statusKey(store.root, path) !== undefined),
    store,
    stop,
  );
}
