import type { Millis } from "../../base/time.ts";
import type { ServiceKey } from "../../model/facts.ts";
import { formatIp } from "../../net/ip.ts";
import { retryDelayMs } from "../process/backoff.ts";
import type { StatusWrite, WriteOutcome } from "../cluster/cluster.ts";
import type { RoleContext } from "../process/role.ts";

/** After a refusal for good (403, 422) the same write is not tried again before this. */
const REFUSED_PAUSE_MS: Millis = 30_000;
/** A conflict brings a newer object by the watch; should it not come, plan again after this. */
const CONFLICT_PAUSE_MS: Millis = 1_000;

/** Writes Service statuses: the latest wish of each Service, one request at a time for each. */
export interface StatusWriter {
  ask(write: StatusWrite): void;
  /** The Service is gone: nothing more is written for it. */
  forget(key: ServiceKey): void;
  /** Drops all pending writes and forgets the written ones. */
  forgetAll(): void;
  /** Settles when no request is under way. */
  idle(): Promise<void>;
}

interface StatusWriterHooks {
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

type WriterContext = Pick<RoleContext, "clock" | "cluster" | "log" | "metrics" | "signal">;

interface Writing extends WriterContext, StatusWriterHooks {
  readonly wishes: Map<ServiceKey, Wish>;
  /** What was written last, until the watch has brought it back: the plan does not see it sooner. */
  readonly written: Map<ServiceKey, string>;
  readonly underWay: Set<Promise<unknown>>;
}

/** Makes the writer; it stops when the context's signal fires. */
export function createStatusWriter(context: WriterContext, hooks: StatusWriterHooks): StatusWriter {
  const wishes = new Map<ServiceKey, Wish>();
  const written = new Map<ServiceKey, string>();
  const underWay = new Set<Promise<unknown>>();
  const writing: Writing = { ...context, ...hooks, wishes, written, underWay };
  return {
    ask(write) {
      const { key } = write.service;
      const wish = wishes.get(key);
      if (wish !== undefined) {
        wish.write = write;
        if (!wish.inFlight) void perform(writing, key, wish);
        return;
      }
      if (written.get(key) === fingerprint(write)) return;
      const fresh: Wish = { write, inFlight: false, attempts: 0 };
      wishes.set(key, fresh);
      void perform(writing, key, fresh);
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
  };
}

async function perform(writing: Writing, key: ServiceKey, wish: Wish): Promise<void> {
  const { clock, cluster, metrics: { allocator }, signal, underWay, wishes } = writing;
  const asked = wish.write;
  wish.inFlight = true;
  const begun = clock.now();
  const request = cluster.writeStatus(asked, signal);
  underWay.add(request);
  const outcome = await request.finally(() => underWay.delete(request));
  allocator.statusWrite.observe((clock.now() - begun) / 1000);
  wish.inFlight = false;
  if (signal.aborted) return;
  allocator.statusWrites.inc({ outcome: outcome.kind });
  if (wishes.get(key) !== wish) return;
  if (outcome.kind === "written") writing.written.set(key, fingerprint(asked));
  if (wish.write !== asked && fingerprint(wish.write) !== fingerprint(asked)) {
    return await perform(writing, key, wish);
  }
  settle(writing, key, wish, outcome);
}

function settle(writing: Writing, key: ServiceKey, wish: Wish, outcome: WriteOutcome): void {
  const { clock, log, metrics, wishes } = writing;
  const fields = { service: key, attempts: wish.attempts + 1 };
  switch (outcome.kind) {
    case "written":
    case "gone":
      wishes.delete(key);
      return;
    case "not-leader":
      // The next leader plans it, and so does this one when it leads again.
      log.debug(fields, "status not written, the lead is over");
      wishes.delete(key);
      return;
    case "conflict":
      log.debug(fields, "status write met a newer object");
      wishes.delete(key);
      return void replanAfter(writing, key, CONFLICT_PAUSE_MS);
    case "refused":
      log.error({ ...fields, error: outcome.error }, "status write refused");
      writing.onRefused(wish.write, outcome.error);
      metrics.updateErrors.inc();
      return void replanAfter(writing, key, REFUSED_PAUSE_MS);
    case "failed":
      log.warn({ ...fields, error: outcome.error }, "status write failed, trying again");
      metrics.updateErrors.inc();
      wish.attempts++;
      return void replanAfter(
        writing,
        key,
        retryDelayMs(wish.attempts, clock.random, outcome.retryAfterMs),
      );
  }
}

async function replanAfter(
  { clock, replan, signal }: Writing,
  key: ServiceKey,
  ms: Millis,
): Promise<void> {
  await clock.sleep(ms, signal);
  if (!signal.aborted) replan(key);
}

function fingerprint({ service, ips, pool }: StatusWrite): string {
  return `${service.uid} ${service.resourceVersion} ${ips.map(formatIp).join(",")} ${pool ?? ""}`;
}
