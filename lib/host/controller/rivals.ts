import type { ServiceFacts, ServiceKey } from "../../model/facts.ts";
import { isHerald, readStatusManagers } from "../../model/status_manager.ts";

/** Notices another Herald that writes statuses of the same Services while this one does. */
export interface Rivals {
  /** Looks at a Service as it was read, whole. */
  look(object: unknown, facts: ServiceFacts): void;
  /** All that was there at the start has been looked at: from now on writes are news. */
  settled(): void;
  forget(key: ServiceKey): void;
}

/** `onRival` is given the name by which a Herald, this one or another, has just written. */
export function createRivals(onRival: (name: string) => void): Rivals {
  let live = false;
  /** Who wrote each Service's status, and when: what was seen already is no news. */
  const seen = new Map<ServiceKey, string>();
  return {
    look(object, { hasIngress, key, uid }) {
      // A change of the type empties a status, and who wrote it before stays noted: with what was
      // written another class may be served now.
      if (!hasIngress) return;
      const [manager] = readStatusManagers(object);
      if (manager === undefined) return;
      const mark = `${uid} ${manager.name} ${manager.time}`;
      if (seen.get(key) === mark) return;
      seen.set(key, mark);
      const { name } = manager;
      if (live && isHerald(name)) onRival(name);
    },
    settled: () => void (live = true),
    forget: (key) => void seen.delete(key),
  };
}
