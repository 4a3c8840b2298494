import type { AddressBook } from "../../controller/allocations.ts";
import { noteUsage, SAMPLE_MS, timeToFull, type UsageHistory } from "../../controller/forecast.ts";
import { type PoolUsage, poolUsage } from "../../controller/usage.ts";
import type { Instant, Millis } from "../../base/time.ts";
import type { Clock } from "../process/clock.ts";
import type { Metrics } from "../metrics/metrics.ts";

/** How full a pool is, and in how long it will be full; see {@link timeToFull}. */
interface PoolForecast extends PoolUsage {
  readonly fullInMs: Millis | undefined;
}

/** Counts the pools' addresses, when somebody asks and once a minute for the forecast. */
export interface PoolMetrics {
  /** Each pool, in the order written. */
  read(book: AddressBook): PoolForecast[];
  /** Notes how full the pools are, at most once a minute; called with each batch. */
  note(book: AddressBook): void;
  /** Brings the metrics up to date; without a book there is nothing to show. */
  show(book: AddressBook | undefined): void;
}

/** Begins without a history. */
export function createPoolMetrics({ allocator }: Metrics, clock: Clock): PoolMetrics {
  const histories = new Map<string, UsageHistory>();
  let notedAt: Instant | undefined;

  function noteAll(usages: readonly PoolUsage[], now: Instant): void {
    notedAt = now;
    for (const { pool, inUse } of usages) {
      const history = histories.get(pool) ?? { samples: [] };
      histories.set(pool, history);
      noteUsage(history, inUse, now);
    }
  }

  function read(book: AddressBook): PoolForecast[] {
    const now = clock.now();
    const usages = poolUsage(book);
    noteAll(usages, now);
    return usages.map((usage) => {
      const history = histories.get(usage.pool) ?? { samples: [] };
      return { ...usage, fullInMs: timeToFull(history, usage.addresses, now) };
    });
  }

  return {
    read,
    note(book) {
      const now = clock.now();
      if (notedAt === undefined || now - notedAt >= SAMPLE_MS) noteAll(poolUsage(book), now);
    },
    show(book) {
      const { addresses, inUse, services, waiting, kept, reserved, fullIn } = allocator;
      // A standby shows nothing: else the pods of one controller would be counted together.
      for (const gauge of [addresses, inUse, services, waiting, kept, reserved, fullIn]) {
        gauge.reset();
      }
      if (book === undefined) return;
      waiting.set(book.waiting.size);
      for (const usage of read(book)) {
        const pool = { pool: usage.pool };
        addresses.set(pool, usage.addressesCapped);
        inUse.set(pool, usage.inUse);
        services.set(pool, usage.services);
        kept.set(pool, usage.kept);
        reserved.set(pool, usage.reserved);
        if (usage.fullInMs !== undefined) fullIn.set(pool, usage.fullInMs / 1000);
      }
    },
  };
}
