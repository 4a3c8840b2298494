import { bootClock, CLOCK } from "../../../../ffi/clock.ts";
import { openLibc } from "../../../../ffi/libc.ts";
import { hasReplyLease, openTable } from "../../../neighbour/table.ts";
import type { PartWorker } from "../worker/link.ts";
import type { HeartbeatNews, HeartbeatOrder } from "./orders.ts";

interface HeartbeatOptions {
  readonly worker: PartWorker;
  readonly open: Omit<HeartbeatOrder & { readonly kind: "open" }, "kind">;
  readonly onNews: (news: HeartbeatNews) => void;
  /** The Worker ended unasked: replies stop, because the reply lease is not renewed any more. */
  readonly onFault: (error: Error) => void;
}

/** Beats among speakers, outside the main thread: a busy one delays none. */
export interface Heartbeat extends AsyncDisposable {
  readonly port: number;
  tell(order: Exclude<HeartbeatOrder, { readonly kind: "open" }>): void;
  /** Whether replies may leave, as far as its beats have a say: a Worker that hangs renews no reply lease. */
  isBeating(): boolean;
  /** Why the Worker does no work any more. */
  problem(): string | undefined;
}

/** Has the Worker beat, and opens its socket. @throws Error when the port is taken */
export async function startHeartbeat(options: HeartbeatOptions): Promise<Heartbeat> {
  const link = await options.worker.link<HeartbeatOrder, number, HeartbeatNews>({
    name: "herald-heartbeat",
    onNews: options.onNews,
    onFault: options.onFault,
  });
  const libc = openLibc(CLOCK);
  const now = bootClock(libc);
  const { lease } = options.open;
  const table = lease && openTable(lease.table);
  const close = async () => {
    await link[Symbol.asyncDispose]();
    libc[Symbol.dispose]();
  };
  try {
    const port = await link.ask({ kind: "open", ...options.open }) ?? 0;
    return {
      port,
      tell: (order) => link.tell(order),
      isBeating: () => table === undefined || hasReplyLease(table, now()),
      problem: () => link.problem(),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
