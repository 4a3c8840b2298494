import { addTo, createHeap, leastOf, takeLeast } from "../base/heap.ts";
import type { Ip } from "../net/ip.ts";

/** Addresses of one range that came free again, the lowest at hand. */
export interface Freed {
  /** Takes an address that may be free now; one that is in already stays once. */
  add(ip: Ip): void;
  /** The lowest one that is free; those below it that are not are dropped until they come again. */
  lowest(isFree: (ip: Ip) => boolean): Ip | undefined;
}

/** Begins empty. */
export function createFreed(): Freed {
  const heap = createHeap<Ip>((one, other) => one < other);
  const members = new Set<Ip>();
  return {
    add(ip) {
      if (members.has(ip)) return;
      members.add(ip);
      addTo(heap, ip);
    },
    lowest(isFree) {
      for (;;) {
        const ip = leastOf(heap);
        if (ip === undefined || isFree(ip)) return ip;
        members.delete(ip);
        takeLeast(heap);
      }
    },
  };
}
