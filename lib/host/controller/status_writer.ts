import type { ServiceKey } from "../../model/facts.ts";
import { formatIp } from "../../net/ip.ts";
import { retryDelayMs } from "../process/backoff.ts";
import type { Clock } from "../process/clock.ts";
import type { Cluster, StatusWrite, WriteOutcome } from "../cluster/cluster.ts";
import type { Log } from "../process/log.ts";
import type { Metrics } from "../metrics/metrics.ts";

/** After a refusal for good (403, 422) the same write is not tried again before this. */
const REFUSED_PAUSE_MS = 30_000;
/** A conflict brings a newer object by the watch; should it not come, plan again after this. */
const CONFLICT_PAUSE_MS = 1_000;

/** Writes Service statuses: the latest wish of each Service, one request at a time for each. */
export interface StatusWriter {
  ask(write: StatusWrite): void;
  /** The Service is gone: nothing more is written for it. */
  forget(key: ServiceKey): void;
  /** Nothing more is written of what was asked for, and what was written is known no more. */
  forgetAll(): void;
  /** Settles when no request is under way. */
  idle(): Promise<void>;
  /** Services whose status is not written yet. */
  readonly pending: number;
}

export interface StatusWriterOptions {
  readonly cluster: Cluster;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** The API server refuses the write for good: a person must know. */
  readonly onRefused: (write: StatusWrite, error: string) => void;
  /** Asks for a new plan of this Service from its newest facts. */
  readonly replan: (key: ServiceKey) => void;
}

interface Wish {
  write: StatusWrite;
  inFlight: boolean;
  attempts: number;
}

/** Makes the writer; it stops when the signal fires. */
export function createStatusWriter(
  options: StatusWriterOptions,
  signal: AbortSignal,
): StatusWriter {
  const wishes = new Map<ServiceKey, Wish>();
  // What was written last, until the watch has brought it back: the plan does not see it sooner.
  const written = new Map<ServiceKey, string>();
  const underWay = new Set<Promise<unknown>>();

  async function replanAfter(key: ServiceKey, ms: number): Promise<void> {
    await options.clock.sleep(ms, signal);
    if (!signal.aborted) options.replan(key);
  }

  async function perform(key: ServiceKey, wish: Wish): Promise<void> {
    const asked = wish.write;
    wish.inFlight = true;
    const begun = options.clock.now();
    const request = options.cluster.writeStatus(asked, signal);
    underWay.add(request);
    const outcome = await request.finally(() => underWay.delete(request));
    options.metrics.allocator.statusWrite.observe((options.clock.now() - begun) / 1000);
    wish.inFlight = false;
    if (signal.aborted) return;
    options.metrics.allocator.statusWrites.inc({ outcome: outcome.kind });
    if (wishes.get(key) !== wish) return;
    if (outcome.kind === "written") written.set(key, fingerprint(asked));
    if (wish.write !== asked && fingerprint(wish.write) !== fingerprint(asked)) {
      return await perform(key, wish);
    }
    settle(key, wish, outcome);
  }

  function settle(key: ServiceKey, wish: Wish, outcome: WriteOutcome): void {
    const fields = { service: key, attempts: wish.attempts + 1 };
    switch (outcome.kind) {
      case "written":
      case "gone":
        wishes.delete(key);
        return;
      case "not-leader":
        // Whoever leads now plans it, and so does this one when it leads again.
        options.log.debug(fields, "status not written, the lead is over");
        wishes.delete(key);
        return;
      case "conflict":
        options.log.debug(fields, "status write met a newer object");
        wishes.delete(key);
        return void replanAfter(key, CONFLICT_PAUSE_MS);
      case "refused":
        options.log.error({ ...fields, error: outcome.error }, "status write refused");
        options.onRefused(wish.write, outcome.error);
        options.metrics.updateErrors.inc();
        return void replanAfter(key, REFUSED_PAUSE_MS);
      case "failed":
        options.log.warn({ ...fields, error: outcome.error }, "status write failed, trying again");
        options.metrics.updateErrors.inc();
        wish.attempts++;
        return void replanAfter(
          key,
          retryDelayMs(wish.attempts, options.clock.random, outcome.retryAfterMs),
        );
    }
  }

  return {
    ask(write) {
      const { key } = write.service;
      const wish = wishes.get(key);
      if (wish !== undefined) {
        wish.write = write;
        if (!wish.inFlight) void perform(key, wish);
        return;
      }
      if (written.get(key) === fingerprint(write)) return;
      const fresh: Wish = { write, inFlight: false, attempts: 0 };
      wishes.set(key, fresh);
      void perform(key, fresh);
    },
    forget(key) {
      wishes.delete(key);
      written.delete(key);
    },
    forgetAll() {
      wishes.clear();
      written.clear();
    },
    async idle() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
    get pending() {
      return wishes.size;
    },
  };
}

function fingerprint({ service, ips, pool }: StatusWrite): string {
  return `${service.uid} ${service.resourceVersion} ${ips.map(formatIp).join(",")} ${pool ?? ""}`;
}
