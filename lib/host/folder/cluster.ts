import { join, resolve } from "node:path";
import { errorText } from "../../base/errors.ts";
import type { Instant } from "../../base/time.ts";
import { objectOr, textOf } from "../../model/json.ts";
import { formatIp } from "../../net/ip.ts";
import { withAllocatedFrom } from "../cluster/allocated_from.ts";
import { oncePer } from "../process/backoff.ts";
import { standForLock } from "./lock.ts";
import { type Clock, systemClock } from "../process/clock.ts";
import type {
  Change,
  Cluster,
  StatusWrite,
  Watched,
  WatchOptions,
  WriteOutcome,
} from "../cluster/cluster.ts";
import type { Selection } from "../cluster/kinds.ts";
import type { Log } from "../process/log.ts";
import { STORE_TIMING, type StoreTiming, watchFiles } from "./files.ts";
import { readManifests } from "./manifests.ts";
import { type StoreChanges, type StoredObject, storeObjects } from "./objects.ts";
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
import { createWatchCache } from "../cluster/watch_cache.ts";

/** One consumer of a store's changes. */
interface Subscriber {
  readonly take: (changes: StoreChanges) => void;
}

/**
 * Opens a folder of manifests as a cluster; its files have been read when this settles. `writes`:
 * this process keeps the statuses, so it also removes those of Services that are gone; one that
 * stands for election does so while it leads.
 * @throws Error when the folder cannot be read
 */
export async function openFolderStore(
  folder: string,
  writes: boolean,
  log: Log,
  signal: AbortSignal,
  clock: Clock = systemClock,
  timing: StoreTiming = STORE_TIMING,
): Promise<Cluster> {
  const root = resolve(folder);
  let keeps = writes;
  const objects = storeObjects();
  const subscribers = new Set<Subscriber>();
  const writing = new Set<string>();
  const mayComplain = oncePer(30_000, clock.now);
  let lastHeard: Instant = clock.now();
  let lastMoved: Instant = lastHeard;

  function onFiles(files: ReadonlyMap<string, string | undefined>): void {
    lastHeard = lastMoved = clock.now();
    for (const [path, text] of files) {
      const key = statusKey(root, path);
      if (key === undefined) takeManifests(path, text);
      else takeStatus(key, path, text);
    }
    publish(objects.refresh());
  }

  function takeManifests(path: string, text: string | undefined): void {
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

  function takeStatus(key: string, path: string, text: string | undefined): void {
    const written = text === undefined ? undefined : readStatus(text);
    if (text === undefined || written !== undefined) objects.setStatus(key, written);
    else log.error({ error: `${path} holds no Service` }, "status file left out");
  }

  function publish(changes: StoreChanges): void {
    for (const reason of changes.duplicates) log.warn({ reason }, "object stands in two files");
    if (keeps) {
      for (const { manifest } of changes.removed) {
        if (manifest.kind === "Service") forget(manifest.key);
      }
    }
    for (const subscriber of subscribers) subscriber.take(changes);
  }

  /** A later Service of the same name must not inherit the status. */
  function forget(key: string): void {
    objects.setStatus(key, undefined);
    try {
      removeStatus(statusPath(root, key));
    } catch (error) {
      log.error({ service: key, error: errorText(error) }, "cannot remove the status file");
    }
  }

  /** Removes what a Service left that went while nobody kept the statuses. */
  function sweep(): void {
    if (!keeps || objects.incomplete) return;
    objects.statusKeys().filter((key) => !objects.current.has(`Service/${key}`)).forEach(forget);
  }

  async function writeStatus({ permit, service, ips, pool }: StatusWrite): Promise<WriteOutcome> {
    const { key } = service;
    const present = objects.current.get(`Service/${key}`);
    if (present === undefined || present.uid !== service.uid) return { kind: "gone" };
    if (present.resourceVersion !== service.resourceVersion || writing.has(key)) {
      return { kind: "conflict" };
    }
    const loadBalancer = ips.length === 0
      ? {}
      : { ingress: ips.map((ip) => ({ ip: formatIp(ip) })) };
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
      forget(key);
      return { kind: "gone" };
    }
    // The file comes back as an event and says nothing new then.
    objects.setStatus(key, written);
    publish(objects.refreshStatus(key));
    const { resourceVersion } = objects.current.get(`Service/${key}`) ?? service;
    return { kind: "written", resourceVersion };
  }

  function watch<T>(options: WatchOptions<T>, stop: AbortSignal): Watched<T> {
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
      stored.filter((one) => isSelected(one, options)).map(({ object }) =>
        cache.readObject(object)
      );
    const subscriber: Subscriber = {
      take({ applied, removed }) {
        emit(selected(removed).flatMap((reading) => cache.delete(reading)));
        emit(selected(applied).flatMap((reading) => cache.apply(reading)));
      },
    };
    const done = (async () => {
      // Never from within watch(): the caller has nothing in hand yet.
      await Promise.resolve();
      if (stop.aborted) return;
      emit(cache.replaceAll(selected([...objects.current.values()])));
      synced = true;
      emit([{ kind: "synced" }]);
      subscribers.add(subscriber);
      await new Promise((end) => stop.addEventListener("abort", end, { once: true }));
      subscribers.delete(subscriber);
      if (signal.aborted) await files.done;
    })();
    return {
      get synced() {
        return synced;
      },
      get lastHeardMs() {
        return lastHeard;
      },
      get lastMovedMs() {
        return lastMoved;
      },
      items: cache.items,
      // Who begins to lead has read the statuses anew already.
      refresh: () => Promise.resolve(),
      done,
    };
  }

  const files = await watchFiles(
    root,
    {
      matters: (path) => isManifest(root, path) || statusKey(root, path) !== undefined,
      list: () => [...listManifests(root), ...listStatusFiles(root)],
      onFiles,
      onPoll: () => lastHeard = lastMoved = clock.now(),
      onError: (path, error) => {
        lastMoved = clock.now();
        if (mayComplain()) log.error({ error: `${path}: ${error}` }, "cannot read from the store");
      },
    },
    clock,
    timing,
    signal,
  );
  sweep();
  log.info({ reason: root, objects: objects.current.size }, "using a folder of manifests");
  return {
    description: root,
    watch,
    writeStatus,
    // Speakers beside a folder are given their key by file or flag.
    ensureGossipSecret: () => Promise.resolve(),
    readNote: (name) => readFileIfThere(notePath(root, name)),
    writeNote: (name, text) => replaceFile(notePath(root, name), text),
    stand: (_election, onChange, stop) =>
      standForLock(
        `${root}/status/.controller.lock`,
        `${Deno.hostname()}_${Deno.pid}`,
        (lead) => {
          keeps = lead.kind === "leader";
          sweep();
          onChange(lead);
        },
        // Each status is put into its place whole; an event of it may still be on its way.
        () => files.readNow((path) => statusKey(root, path) !== undefined),
        { clock, log },
        stop,
      ),
    // There is nobody to publish to; whoever runs a store reads its log.
    publishEvent: ({ about, reason, message }) => {
      const object = `${about.kind.toLowerCase()} ${about.namespace}/${about.name}`;
      log.info({ object, reason, message }, "event");
      return Promise.resolve();
    },
  };
}

function isManifest(root: string, path: string): boolean {
  return /^[^/]+\.(ya?ml|json)$/.test(path.slice(root.length + 1)) && path.startsWith(`${root}/`);
}

function listManifests(root: string): string[] {
  return [...Deno.readDirSync(root)].map(({ name }) => join(root, name)).filter((path) =>
    isManifest(root, path)
  );
}

function isSelected({ manifest }: StoredObject, options: Selection): boolean {
  const { metadata } = manifest.object;
  const { namespace, name, labels } = objectOr(metadata);
  return manifest.kind === options.kind &&
    (options.namespace === undefined || namespace === options.namespace) &&
    (options.name === undefined || name === options.name) &&
    (options.labelSelector ?? "").split(",").filter((term) => term !== "").every((term) => {
      const [label = "", value] = term.split(/==?/);
      const held = textOf(objectOr(labels)[label.trim()]);
      return value === undefined ? held !== undefined : held === value.trim();
    });
}
