import type { Config } from "../../config/types.ts";
import type { Ip } from "../../net/ip.ts";
import { withheld } from "../../speaker/plan.ts";
import {
  createStanding,
  type Knowledge,
  mayAnnounce,
  mayDecide,
  type Missing,
  missing,
  nextChange,
  onAcquainted,
  onInterfaces,
  onLeave,
  onLost,
  type Standing,
} from "../../speaker/standing.ts";
import type { SpeakerView } from "../../speaker/view.ts";
import type { ConfigKeeper } from "../config/keeper.ts";
import type { Layer2 } from "../linux/packet/layer2.ts";
import type { Clock } from "../process/clock.ts";
import type { Desk, Inbox } from "../process/inbox.ts";
import type { RunOptions } from "../process/options.ts";
import type { Announcements } from "./announcements.ts";
import type { Announcer } from "./announcer.ts";
import type { FactEvent, Facts } from "./facts.ts";
import type { FellowEvent, Fellows } from "./fellows.ts";
import type { Handover } from "./handover.ts";
import type { KeptPlan, SpeakerPlans } from "./plans.ts";

/** All that may change what a speaker announces. */
export type SpeakerEvent =
  | FactEvent
  | FellowEvent
  /** Another configuration is in force. */
  | { readonly kind: "config" }
  /** The interfaces that can announce changed; whether there is any now. */
  | { readonly kind: "interfaces"; readonly usable: boolean }
  /** Whether the address is held back changed. */
  | { readonly kind: "verdict"; readonly ip: Ip }
  /** This node ends: from here on it takes no address. */
  | { readonly kind: "leave" };

interface DeskParts {
  readonly options: Pick<RunOptions, "nodeName" | "election" | "ignoreExcludeLabel" | "lbClass">;
  readonly clock: Clock;
  readonly inbox: Pick<Inbox<SpeakerEvent>, "wakeAt">;
  readonly facts: Pick<Facts, "nodes" | "readyPods" | "unknown">;
  readonly keeper: Pick<ConfigKeeper, "current" | "reconsider">;
  readonly plans: SpeakerPlans;
  readonly layer2: Pick<Layer2, "heldBack" | "interfaces">;
  readonly fellows: Fellows;
  readonly handover: Pick<Handover, "interfacesChanged" | "onNotice" | "reset" | "tellClaims">;
  /** In the order in which they learn of new plans. */
  readonly announcers: readonly Announcer[];
  readonly announcements: Announcements;
}

/** Where a speaker takes what happened, and decides what it announces. */
export interface SpeakerDesk extends Desk<SpeakerEvent> {
  /** What this node waits for before it decides. */
  missing(): readonly Missing[];
}

interface State extends DeskParts {
  readonly standing: Standing;
  /** To be carried out with the next decision. */
  readonly notices: (SpeakerEvent & { readonly kind: "notice" })[];
  /** As the fellows were last told. */
  canAnnounce: boolean;
  /** By which the plans were last made. */
  config: Config | undefined;
}

/** Begins without a decision. */
export function createDesk(parts: DeskParts): SpeakerDesk {
  const state: State = {
    ...parts,
    standing: createStanding(),
    notices: [],
    canAnnounce: false,
    config: undefined,
  };
  return {
    missing: () => missing(state.standing, knowledgeOf(parts)),
    take: (event) => take(state, event),
    decide: () => decide(state),
  };
}

function take(state: State, event: SpeakerEvent): void {
  const { fellows, handover, plans, standing } = state;
  switch (event.kind) {
    case "service":
      return plans.onService(event.change);
    case "slice":
      return plans.onSlice(event.change);
    case "pods":
      fellows.podsChanged();
      return plans.touchAll();
    case "fellow-up":
      handover.tellClaims();
      return plans.touchAll();
    case "nodes":
    case "members":
      return plans.touchAll();
    case "notice":
      return void state.notices.push(event);
    case "acquainted":
      return onAcquainted(standing);
    case "lost":
      handover.reset();
      return onLost(standing);
    case "leave":
      return onLeave(standing);
    case "verdict": {
      const plan = plans.plans.get(event.ip);
      return plan && report(state, plan);
    }
    case "interfaces":
      handover.interfacesChanged();
      // A link that went and came back within one turn flapped all the same.
      return onInterfaces(standing, event.usable, state.clock.now());
    case "config":
      return; // each decision asks for it
  }
}

function decide(state: State): void {
  const { handover, keeper, notices, standing } = state;
  keeper.reconsider();
  judgeInterfaces(state);
  const config = keeper.current();
  if (config !== undefined && mayDecide(standing, knowledgeOf(state))) announce(state, config);
  // A fellow's notice is carried out with the changes it brings, and only then acknowledged.
  for (const { from, notice, acknowledge } of notices.splice(0)) {
    handover.onNotice(from, notice);
    acknowledge();
  }
}

/** Tells the others when this node can no longer announce, and when it can again. */
function judgeInterfaces(state: State): void {
  const { clock, fellows, inbox, layer2, plans, standing } = state;
  const now = clock.now();
  onInterfaces(standing, layer2.interfaces().length > 0, now);
  inbox.wakeAt(nextChange(standing, now));
  const canAnnounce = mayAnnounce(standing, knowledgeOf(state), now, state.canAnnounce);
  if (canAnnounce === state.canAnnounce) return;
  state.canAnnounce = canAnnounce;
  fellows.setCanAnnounce(canAnnounce);
  plans.touchAll();
}

function announce(state: State, config: Config): void {
  const { announcements, announcers, plans } = state;
  if (config !== state.config) plans.touchAll();
  state.config = config;
  const view = viewOf(config, state);
  const changes = plans.update(view);
  for (const announcer of announcers) announcer.update(view, changes);
  changes.gone.forEach(announcements.forget);
  for (const plan of changes.changed) report(state, plan);
}

/** An address that is held back is not announced, whatever the plan says. */
function report({ announcements, layer2 }: State, plan: KeptPlan): void {
  const reason = layer2.heldBack(plan.ip);
  announcements.report(reason === undefined ? plan : withheld(plan, reason));
}

function knowledgeOf({ facts, keeper }: Pick<DeskParts, "facts" | "keeper">): Knowledge {
  return { facts: facts.unknown().length === 0, config: keeper.current() !== undefined };
}

function viewOf(config: Config, { options, facts, fellows }: DeskParts): SpeakerView {
  const { nodeName, election, ignoreExcludeLabel, lbClass } = options;
  return {
    config,
    nodes: facts.nodes(),
    liveSpeakers: fellows.live(facts.readyPods()),
    self: nodeName,
    election,
    ignoreExcludeLabel,
    lbClass,
  };
}
