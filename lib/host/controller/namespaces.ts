import type { Config } from "../../config/types.ts";
import { needsNamespaces } from "../../controller/selection.ts";
import { readNamespace } from "../../model/cluster.ts";
import type { NamespaceFacts } from "../../model/facts.ts";
import type { Cluster, Watched } from "../cluster/cluster.ts";
import { aborted } from "../process/clock.ts";

/** The labels of Namespaces, watched from the first configuration on that selects by them. */
export interface NamespaceWatch {
  /** Whether all is known that the configuration needs; starts the watch where it needs it. */
  readyFor(config: Config): boolean;
  /** Reads them anew where this configuration needs them; settles when all are known. */
  refresh(config: Config | undefined): Promise<void>;
  readonly items: ReadonlyMap<string, NamespaceFacts>;
  readonly done: Promise<void>;
}

const NONE: ReadonlyMap<string, NamespaceFacts> = new Map();

/** `onChange`: labels are known now, or others than before. */
export function watchNamespaces(
  cluster: Pick<Cluster, "watch">,
  onChange: () => void,
  signal: AbortSignal,
): NamespaceWatch {
  let watched: Watched<NamespaceFacts> | undefined;
  return {
    readyFor(config) {
      if (!needsNamespaces(config.pools)) return true;
      watched ??= cluster.watch<NamespaceFacts>({
        kind: "Namespace",
        read: readNamespace,
        onChange: (change) => {
          if (change.kind === "synced" || watched?.synced === true) onChange();
        },
      }, signal);
      return watched.synced;
    },
    async refresh(config) {
      // Where they are needed by no configuration in force, whether they may be read is no matter.
      if (config !== undefined && needsNamespaces(config.pools)) await watched?.refresh();
    },
    get items() {
      return watched?.items ?? NONE;
    },
    done: aborted(signal).then(() => watched?.done),
  };
}
