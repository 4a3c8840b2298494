import type { Millis } from "../../../base/time.ts";
import type { HeartbeatTiming } from "../../../heartbeat/monitor_state.ts";
import type { Notice } from "../../../heartbeat/packet.ts";
import type { Ip } from "../../../net/ip.ts";
import type { ReplyLeasePlaces } from "../reply_lease.ts";

/** Another speaker that beats, as its gossip tells. */
export interface HeartbeatTarget {
  readonly name: string;
  readonly boot: number;
  readonly address: Ip;
  readonly port: number;
  readonly inRing: boolean;
}

/** What the Worker is asked; only "open" is answered, with the port. */
export type HeartbeatOrder =
  | {
    readonly kind: "open";
    readonly self: string;
    readonly boot: number;
    readonly address: Ip;
    /** 0 picks one. */
    readonly port: number;
    /** The first one signs. */
    readonly keys: readonly Uint8Array[];
    readonly timing: HeartbeatTiming;
    readonly lease: ReplyLeasePlaces | undefined;
  }
  | { readonly kind: "targets"; readonly targets: readonly HeartbeatTarget[] }
  | { readonly kind: "can-announce"; readonly canAnnounce: boolean }
  | { readonly kind: "view"; readonly stale: boolean }
  | { readonly kind: "notify"; readonly id: number; readonly notice: Notice }
  | { readonly kind: "acknowledge"; readonly name: string; readonly id: number }
  /** The main thread has heard of that pause: replies may leave again, if it was the last one. */
  | { readonly kind: "resume"; readonly pause: number };

/** What the Worker tells, in the order in which it happened. */
export type HeartbeatNews =
  | { readonly kind: "up"; readonly name: string }
  | { readonly kind: "down"; readonly name: string; readonly silentMs: Millis }
  | { readonly kind: "can-announce"; readonly name: string; readonly canAnnounce: boolean }
  | { readonly kind: "view"; readonly name: string; readonly stale: boolean }
  | { readonly kind: "notice"; readonly name: string; readonly id: number; readonly notice: Notice }
  | { readonly kind: "settled"; readonly id: number; readonly missing: readonly string[] }
  | { readonly kind: "unheard"; readonly by: readonly string[] }
  | { readonly kind: "stranger"; readonly name: string; readonly address: Ip }
  /** The process stood still, for the so manyeth time. */
  | { readonly kind: "paused"; readonly ms: Millis; readonly pause: number }
  /** Packets that were refused, by reason, since the last time; at most once a second. */
  | { readonly kind: "refused"; readonly reasons: Readonly<Record<string, number>> };
