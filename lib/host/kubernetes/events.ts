import type { Millis } from "../../base/time.ts";
import type { Clock } from "../process/clock.ts";
import type { ClusterEvent } from "../cluster/cluster.ts";
import type { KubeClient } from "./client.ts";
import { createEventQueue, type QueuedEvent } from "./event_queue.ts";
import { objectPath } from "./paths.ts";
import type { KubeRequest } from "./transport.ts";
import type { Log } from "../process/log.ts";

/** Sends Kubernetes events in the background. */
interface EventPublisher {
  /** Takes an event at once; when too many wait, one is dropped and counted: of a failure last. */
  publish(event: ClusterEvent): void;
  /** Settles when sending has ended after the signal. */
  readonly done: Promise<void>;
}

/** An event that was sent, for counting its repetitions up in place. */
interface Sent {
  readonly name: string;
  readonly sentAt: Millis;
  count: number;
}

interface Publishing {
  readonly client: KubeClient;
  readonly instance: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly remembered: Map<string, Sent>;
  /** Of the names given up to now. */
  serial: number;
  readonly failed: (error: string) => void;
}

const QUEUE_LIMIT = 2_000;
const REMEMBERED_LIMIT = 4_000;
const SAME_WITHIN_MS = 600_000;
/** On average; a burst of a hundred goes at full speed. */
const EVERY_MS = 20;
const BURST = 100;

/**
 * Publishes through the core group, which MetalLB's roles allow. One request at a time and behind
 * all others, so that events never delay a status; failures are told at debug level and forgotten.
 */
export function startEventPublisher(
  client: KubeClient,
  instance: string,
  clock: Clock,
  log: Log,
  count: (what: "events_dropped" | "events_failed") => void,
  signal: AbortSignal,
): EventPublisher {
  const queue = createEventQueue(QUEUE_LIMIT);
  let wake: () => void = () => {};
  signal.addEventListener("abort", () => wake(), { once: true });
  const publishing: Publishing = {
    client,
    instance,
    clock,
    signal,
    remembered: new Map(),
    serial: 0,
    failed(error) {
      if (signal.aborted) return;
      count("events_failed");
      log.debug({ error }, "event not published");
    },
  };

  async function run(): Promise<void> {
    let allowance = BURST;
    let refilledAt = clock.now();
    while (!signal.aborted) {
      const queued = queue.shift();
      if (queued === undefined) {
        await new Promise<void>((resolve) => wake = resolve);
        continue;
      }
      const now = clock.now();
      allowance = Math.min(BURST, allowance + (now - refilledAt) / EVERY_MS) - 1;
      refilledAt = now;
      if (allowance < 0) await clock.sleep(EVERY_MS, signal);
      await send(publishing, queued);
    }
  }

  return {
    publish(event) {
      if (queue.push({ event, at: new Date().toISOString() }) > 0) count("events_dropped");
      wake();
    },
    done: run(),
  };
}

async function send(publishing: Publishing, queued: QueuedEvent): Promise<void> {
  const { clock, remembered } = publishing;
  const { event } = queued;
  const { about, component, message, reason, standing } = event;
  const key = JSON.stringify([about, reason, standing ? "" : message, component]);
  const earlier = remembered.get(key);
  const counts = earlier !== undefined &&
    (standing || clock.now() - earlier.sentAt < SAME_WITHIN_MS);
  if (counts && await repeat(publishing, queued, earlier)) return;
  const created = await create(publishing, queued);
  remembered.delete(key);
  if (created !== undefined) remembered.set(key, created);
  const oldest = remembered.keys().next();
  if (remembered.size > REMEMBERED_LIMIT && !oldest.done) remembered.delete(oldest.value);
}

async function create(publishing: Publishing, queued: QueuedEvent): Promise<Sent | undefined> {
  const { client, clock, failed, instance, signal } = publishing;
  const { event } = queued;
  const name = nameOf(event, publishing);
  const answer = await client.request(creationOf(queued, name, instance), signal);
  if (answer.kind === "ok") return { name, sentAt: clock.now(), count: 1 };
  if (answer.status === 409 && event.standing) return await adopt(publishing, queued, name);
  failed(answer.message);
  return undefined;
}

/** Goes on with an event of another process: what it counts is told by the answer to a change. */
async function adopt(
  publishing: Publishing,
  queued: QueuedEvent,
  name: string,
): Promise<Sent | undefined> {
  const { client, clock, failed, signal } = publishing;
  const answer = await client.request(repetitionOf(queued, { name, count: undefined }), signal);
  if (answer.kind === "failure") {
    failed(answer.message);
    return undefined;
  }
  const sent = { name, sentAt: clock.now(), count: Number(answer.body.count) || 1 };
  await repeat(publishing, queued, sent);
  return sent;
}

/** Counts an event up; false when it is gone and has to be created again. */
async function repeat(
  { client, failed, signal }: Publishing,
  queued: QueuedEvent,
  earlier: Sent,
): Promise<boolean> {
  earlier.count++;
  const answer = await client.request(repetitionOf(queued, earlier), signal);
  if (answer.kind === "failure" && answer.status === 404) return false;
  if (answer.kind === "failure") failed(answer.message);
  return true;
}

/** Names of what happens are new each time; that of a state is found again by every process. */
function nameOf(
  { about: { name, uid }, reason, standing }: ClusterEvent,
  publishing: Publishing,
): string {
  if (standing) return `${name}.${reason.toLowerCase()}.${uid}`;
  return `${name}.${Date.now().toString(16)}${(publishing.serial++).toString(16)}`;
}

function creationOf({ at, event }: QueuedEvent, name: string, instance: string): KubeRequest {
  const { about, component, message, permit, reason, type } = event;
  return {
    operation: `create event ${reason} for ${about.namespace}/${about.name}`,
    method: "POST",
    path: objectPath("Event", about.namespace),
    background: true,
    permit,
    body: {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace: about.namespace },
      involvedObject: {
        apiVersion: "v1",
        ...about,
        namespace: about.kind === "Node" ? undefined : about.namespace,
      },
      type,
      reason,
      message: cut(message),
      source: { component, host: instance },
      reportingComponent: component,
      reportingInstance: instance,
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    },
  };
}

function repetitionOf(
  { at, event: { about, message, permit } }: QueuedEvent,
  { count, name }: { readonly count: number | undefined; readonly name: string },
): KubeRequest {
  return {
    operation: `count up event ${name}`,
    method: "PATCH",
    path: objectPath("Event", about.namespace, name),
    background: true,
    permit,
    body: { count, message: cut(message), lastTimestamp: at },
  };
}

/** As long as events of the newer API group may be. */
function cut(message: string): string {
  return message.slice(0, 1_024);
}
