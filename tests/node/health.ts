// The rule of every good run, and how its figures are told.
import assert from "node:assert/strict";
import { faultOfLine } from "../support/log_lines.ts";
import type { TrafficFigures } from "../support/traffic.ts";
import { NAMESPACE, type NodeScene } from "./scene.ts";

interface KubeEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly involvedObject: {
    readonly kind?: string;
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
  };
  readonly source?: { readonly component?: string };
  readonly reportingComponent?: string;
  readonly firstTimestamp?: string | null;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly series?: { readonly lastObservedTime?: string };
}

interface Pod {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly restartCount: number;
      readonly lastState?: { readonly terminated?: { readonly finishedAt?: string } };
    }[];
  };
}

/** Herald's name as it tells events. */
const REPORTERS = /^metallb-(controller|speaker)$/;

/**
 * Holds a run in which nothing went wrong to the rule: no Warning event from Herald or about what is
 * in its namespace, no error in the log of any of its pods, gone ones included, and no restart.
 * `since` is wall-clock time, for a scene in which something was broken before.
 */
export async function assertGoodRun(scene: NodeScene, since = 0): Promise<void> {
  const troubles = [
    ...await warnings(scene, since),
    ...await errorLines(scene, since),
    ...await restarts(scene, since),
  ];
  assert.deepEqual(troubles, [], "a good run has none of this");
}

/** Tells the figures of one change under traffic. */
export function tellTraffic(what: string, figures: TrafficFigures): void {
  const { broken, late, longestGapMs, lost, sent } = figures;
  const cut = broken > 0 ? ` (${broken} of them cut while underway)` : "";
  tellFigure(what, `${lost} lost of ${sent}${cut}, ${late} late, longest gap ${longestGapMs} ms`);
}

/** Tells a figure of the run. */
export function tellFigure(what: string, figure: string): void {
  // deno-lint-ignore no-console -- figures are read in the run's output
  console.log(`node: ${what}: ${figure}`);
}

async function warnings({ kube }: NodeScene, since: number): Promise<string[]> {
  const { items }: { items: readonly KubeEvent[] } = JSON.parse(
    await kube.kubectl(["get", "events", "-A", "-o", "json"]),
  );
  // The kubelet goes on asking a container that it ends until it has seen the end.
  const endedAt = new Map(
    items.filter(({ reason }) => reason === "Killing").map((event) =>
      [event.involvedObject.uid, timeOf(event)] as const
    ),
  );
  const asksTheDying = (event: KubeEvent) =>
    event.reason === "Unhealthy" &&
    Date.parse(event.firstTimestamp ?? "") >= (endedAt.get(event.involvedObject.uid) ?? Infinity);
  return items
    .filter((event) => event.type === "Warning" && !asksTheDying(event))
    .filter((event) =>
      REPORTERS.test(event.reportingComponent || event.source?.component || "") ||
      event.involvedObject.namespace === NAMESPACE
    )
    .filter((event) => timeOf(event) > since)
    .map(({ count = 1, involvedObject: { kind, name }, lastTimestamp, message, reason }) =>
      `event, ${count} times until ${lastTimestamp}: ${kind} ${name}: ${reason}: ${message}`
    );
}

function timeOf({ eventTime, lastTimestamp, series }: KubeEvent): number {
  return Date.parse(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? "") || Infinity;
}

async function errorLines({ nodes }: NodeScene, since: number): Promise<string[]> {
  const found: string[] = [];
  for (const node of nodes) {
    for (const { lines, pod } of await node.podLogs(NAMESPACE)) {
      for (const { at, text } of lines) {
        if (Date.parse(at) > since && isError(text)) found.push(`log of ${pod}, ${at}: ${text}`);
      }
    }
  }
  return found;
}

/** All that Herald's pods logged since then, for a failure's message. */
export async function heraldLogs({ nodes }: NodeScene, since: number): Promise<string> {
  const logs = await Promise.all(nodes.map((node) => node.podLogs(NAMESPACE)));
  return logs.flat()
    .flatMap(({ lines, pod }) => lines.map(({ at, text }) => ({ at, text: `${pod}: ${text}` })))
    .filter(({ at }) => Date.parse(at) > since)
    .sort((a, b) => a.at < b.at ? -1 : 1)
    .map(({ at, text }) => `${at} ${text}`)
    .join("\n");
}

/** What is no line of the log was written by a crash. */
function isError(text: string): boolean {
  if (faultOfLine(text) !== undefined) return true;
  try {
    return ["error", "fatal"].includes(JSON.parse(text).level);
  } catch {
    return true;
  }
}

/** Restarts of Herald's containers, one line each. */
export async function restarts({ kube }: NodeScene, since = 0): Promise<string[]> {
  const { items }: { items: readonly Pod[] } = JSON.parse(
    await kube.kubectl(["get", "pods", "-n", NAMESPACE, "-o", "json"]),
  );
  return items.flatMap(({ metadata, status }) =>
    (status.containerStatuses ?? [])
      .filter(({ lastState, restartCount }) =>
        restartCount > 0 && Date.parse(lastState?.terminated?.finishedAt ?? "") > since
      )
      .map(({ name, restartCount }) =>
        `restart of ${metadata.name}: ${name}, ${restartCount} times in all`
      )
  );
}
