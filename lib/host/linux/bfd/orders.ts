import type { Millis } from "../../../base/time.ts";
import type { BfdState } from "../../../bfd/packet.ts";
import type { BfdProfile } from "../../../config/types.ts";
import type { Ip } from "../../../net/ip.ts";

/** What the main thread asks. */
export type BfdOrder =
  | { readonly kind: "targets"; readonly targets: readonly BfdTarget[] }
  | { readonly kind: "admin-down" }
  | { readonly kind: "status" };

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
