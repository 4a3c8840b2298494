import { formatMac, type Mac } from "../../../net/ethernet.ts";
import { formatIp, type Ip } from "../../../net/ip.ts";
import {
  type ConflictAction,
  type ConflictEvent,
  createConflicts,
  current,
  nextDeadline,
  step,
  suspects,
} from "../../../speaker/conflicts.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import type { Clock } from "../../process/clock.ts";
import type { Log } from "../../process/log.ts";
import { runMachine } from "../../process/machine.ts";
import type { Conflict } from "./orders.ts";

interface ConflictsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Announces the address once more. */
  readonly defend: (ip: Ip) => void;
  readonly nameOf: (ifindex: number) => string | undefined;
  /** Another host has one of our addresses; told once a minute for each. */
  readonly onConflict: (ip: Ip, mac: Mac) => void;
}

/** Who else has our addresses. */
export interface Conflicts {
  seen(conflict: Conflict): void;
  setOwn(macs: ReadonlySet<Mac>): void;
  /** Of the reticent among them, which do not tell their hardware addresses, some may be missing. */
  setFellows(macs: ReadonlySet<Mac>, reticent: ReadonlySet<Mac>): void;
  /** Hosts that have our addresses and are not judged yet. */
  suspects(): ReadonlySet<Mac>;
  /** A speaker is heard whose hardware addresses are not known yet. */
  strangerHeard(): void;
  setOwned(ips: readonly Ip[]): void;
  /** Of the last minute. */
  current(): readonly { readonly ip: Ip; readonly mac: Mac }[];
}

/** Judges conflicts until the signal fires. */
export function startConflicts(options: ConflictsOptions, signal: AbortSignal): Conflicts {
  const { clock } = options;
  const state = createConflicts();
  const { feed } = runMachine<ConflictEvent, ConflictAction>({
    step: (event, now) => step(state, event, now),
    nextDeadline: () => nextDeadline(state),
    perform: (action) => perform(options, action),
    tick: { kind: "tick" },
    clock,
    signal,
  });
  return {
    seen: (conflict) => feed({ kind: "seen", ...conflict }),
    setOwn: (own) => feed({ kind: "known", own, fellows: state.fellows }),
    setFellows: (fellows, reticent) => feed({ kind: "known", own: state.own, fellows, reticent }),
    suspects: () => suspects(state),
    strangerHeard: () => feed({ kind: "stranger" }),
    setOwned: (ips) => feed({ kind: "owned", ips }),
    current: () => current(state, clock.now()),
  };
}

function perform(options: ConflictsOptions, action: ConflictAction): void {
  const { defend, log, metrics, nameOf, onConflict } = options;
  switch (action.kind) {
    case "defend":
      return defend(action.ip);
    case "count":
      return metrics.layer2.conflicts.inc({ kind: action.verdict }, action.frames);
    case "tell": {
      const { ip, mac, ifindex } = action;
      log.warn(
        { ip: formatIp(ip), mac: formatMac(mac), interface: nameOf(ifindex) },
        "another host has our address: find it by its MAC and take the address from it",
      );
      return onConflict(ip, mac);
    }
  }
}
