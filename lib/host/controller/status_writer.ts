import type { Instant, Millis } from "../../base/time.ts";
import { afterWrite, isTold, type Restoring, writeDue } from "../../controller/restoring.ts";
import type { ServiceKey } from "../../model/facts.ts";
import { formatIp } from "../../net/ip.ts";
import { retryDelayMs } from "../process/backoff.ts";
import type { StatusWrite, WriteOutcome } from "../cluster/cluster.ts";
import type { RoleContext } from "../process/role.ts";

/** After a refusal for good (403, 422) the same write is not tried again before this. */
const REFUSED_PAUSE_MS: Millis = 30_000;
/** A conflict brings a newer object by the watch; should it not come, plan again after this. */
const CONFLICT_PAUSE_MS: Millis = 1_000;

/**
 * Writes Service statuses: the latest wish of each Service, one request at a time for each. Where
 * somebody else keeps writing another status it waits longer from time to time, and says so.
 */
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
  /** Somebody else writes this status again and again. */
  readonly onContested: (write: StatusWrite) => void;
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
  readonly restoring: Map<ServiceKey, Restoring>;
  /** Statuses that somebody else writes too, until they may be written again. */
  readonly waiting: Map<ServiceKey, Instant>;
  readonly underWay: Set<Promise<unknown>>;
}

/** Makes the writer; it stops when the context's signal fires. */
export function createStatusWriter(context: WriterContext, hooks: StatusWriterHooks): StatusWriter {
  const wishes = new Map<ServiceKey, Wish>();
  const written = new Map<ServiceKey, string>();
  const underWay = new Set<Promise<unknown>>();
  const [restoring, waiting] = [new Map<ServiceKey, Restoring>(), new Map<ServiceKey, Instant>()];
  const own = { wishes, written, restoring, waiting, underWay };
  const writing: Writing = { ...context, ...hooks, ...own };
  return {
    ask(write) {
      const { key } = write.service;
      const wish = wishes.get(key);
      if (wish !== undefined) {
        wish.write = write;
        if (!wish.inFlight) void perform(writing, key, wish);
        return;
      }
      if (written.get(key) === fingerprint(write) || waits(writing, write)) return;
      const fresh: Wish = { write, inFlight: false, attempts: 0 };
      wishes.set(key, fresh);
      void perform(writing, key, fresh);
    },
    forget(key) {
      for (const known of [wishes, written, restoring]) known.delete(key);
    },
    forgetAll() {
      for (const known of [wishes, written, restoring]) known.clear();
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
  if (outcome.kind === "written") {
    writing.written.set(key, fingerprint(asked));
    const restored = afterWrite(writing.restoring.get(key), wishOf(asked), clock.now());
    writing.restoring.set(key, restored);
    if (restored.times > 0) allocator.statusRestored.inc();
  }
  if (wish.write !== asked && fingerprint(wish.write) !== fingerprint(asked)) {
    // Somebody may have written over it before its answer came: that counts as any other time.
    if (!waits(writing, wish.write)) return await perform(writing, key, wish);
    wishes.delete(key);
    return;
  }
  settle(writing, key, wish, outcome);
}

function settle(writing: Writing, key: ServiceKey, wish: Wish, outcome: WriteOutcome): void {
  const { clock, log, metrics, wishes } = writing;
  const fields = { service: key, attempts: wish.attempts + 1 };
  switch (outcome.kind) {
    case "written":
      wishes.delete(key);
      return;
    case "gone":
      // The watch tells so too; where it does not, something else than the server answered.
      wishes.delete(key);
      return void replanAfter(writing, key, REFUSED_PAUSE_MS);
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

/** Whether the status waits because somebody else keeps writing it; it is planned anew when due. */
function waits(writing: Writing, write: StatusWrite): boolean {
  const { clock, restoring, waiting } = writing;
  const { key } = write.service;
  const now = clock.now();
  const due = writeDue(restoring.get(key), wishOf(write), now);
  if (due <= now) return false;
  // One timer for each: the other writer may write many times until it is due.
  if ((waiting.get(key) ?? now) < due) {
    waiting.set(key, due);
    const before = restoring.get(key);
    if (before !== undefined && isTold(before)) writing.onContested(write);
    void replanAfter(writing, key, due - now);
  }
  return true;
}

async function replanAfter(
  { clock, replan, signal }: Writing,
  key: ServiceKey,
  ms: Millis,
): Promise<void> {
  await clock.sleep(ms, signal);
  if (!signal.aborted) replan(key);
}

function wishOf({ service, ips, pool }: StatusWrite): string {
  return `${service.uid} ${ips.map(formatIp).join(",")} ${pool ?? ""}`;
}

function fingerprint({ service, ips, pool }: StatusWrite): string {
  return `${service.uid} ${service.resourceVersion} ${ips.map(formatIp).join(",")} ${pool ?? ""}`;
}
