import type { Instant } from "../../base/time.ts";
import type { Notice } from "../../heartbeat/packet.ts";
import type { Mac } from "../../net/ethernet.ts";
import type { Ip } from "../../net/ip.ts";
import { precedes } from "../../speaker/election.ts";
import { claimed, nextDeadline, step } from "../../speaker/ownership.ts";
import {
  createOwnership,
  type OwnershipAction,
  type OwnershipEvent,
  type OwnershipState,
  type Wish,
} from "../../speaker/ownership_state.ts";
import { lingers, silence } from "../../speaker/silence.ts";
import {
  answeredBy,
  createUnclaimed,
  leftToOthers,
  nextUnclaimed,
  nobodys,
  onClaimed,
  onElected,
  onHeard,
  onOwnerless,
  onReleased,
  type Unclaimed,
  unclaimed,
} from "../../speaker/unclaimed.ts";
import type { SpeakerView } from "../../speaker/view.ts";
import type { AddressProber } from "../linux/packet/address_prober.ts";
import type { GossipMetrics } from "../metrics/gossip.ts";
import type { Clock } from "../process/clock.ts";
import { runMachine } from "../process/machine.ts";
import type { Announcer } from "./announcer.ts";
import type { Fellows } from "./fellows.ts";
import type { KeptPlan } from "./plans.ts";

interface HandoverOptions {
  readonly nodeName: string;
  readonly layer2: Pick<
    AddressProber,
    | "announceAgain"
    | "interfaces"
    | "setFellows"
    | "setFree"
    | "setHeld"
    | "setOwned"
    | "strangerHeard"
  >;
  readonly fellows: Pick<Fellows, "heard" | "notify">;
  readonly clock: Clock;
  readonly metrics: GossipMetrics;
  /** This node answers for others than before. */
  readonly onAnswer: () => void;
}

/** Layer 2 as an announcer: plans, fellows and notices say what this node answers for. */
export interface Handover extends Announcer {
  onNotice(from: string, notice: Notice): void;
  /** Falls silent and forgets: others have long taken over. */
  reset(): void;
  /** Tells a node that came (again) what this one claims. */
  tellClaims(): void;
  /** A node that was missed is heard again: neighbours may believe what it announced meanwhile. */
  putRight(): void;
  /** A speaker is heard whose hardware addresses are not known yet. */
  strangerHeard(): void;
  /** Fellows take frames with hardware addresses that they were not told for a foreign host's. */
  interfacesChanged(): void;
  /** Speakers that see less than others, maybe this one: they give way. */
  setStale(names: ReadonlySet<string>): void;
  /** The hardware addresses of MetalLB's speakers: what they announce is no foreign host's. */
  setMacsBeside(macs: readonly Mac[]): void;
  /** Why an address that is this node's by the plan gets no answer from it; undefined when it does. */
  silence(ip: Ip): string | undefined;
  /** The fellow that answers for an address; else the one planned, where it does not tell what it claims. */
  answersElsewhere(ip: Ip, planned: string | undefined): string | undefined;
  /** This node, where it hands an address over and still answers. */
  lingers(ip: Ip): string | undefined;
  /** Answers until each address is claimed by another, at most a second and a half. */
  leave(): Promise<void>;
  answering(): readonly Ip[];
  /** Addresses that this node gives to a fellow and that nobody claims. */
  unclaimed(): ReadonlyMap<string, readonly Ip[]>;
  /** Tells fellows what this node leaves to one that does not claim it, and gives what it may answer for itself. */
  nobodys(isStale: boolean): NonNullable<SpeakerView["unclaimed"]>;
  /** When there may be more of them. */
  nextUnclaimed(): Instant | undefined;
}

/** What the desk tells it beside plans. */
export type DeskHandover = Pick<
  Handover,
  | "interfacesChanged"
  | "nobodys"
  | "onNotice"
  | "putRight"
  | "reset"
  | "setStale"
  | "strangerHeard"
  | "tellClaims"
>;

const LEAVE_LOOK_MS = 1;

interface State {
  ownership: OwnershipState;
  answering: readonly Ip[];
  hasPlans: boolean;
  /** As the fellows were last told. */
  macs: readonly Mac[];
  readonly fellowMacs: Map<string, readonly Mac[]>;
  macsBeside: readonly Mac[];
  readonly unclaimed: Unclaimed;
}

/** Begins with nothing answered. */
export function startHandover(options: HandoverOptions, signal: AbortSignal): Handover {
  const { clock, fellows, layer2, nodeName } = options;
  const state = createState(nodeName);
  const { feed } = runMachine<OwnershipEvent, OwnershipAction>({
    step: (event, now) => step(state.ownership, event, now),
    nextDeadline: () => nextDeadline(state.ownership),
    perform: (action) => perform(options, state, action),
    tick: { kind: "tick" },
    clock,
    signal,
  });
  return {
    update(view, { all, changed, gone }) {
      // Fellows first: one that is gone takes nothing over, and what was left to it is taken back.
      const heard = fellows.heard();
      // Fellows are told with each change of a plan, and a step looks at all that this node holds.
      if (heard.symmetricDifference(state.ownership.fellows).size > 0) {
        feed({ kind: "fellows", names: new Set(heard) });
        onHeard(state.unclaimed, heard, clock.now());
      }
      const plans = state.hasPlans ? changed : [...all.values()];
      // A node that joins running speakers treats every address as held by one of them.
      if (!state.hasPlans && hasOthers(view)) layer2.setHeld(plans.map(({ ip }) => ip));
      state.hasPlans = true;
      const wishes = [...gone.map(endOf), ...plans.map(wishOf)];
      for (const wish of wishes) noteElected(state.unclaimed, wish, clock.now());
      if (wishes.length > 0) feed({ kind: "wishes", wishes });
      const { held, free } = holdersOf(plans, gone);
      layer2.setHeld(held);
      layer2.setFree(free);
    },
    onNotice(from, notice) {
      if (notice.what === "leaving") return; // the plans without it say what is to be taken over
      takeNotice(options, state, from, notice);
      feed({ kind: notice.what, from, ips: notice.ips });
    },
    reset() {
      state.ownership = createOwnership(nodeName, precedes);
      state.answering = [];
      state.hasPlans = false;
      layer2.setOwned([], []);
    },
    tellClaims: () => tellClaims(options, state),
    setMacsBeside(macs) {
      state.macsBeside = macs;
      tellFellows(options, state);
    },
    strangerHeard: () => layer2.strangerHeard(),
    putRight: () => feed({ kind: "returned" }),
    interfacesChanged() {
      if (macsOf(layer2).join() !== state.macs.join()) tellClaims(options, state);
    },
    async leave() {
      feed({ kind: "leave" });
      await fellows.notify({ what: "leaving" });
      // All have acknowledged: their claims are here, or come within moments.
      while (state.answering.length > 0 && state.ownership.fellows.size > 0) {
        if (signal.aborted) return;
        await clock.sleep(LEAVE_LOOK_MS, signal);
      }
    },
    setStale(names) {
      if (names.symmetricDifference(state.ownership.stale).size > 0) feed({ kind: "stale", names });
    },
    silence: (ip) => silence(state.ownership, ip),
    answersElsewhere: (ip, planned) =>
      answeredBy(state.unclaimed, ip, planned, fellows.heard(), clock.now()),
    lingers: (ip) => lingers(state.ownership, ip),
    unclaimed: () => unclaimed(state.unclaimed, fellows.heard(), clock.now()),
    nobodys(isStale) {
      const [heard, now] = [fellows.heard(), clock.now()];
      const ips = leftToOthers(state.unclaimed, heard, now);
      if (ips.length > 0) void fellows.notify({ what: "release", ips });
      const self = { name: nodeName, isStale, own: claimed(state.ownership) };
      return nobodys(state.unclaimed, self, heard, now);
    },
    nextUnclaimed: () => nextUnclaimed(state.unclaimed, nodeName, fellows.heard(), clock.now()),
    answering: () => state.answering,
  };
}

function noteElected(unclaimed: Unclaimed, { ip, own, owner }: Wish, now: Instant): void {
  onElected(unclaimed, ip, own ? undefined : owner, now);
  if (owner === undefined) onOwnerless(unclaimed, ip);
}

function createState(nodeName: string): State {
  return {
    ownership: createOwnership(nodeName, precedes),
    answering: [],
    hasPlans: false,
    macs: [],
    fellowMacs: new Map(),
    macsBeside: [],
    unclaimed: createUnclaimed(),
  };
}

function perform(options: HandoverOptions, state: State, action: OwnershipAction): void {
  const { fellows, layer2, metrics } = options;
  switch (action.kind) {
    case "answer":
      state.answering = action.ips;
      layer2.setOwned(action.ips, action.quiet, action.resumed);
      return options.onAnswer();
    case "claim":
      metrics.handovers.inc({ outcome: "claimed" }, action.ips.length);
      return claim(options, state, action.ips);
    case "release":
      metrics.handovers.inc({ outcome: "released" }, action.ips.length);
      return void fellows.notify({ what: "release", ips: action.ips });
    case "announce-again":
      return layer2.announceAgain(action.ips);
  }
}

/** One that claims nothing now may have announced a moment ago: its hardware addresses count. */
function tellClaims(options: HandoverOptions, state: State): void {
  claim(options, state, claimed(state.ownership));
}

function claim({ fellows, layer2 }: HandoverOptions, state: State, ips: readonly Ip[]): void {
  state.macs = macsOf(layer2);
  void fellows.notify({ what: "claim", ips, macs: state.macs });
}

/** Takes in what a fellow says beside the addresses that it hands over. */
function takeNotice(
  options: HandoverOptions,
  state: State,
  from: string,
  notice: Exclude<Notice, { readonly what: "leaving" }>,
): void {
  const { clock, layer2 } = options;
  if (notice.what === "release") {
    return onReleased(state.unclaimed, from, notice.ips, clock.now());
  }
  if (notice.macs.length > 0) {
    state.fellowMacs.set(from, notice.macs);
    tellFellows(options, state);
  }
  layer2.setHeld(notice.ips);
  onClaimed(state.unclaimed, from, notice.ips);
}

function tellFellows({ layer2 }: HandoverOptions, state: State): void {
  const all = new Set([...state.fellowMacs.values(), state.macsBeside].flat());
  layer2.setFellows(all, new Set(state.macsBeside));
}

/** VLANs of one interface share its hardware address. */
function macsOf(layer2: Pick<AddressProber, "interfaces">): Mac[] {
  return [...new Set(layer2.interfaces().map(({ mac }) => mac))];
}

function hasOthers({ liveSpeakers, self }: SpeakerView): boolean {
  return [...liveSpeakers ?? []].some((name) => name !== self);
}

function holdersOf(
  plans: readonly KeptPlan[],
  gone: readonly KeptPlan[],
): { readonly held: readonly Ip[]; readonly free: readonly Ip[] } {
  const held = plans.filter(({ announce }) => announce.layer2?.owner !== undefined);
  const free = [...gone, ...plans.filter(({ announce }) => announce.layer2?.owner === undefined)];
  return { held: held.map(({ ip }) => ip), free: free.map(({ ip }) => ip) };
}

const NOBODY = { own: false, owner: undefined, canLinger: false } as const;

function wishOf({ ip, salt, announce: { layer2 } }: KeptPlan): Wish {
  if (layer2 === undefined) return { ip, salt, ...NOBODY };
  return { ip, salt, own: layer2.here, owner: layer2.owner, canLinger: layer2.canLinger };
}

/** No Service has the address any more. */
function endOf({ ip, salt }: KeptPlan): Wish {
  return { ip, salt, ...NOBODY };
}
