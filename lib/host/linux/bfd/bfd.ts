import type { Millis } from "../../../base/time.ts";
import type { BfdState } from "../../../bfd/packet.ts";
import type { BfdProfile } from "../../../config/types.ts";
import type { Ip } from "../../../net/ip.ts";
import type { BfdOrder } from "./worker.ts";
import { startWorkerLink } from "../worker/link.ts";

/** A peer to watch. */
export interface BfdTarget {
  readonly key: string;
  readonly peerAddress: Ip;
  readonly sourceAddress: Ip | undefined;
  readonly interfaceName: string | undefined;
  readonly multihop: boolean;
  readonly profile: BfdProfile;
}

/** A session changed its state. */
export interface BfdEvent {
  readonly key: string;
  readonly state: BfdState;
  readonly previous: BfdState;
  readonly diagnostic: number;
  /** The peer said AdminDown: no failure of the path. */
  readonly peerAdminDown: boolean;
}

export interface BfdSessionStatus {
  readonly key: string;
  readonly state: BfdState;
  readonly diagnostic: number;
  readonly remoteDiscriminator: number;
  readonly transmitIntervalMs: Millis;
  readonly detectionTimeMs: Millis;
  readonly controlPacketsInput: number;
  readonly controlPacketsOutput: number;
  readonly upEvents: number;
  readonly downEvents: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/** BFD in a thread of its own: a busy main thread delays no packet. */
export interface Bfd extends AsyncDisposable {
  /** In place of those before: equal ones go on, others begin, or end with AdminDown. */
  setTargets(targets: readonly BfdTarget[]): Promise<void>;
  /** Tells each peer AdminDown: a stop is no failure. */
  adminDown(): Promise<void>;
  status(): Promise<readonly BfdSessionStatus[]>;
  /** Why the Worker does no work any more. */
  problem(): string | undefined;
}

export interface BfdOptions {
  readonly workerUrl: URL;
  readonly onEvent: (event: BfdEvent) => void;
  /** The Worker ended unasked. */
  readonly onFault: (error: Error) => void;
}

/** Starts the Worker, without sessions. @throws Error when it cannot be loaded or open libc */
export async function startBfd(options: BfdOptions): Promise<Bfd> {
  const link = await startWorkerLink<BfdOrder, BfdSessionStatus[], BfdEvent>({
    url: options.workerUrl,
    name: "herald-bfd",
    onNews: options.onEvent,
    onFault: options.onFault,
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
