import type { ClusterEvent } from "../cluster/cluster.ts";
import { EVENT, type EventReason } from "../../model/names.ts";

/** An event, and when what it tells happened. */
export interface QueuedEvent {
  readonly event: ClusterEvent;
  /** RFC 3339. */
  readonly at: string;
}

/** Events that wait to be sent: failures first, then what went well, advice at last. */
export interface EventQueue {
  /** Gives how many were dropped for it: the oldest of the least that waits. */
  push(queued: QueuedEvent): number;
  shift(): QueuedEvent | undefined;
}

/** Makes a queue of so many events at most. */
export function createEventQueue(limit: number): EventQueue {
  const byRank: readonly QueuedEvent[][] = [[], [], []];
  return {
    push(queued) {
      byRank[rankOf(queued.event)]?.push(queued);
      if (byRank.reduce((sum, { length }) => sum + length, 0) <= limit) return 0;
      byRank.findLast(({ length }) => length > 0)?.shift();
      return 1;
    },
    shift: () => byRank.find(({ length }) => length > 0)?.shift(),
  };
}

/** Advice, of which every Service of a cluster may be in need at once. */
const ADVICE: readonly EventReason[] = [
  EVENT.deprecatedAnnotation,
  EVENT.annotationIgnored,
  EVENT.otherClass,
];

function rankOf({ reason, type }: ClusterEvent): 0 | 1 | 2 {
  if (ADVICE.includes(reason)) return 2;
  return type === "Warning" ? 0 : 1;
}
