import type { Millis } from "../../base/time.ts";
import type { Clock } from "../process/clock.ts";
import type { ClusterEvent } from "../cluster/cluster.ts";
import type { KubeClient } from "./client.ts";
import { objectPath } from "./paths.ts";
import type { KubeRequest } from "./transport.ts";
import type { Log } from "../process/log.ts";

/** Sends Kubernetes events in the background. */
interface EventPublisher {
  /** Takes an event at once; when too many wait, the oldest is dropped and counted. */
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
  const queue: ClusterEvent[] = [];
  const remembered = new Map<string, Sent>();
  let wake: () => void = () => {};
  let serial = 0;
  signal.addEventListener("abort", () => wake(), { once: true });

  async function run(): Promise<void> {
    let allowance = BURST;
    let refilledAt = clock.now();
    while (!signal.aborted) {
      const event = queue.shift();
      if (event === undefined) {
        await new Promise<void>((resolve) => wake = resolve);
        continue;
      }
      const now = clock.now();
      allowance = Math.min(BURST, allowance + (now - refilledAt) / EVERY_MS) - 1;
      refilledAt = now;
      if (allowance < 0) await clock.sleep(EVERY_MS, signal);
      await send(event);
    }
  }

  async function send(event: ClusterEvent): Promise<void> {
    const key = JSON.stringify([event.about, event.reason, event.message, event.component]);
    const earlier = remembered.get(key);
    if (earlier !== undefined && clock.now() - earlier.sentAt < SAME_WITHIN_MS) {
      if (await repeat(event, earlier)) return;
    }
    const created = await create(event);
    remembered.delete(key);
    if (created !== undefined) remembered.set(key, created);
    const oldest = remembered.keys().next();
    if (remembered.size > REMEMBERED_LIMIT && !oldest.done) remembered.delete(oldest.value);
  }

  async function create(event: ClusterEvent): Promise<Sent | undefined> {
    const name = `${event.about.name}.${Date.now().toString(16)}${(serial++).toString(16)}`;
    const answer = await client.request(creationOf(event, name, instance), signal);
    if (answer.kind === "ok") return { name, sentAt: clock.now(), count: 1 };
    failed(answer.message);
    return undefined;
  }

  /** Counts an event up; false when it is gone and has to be created again. */
  async function repeat(event: ClusterEvent, earlier: Sent): Promise<boolean> {
    earlier.count++;
    const answer = await client.request(repetitionOf(event, earlier), signal);
    if (answer.kind === "failure" && answer.status === 404) return false;
    if (answer.kind === "failure") failed(answer.message);
    return true;
  }

  function failed(error: string): void {
    if (signal.aborted) return;
    count("events_failed");
    log.debug({ error }, "event not published");
  }

  return {
    publish(event) {
      if (queue.length >= QUEUE_LIMIT) {
        queue.shift();
        count("events_dropped");
      }
      queue.push(event);
      wake();
    },
    done: run(),
  };
}

function creationOf(event: ClusterEvent, name: string, instance: string): KubeRequest {
  const { about, component, message, permit, reason, type } = event;
  const at = new Date().toISOString();
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
      involvedObject: { apiVersion: "v1", ...about },
      type,
      reason,
      // The API refuses longer ones.
      message: message.slice(0, 1_024),
      source: { component, host: instance },
      reportingComponent: component,
      reportingInstance: instance,
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    },
  };
}

function repetitionOf({ about, permit }: ClusterEvent, { count, name }: Sent): KubeRequest {
  return {
    operation: `count up event ${name}`,
    method: "PATCH",
    path: objectPath("Event", about.namespace, name),
    background: true,
    permit,
    body: { count, lastTimestamp: new Date().toISOString() },
  };
}
