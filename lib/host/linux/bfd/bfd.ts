import type { BfdEvent, BfdOrder, BfdSessionStatus, BfdTarget } from "./orders.ts";
import type { PartWorker } from "../worker/link.ts";

/** BFD outside the main thread: a busy one delays no packet. */
export interface Bfd extends AsyncDisposable {
  /** In place of those before: equal ones go on, others begin, or end with AdminDown. */
  setTargets(targets: readonly BfdTarget[]): Promise<void>;
  /** Tells each peer AdminDown: a stop is no failure. */
  adminDown(): Promise<void>;
  status(): Promise<readonly BfdSessionStatus[]>;
  /** Why the Worker does no work any more. */
  problem(): string | undefined;
}

/** What BFD tells of itself. */
export interface BfdHooks {
  readonly onEvent: (event: BfdEvent) => void;
  /** The Worker ended unasked. */
  readonly onFault: (error: Error) => void;
}

/** Starts the Worker, without sessions. @throws Error when it cannot be loaded or open libc */
export async function startBfd(worker: PartWorker, hooks: BfdHooks): Promise<Bfd> {
  const link = await worker.link<BfdOrder, BfdSessionStatus[], BfdEvent>({
    name: "herald-bfd",
    onNews: hooks.onEvent,
    onFault: hooks.onFault,
  });
  return {
    setTargets: async (targets) => void await link.ask({ kind: "targets", targets }),
    adminDown: async () => void await link.ask({ kind: "admin-down" }),
    // A Worker that has ended holds no session.
    status: async () => await link.ask({ kind: "status" }).catch(() => undefined) ?? [],
    problem: () => link.problem(),
    [Symbol.asyncDispose]: () => link[Symbol.asyncDispose](),
  };
}
