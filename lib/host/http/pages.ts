import type { Registry } from "prom-client";
import { errorText } from "../../base/errors.ts";
import { type Answer, textAnswer } from "../../http/answer.ts";
import type { RequestHead } from "../../http/head.ts";
import {
  charge,
  createRation,
  isSpent,
  mayWork,
  METRICS_RATION,
  type Ration,
  STATUS_RATION,
} from "../../http/ration.ts";
import { pagesOf, statusPage } from "../../status/page.ts";
import type { ProcessStatus } from "../../status/types.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";

export interface PagesOptions {
  readonly status: () => ProcessStatus;
  /** Why the process should be restarted; asked by `/healthz` alone. */
  readonly unhealthy: () => readonly string[];
  readonly registry: { readonly contentType: string } & Pick<Registry, "metrics">;
  readonly clock: Clock;
  readonly log: Log;
}

/** What every role shows: read-only, no secrets, no profiling. */
export type Pages = (head: Pick<RequestHead, "path" | "query">) => Promise<Answer>;

const ENCODER = new TextEncoder();

/** Makes the pages; however many ask, they take a twentieth of the event loop at most. */
export function createPages({ clock, log, registry, status, unhealthy }: PagesOptions): Pages {
  const shown = createStatusPages(status, createRation(clock.now(), STATUS_RATION), clock);
  const metrics = createMetricsPage(registry, createRation(clock.now(), METRICS_RATION), clock);
  const pages: Readonly<Record<string, (query: string) => Answer | Promise<Answer>>> = {
    "/healthz": () => verdict(unhealthy()),
    "/readyz": () => verdict(status().notReady),
    "/status": () => shown("json"),
    "/": (query) => shown(pageNumber(query)),
    "/metrics": metrics,
  };
  return async ({ path, query }) => {
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (page === undefined) return textAnswer(404, "there is no such page\n");
    try {
      return await page(query);
    } catch (error) {
      log.error({ reason: path, error: errorText(error) }, "page failed");
      return textAnswer(500, "internal error, see the log\n");
    }
  };
}

function verdict(problems: readonly string[]): Answer {
  return problems.length === 0
    ? textAnswer(200, "ok\n")
    : textAnswer(503, `${problems.join("\n")}\n`);
}

function pageNumber(query: string): number {
  const number = Number(new URLSearchParams(query).get("page") ?? 1);
  return Number.isInteger(number) && number >= 1 ? number : 1;
}

/** What is shown of one moment's status, each made once. */
interface Shown {
  readonly status: ProcessStatus;
  readonly pages: number;
  readonly answers: Map<number | "json", Promise<Answer>>;
}

/** The status as JSON or as a page: all of them of the same moment until it may be read anew. */
function createStatusPages(
  status: () => ProcessStatus,
  ration: Ration,
  clock: Clock,
): (what: number | "json") => Promise<Answer> {
  let last: Shown | undefined;
  const readAnew = (): Shown => {
    const began = clock.now();
    // The spread reads what is made only when asked for.
    const whole = { ...status() };
    charge(ration, clock.now() - began);
    return { status: whole, pages: pagesOf(whole), answers: new Map() };
  };
  const make = async (shown: Shown, what: number | "json"): Promise<Answer> => {
    const began = clock.now();
    const text = what === "json"
      ? JSON.stringify(shown.status)
      : String(await statusPage(shown.status, what));
    const body = ENCODER.encode(text);
    charge(ration, clock.now() - began);
    const type = what === "json" ? "application/json" : "text/html; charset=utf-8";
    return { status: 200, type, body };
  };
  return async (what) => {
    const isAnew = mayWork(ration, clock.now()) || last === undefined;
    const shown = isAnew || last === undefined ? readAnew() : last;
    last = shown;
    const which = what === "json" ? what : Math.min(what, shown.pages);
    const made = shown.answers.get(which);
    if (made === undefined && !isAnew && isSpent(ration)) return busy();
    const answer = made ?? make(shown, which);
    shown.answers.set(which, answer);
    return await answer;
  };
}

/** The metrics as they are, or as they were when they were last read. */
function createMetricsPage(
  registry: PagesOptions["registry"],
  ration: Ration,
  clock: Clock,
): () => Promise<Answer> {
  let last: Promise<Answer> | undefined;
  let isReading = false;
  const read = async (): Promise<Answer> => {
    const began = clock.now();
    isReading = true;
    try {
      const body = ENCODER.encode(await registry.metrics());
      return { status: 200, type: registry.contentType, body };
    } finally {
      isReading = false;
      charge(ration, clock.now() - began);
    }
  };
  return async () => {
    if (last === undefined || (!isReading && mayWork(ration, clock.now()))) last = read();
    try {
      return await last;
    } catch (error) {
      last = undefined;
      throw error;
    }
  };
}

function busy(): Answer {
  return textAnswer(503, "too much is asked at once, ask again\n", { "retry-after": "1" });
}
