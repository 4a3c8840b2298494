// The rule of every good run, and how its figures are told.
import { faultOfLine } from "../support/log_lines.ts";
import type { TrafficFigures } from "../support/traffic.ts";
import type { PodLog } from "./kubelet.ts";

/** What the rule reads of an Event. */
export interface KubeEvent {
  readonly metadata: { readonly uid: string };
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

/** What a scene has seen of Herald. */
export interface Seen {
  /** Every state that each event of the cluster was in, oldest first. */
  readonly events: readonly KubeEvent[];
  /** Of Herald's namespace. */
  readonly logs: readonly PodLog[];
}

/** A span of wall-clock time, in milliseconds. */
export interface Span {
  readonly from: number;
  readonly until: number;
}

/** Herald's name as it tells events. */
const REPORTERS = /^metallb-(controller|speaker)$/;

/**
 * What a good run has none of: Warning events from Herald or about what is in its namespace, errors
 * in the log of any of its pods, gone ones included, and restarts. What falls into a forgiven span is
 * left out. A run of which nothing was seen is no good run either.
 */
export function troublesOf(seen: Seen, namespace: string, forgiven: readonly Span[]): string[] {
  const isHeld = (at: number) => !forgiven.some(({ from, until }) => from <= at && at <= until);
  return [
    ...blindness(seen),
    ...warnings(seen.events, namespace, isHeld),
    ...seen.logs.flatMap((log) => [...errorLines(log, isHeld), ...restart(log, isHeld)]),
  ];
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

function blindness({ events, logs }: Seen): string[] {
  const nothing: string[] = [];
  if (!events.some(isHeralds)) nothing.push("no event of Herald's was seen");
  if (!logs.some(({ lines }) => lines.length > 0)) nothing.push("no log of Herald's was seen");
  return nothing;
}

function warnings(
  events: readonly KubeEvent[],
  namespace: string,
  isHeld: (at: number) => boolean,
): string[] {
  const killed = events.filter(({ reason }) => reason === "Killing");
  // The kubelet goes on asking a container that it ends until it has seen the end.
  const endedAt = new Map(killed.map((one) => [one.involvedObject.uid, timeOf(one)] as const));
  const asksTheDying = (event: KubeEvent) =>
    event.reason === "Unhealthy" &&
    Date.parse(event.firstTimestamp ?? "") >= (endedAt.get(event.involvedObject.uid) ?? Infinity);
  // A namespace that goes may lose the Deployment before the pods and the budget.
  const countsTheDying = ({ message = "", reason }: KubeEvent) =>
    reason === "CalculateExpectedPodCountFailed" &&
    killed.some(({ involvedObject: { name } }) => message.endsWith(`for pod "${name}"`));
  // A kubelet under load may be late with what every pod has of its API server.
  const isLate = ({ message = "", reason }: KubeEvent) =>
    reason === "FailedMount" &&
    /"kube-api-access-.*failed to sync configmap cache: timed out/.test(message);
  const held = events
    .filter(({ type }) => type === "Warning")
    .filter((event) => !asksTheDying(event) && !countsTheDying(event) && !isLate(event))
    .filter((event) => isHeralds(event) || event.involvedObject.namespace === namespace)
    .filter((event) => isHeld(timeOf(event)));
  const last = new Map(held.map((event) => [event.metadata.uid, event] as const));
  return [...last.values()].map(
    ({ count = 1, involvedObject: { kind, name, uid }, lastTimestamp, message, reason }) => {
      const story = events.filter(({ involvedObject }) => involvedObject.uid === uid)
        .map((one) => `${one.reason} ${one.lastTimestamp}`).join(", ");
      const what = `${kind} ${name}: ${reason}: ${message}`;
      return `event, ${count} times until ${lastTimestamp}: ${what} (of ${story})`;
    },
  );
}

function isHeralds({ reportingComponent, source }: KubeEvent): boolean {
  return REPORTERS.test(reportingComponent || source?.component || "");
}

/** One without a time counts as happening after all spans. */
function timeOf({ eventTime, lastTimestamp, series }: KubeEvent): number {
  return Date.parse(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? "") || Infinity;
}

function errorLines({ lines, pod }: PodLog, isHeld: (at: number) => boolean): string[] {
  return lines
    .filter(({ at, text }) => isError(text) && isHeld(Date.parse(at)))
    .map(({ at, text }) => `log of ${pod}, ${at}: ${text}`);
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

/** A container that runs again has a log of its own, whose first line tells when. */
function restart(log: PodLog, isHeld: (at: number) => boolean): string[] {
  const { container, lines, pod, restarts } = log;
  if (restarts === 0 || !isHeld(Date.parse(lines[0]?.at ?? "") || Infinity)) return [];
  return [`restart of ${pod}: ${container}, ${restarts} times in all`];
}
