import type { Cluster, Watched, WatchOptions } from "../../lib/host/cluster/cluster.ts";
import { createWatchCache, watchedOf } from "../../lib/host/cluster/watch_cache.ts";
import { aborted } from "../../lib/host/process/clock.ts";
import { BARE_CLUSTER } from "./bare_cluster.ts";

/** A cluster whose objects the test lists. */
interface FedCluster {
  readonly cluster: Cluster;
  /** All objects of a watch that there are from now on. */
  list(watch: string, ...objects: unknown[]): void;
  /** The watches: `KIND`, `KIND/NAMESPACE` or `KIND/NAMESPACE/NAME`. */
  watches(): string[];
}

/** Begins without objects, and with nothing known to be complete. */
export function fedCluster(part: Partial<Cluster> = {}): FedCluster {
  const feeds = new Map<string, (objects: readonly unknown[]) => void>();

  function watch<T>(options: WatchOptions<T>, signal: AbortSignal): Watched<T> {
    const { kind, namespace, name, onChange } = options;
    const cache = createWatchCache<T>(options);
    let synced = false;
    const key = [kind, namespace, name].filter((one) => one !== undefined).join("/");
    feeds.set(key, (objects) => {
      const changes = cache.replaceAll(objects.map(cache.readObject));
      synced = true;
      changes.forEach(onChange);
      onChange({ kind: "synced" });
    });
    return watchedOf(() => ({ synced, lastHeardMs: 0, lastMovedMs: 0 }), {
      items: cache.items,
      refresh: () => Promise.resolve(),
      done: aborted(signal),
    });
  }

  return {
    cluster: { ...BARE_CLUSTER, watch, ...part },
    list: (key, ...objects) => feeds.get(key)?.(objects),
    watches: () => [...feeds.keys()],
  };
}
