import assert from "node:assert/strict";
import type { ClusterEvent } from "../../../lib/host/cluster/cluster.ts";
import { createEventQueue } from "../../../lib/host/kubernetes/event_queue.ts";
import { EVENT, type EventReason, type EventType } from "../../../lib/model/names.ts";

function queued(name: string, type: EventType, reason: EventReason) {
  const about = { kind: "Service", namespace: "default", name, uid: name } as const;
  const event: ClusterEvent = { about, type, reason, message: "", component: "metallb-controller" };
  return { event, at: "2026-01-01T00:00:00Z" };
}

Deno.test("createEventQueue() gives failures first, each rank in its order, and advice last", () => {
  const queue = createEventQueue(10);
  queue.push(queued("advice", "Warning", EVENT.deprecatedAnnotation));
  queue.push(queued("good", "Normal", EVENT.ipAllocated));
  queue.push(queued("bad", "Warning", EVENT.allocationFailed));
  queue.push(queued("worse", "Warning", EVENT.internalError));
  const names = [1, 2, 3, 4, 5].map(() => queue.shift()?.event.about.name);
  assert.deepEqual(names, ["bad", "worse", "good", "advice", undefined]);
});

Deno.test("createEventQueue() holds no more than its limit, and drops the oldest of the least", () => {
  const queue = createEventQueue(2);
  assert.equal(queue.push(queued("good", "Normal", EVENT.ipAllocated)), 0);
  assert.equal(queue.push(queued("bad", "Warning", EVENT.allocationFailed)), 0);
  assert.equal(queue.push(queued("advice", "Warning", EVENT.deprecatedAnnotation)), 1);
  assert.equal(queue.push(queued("late", "Warning", EVENT.allocationFailed)), 1);
  assert.equal(queue.push(queued("last", "Warning", EVENT.allocationFailed)), 1);
  assert.deepEqual([1, 2, 3].map(() => queue.shift()?.event.about.name), [
    "late",
    "last",
    undefined,
  ]);
});
