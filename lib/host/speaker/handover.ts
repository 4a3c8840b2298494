import type { Notice } from "../../heartbeat/packet.ts";
import type { Mac } from "../../net/ethernet.ts";
import type { Ip } from "../../net/ip.ts";
import { precedes } from "../../speaker/election.ts";
import {
  claimed,
  createOwnership,
  nextDeadline,
  type OwnershipAction,
  type OwnershipEvent,
  step,
  type Wish,
} from "../../speaker/ownership.ts";
import { systemClock } from "../process/clock.ts";
import type { GossipMetrics } from "../metrics/gossip.ts";
import type { KeptPlan } from "./plans.ts";
import type { Layer2 } from "../linux/packet/layer2.ts";

export interface HandoverOptions {
  readonly nodeName: string;
  readonly layer2: Layer2;
  readonly metrics: GossipMetrics;
  /** Whether other speakers live, of whichever program. */
  readonly hasOthers: () => boolean;
  /** Speakers have or had the first ones, nobody has the others. */
  readonly onHolders: (held: readonly Ip[], free: readonly Ip[]) => void;
  /** Tells all fellows; does nothing where there is no cluster. */
  readonly notify: (notice: Notice) => Promise<void>;
}

/** Brings plans, fellows and notices together into what this node answers for. */
export interface Handover {
  setPlans(changed: readonly KeptPlan[], gone: readonly KeptPlan[]): void;
  setFellows(names: ReadonlySet<string>): void;
  onNotice(from: string, notice: Notice): void;
  /** Falls silent and forgets: others have long taken over. */
  reset(): void;
  /** Tells who came (again) what this node claims. */
  tellClaims(): void;
  /** Answers until each address is claimed by another, at most half a second. */
  leave(): Promise<void>;
  answering(): readonly Ip[];
}

const LEAVE_LOOK_MS = 1;

/** Begins with nothing answered. */
export function startHandover(options: HandoverOptions, signal: AbortSignal): Handover {
  const { layer2, metrics, nodeName } = options;
  let state = createOwnership(nodeName, precedes);
  let answering: readonly Ip[] = [];
  let hasPlans = false;
  let timer: number | undefined;
  const fellowMacs = new Map<string, readonly Mac[]>();

  function advance(event: OwnershipEvent): void {
    if (signal.aborted) return;
    for (const action of step(state, event, systemClock.now())) perform(action);
    clearTimeout(timer);
    const due = nextDeadline(state);
    if (due !== undefined) {
      const wait = Math.max(0, due - systemClock.now());
      timer = setTimeout(() => advance({ kind: "tick" }), wait);
    }
  }

  function perform(action: OwnershipAction): void {
    switch (action.kind) {
      case "answer":
        answering = action.ips;
        return layer2.setOwned(answering, action.quiet, action.resumed);
      case "claim":
        metrics.handovers.inc({ outcome: "claimed" }, action.ips.length);
        return claim(action.ips);
      case "release":
        metrics.handovers.inc({ outcome: "released" }, action.ips.length);
        return void options.notify({ what: "release", ips: action.ips });
      case "announce-again":
        return layer2.announceAgain(action.ips);
    }
  }

  function claim(ips: readonly Ip[]): void {
    const macs = layer2.interfaces().map(({ mac }) => mac);
    void options.notify({ what: "claim", ips, macs });
  }

  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return {
    setPlans(changed, gone) {
      // Whoever starts among others takes over: somebody had what there is.
      if (!hasPlans && options.hasOthers()) options.onHolders(changed.map(({ ip }) => ip), []);
      hasPlans = true;
      const wishes = [
        ...gone.map((plan) => ({ ...wishOf(plan), ...NOBODY })),
        ...changed.map(wishOf),
      ];
      if (wishes.length > 0) advance({ kind: "wishes", wishes });
      const owned = changed.filter(({ announce }) => announce.layer2?.owner !== undefined);
      const free = [
        ...gone,
        ...changed.filter(({ announce }) => announce.layer2?.owner === undefined),
      ];
      options.onHolders(owned.map(({ ip }) => ip), free.map(({ ip }) => ip));
    },
    setFellows(names) {
      // Told with each change of a plan; a step looks at all that this node holds.
      if (names.symmetricDifference(state.fellows).size === 0) return;
      advance({ kind: "fellows", names: new Set(names) });
    },
    onNotice(from, notice) {
      if (notice.what === "leaving") return; // membership told the plans
      if (notice.what === "claim" && notice.macs.length > 0) {
        fellowMacs.set(from, notice.macs);
        layer2.setFellows(new Set([...fellowMacs.values()].flat()));
      }
      if (notice.what === "claim") options.onHolders(notice.ips, []);
      advance({ kind: notice.what, from, ips: notice.ips });
    },
    reset() {
      state = createOwnership(nodeName, precedes);
      answering = [];
      hasPlans = false;
      layer2.setOwned([], []);
    },
    tellClaims() {
      const ips = claimed(state);
      if (ips.length > 0) claim(ips);
    },
    async leave() {
      advance({ kind: "leave" });
      await options.notify({ what: "leaving" });
      // All have acknowledged: their claims are here, or come within moments.
      while (answering.length > 0 && state.held.size > 0 && state.fellows.size > 0) {
        await new Promise((resolve) => setTimeout(resolve, LEAVE_LOOK_MS));
        advance({ kind: "tick" });
      }
    },
    answering: () => answering,
  };
}

const NOBODY = { own: false, owner: undefined, canLinger: false } as const;

function wishOf({ ip, salt, announce: { layer2 } }: KeptPlan): Wish {
  if (layer2 === undefined) return { ip, salt, ...NOBODY };
  return { ip, salt, own: layer2.here, owner: layer2.owner, canLinger: layer2.canLinger };
}
