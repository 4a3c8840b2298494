import type { Ip } from "../net/ip.ts";

/** Addresses of one range that came free again, the lowest at hand: a binary heap. */
export interface Freed {
  /** Takes an address that may be free now; one that is in already stays once. */
  add(ip: Ip): void;
  /** The lowest one that is free; those below it that are not are dropped until they come again. */
  lowest(isFree: (ip: Ip) => boolean): Ip | undefined;
}

/** Begins empty. */
export function createFreed(): Freed {
  const heap: Ip[] = [];
  const members = new Set<Ip>();
  return {
    add(ip) {
      if (members.has(ip)) return;
      members.add(ip);
      rise(heap, ip);
    },
    lowest(isFree) {
      for (;;) {
        const [ip] = heap;
        if (ip === undefined || isFree(ip)) return ip;
        members.delete(ip);
        const last = heap.pop();
        if (heap.length > 0 && last !== undefined) sink(heap, last);
      }
    },
  };
}

function rise(heap: Ip[], ip: Ip): void {
  let place = heap.length;
  while (place > 0) {
    const above = (place - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || parent <= ip) break;
    heap[place] = parent;
    place = above;
  }
  heap[place] = ip;
}

/** Puts an address in the place of the lowest one. */
function sink(heap: Ip[], ip: Ip): void {
  let place = 0;
  for (;;) {
    let below = 2 * place + 1;
    const [left, right] = [heap[below], heap[below + 1]];
    if (left === undefined) break;
    let child = left;
    if (right !== undefined && right < left) {
      child = right;
      below++;
    }
    if (child >= ip) break;
    heap[place] = child;
    place = below;
  }
  heap[place] = ip;
}
