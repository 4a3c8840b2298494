import { advertisedPools } from "../../config/advertised.ts";
import type { Config } from "../../config/types.ts";
import { earliest, type Instant } from "../../base/time.ts";
import type { Wire } from "../../speaker/announced.ts";
import { type Judge, judgementOf } from "../../speaker/judgement.ts";
import { pooledAddresses } from "../../speaker/node_addresses.ts";
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
import type { AddressRange } from "../../net/range.ts";
import type { SpeakerView } from "../../speaker/view.ts";
import type { ConfigKeeper } from "../config/keeper.ts";
import type { Layer2 } from "../linux/packet/layer2.ts";
import { createAttempts } from "../process/attempts.ts";
import type { Clock } from "../process/clock.ts";
import type { Desk, Inbox } from "../process/inbox.ts";
import type { Log } from "../process/log.ts";
import type { RunOptions } from "../process/options.ts";
import { type Ages, createAges } from "./age.ts";
import type { Announcements } from "./announcements.ts";
import type { Concerns } from "./concerns.ts";
import type { Announcer } from "./announcer.ts";
import { type ClaimTelling, createClaimTelling } from "./claim_telling.ts";
import { createCutOff, type CutOff } from "./cut_off.ts";
import type { FactEvent, Facts } from "./facts.ts";
import type { FellowEvent, Fellows } from "./fellows.ts";
import type { DeskHandover } from "./handover.ts";
import { createJudging, type Judging } from "./judging.ts";
import { carryOut, type NoticeEvent } from "./notices.ts";
import type { SpeakerPlans } from "./plans.ts";
import { createTelling, type Telling } from "./telling.ts";

/** All that may change what a speaker announces. */
export type SpeakerEvent =
  | FactEvent
  | FellowEvent
  /** Another configuration is in force. */
  | { readonly kind: "config" }
  /** The interfaces that can announce changed; whether there is any now. */
  | { readonly kind: "interfaces"; readonly usable: boolean }
  /** What is answered, or what BGP peers were told, is something else than before. */
  | { readonly kind: "wire" }
  /** This node ends: from here on it takes no address. */
  | { readonly kind: "leave" };

interface DeskParts {
  readonly options: Pick<
    RunOptions,
    "nodeName" | "election" | "compat" | "ignoreExcludeLabel" | "lbClass"
  >;
  readonly log: Log;
  readonly clock: Clock;
  readonly inbox: Pick<Inbox<SpeakerEvent>, "wakeAt">;
  readonly facts: Pick<Facts, "heardAt" | "nodes" | "nodeAddresses" | "readyPods" | "unknown">;
  readonly keeper: Pick<ConfigKeeper, "current" | "reconsider">;
  readonly plans: SpeakerPlans;
  readonly layer2: Pick<Layer2, "addresses" | "cutOff" | "interfaces" | "leadsToAny" | "problem">;
  readonly fellows: Omit<Fellows, "over">;
  readonly handover: DeskHandover;
  /** In the order in which they learn of new plans. */
  readonly announcers: readonly Announcer[];
  readonly announcements: Announcements;
  readonly concerns: Pick<Concerns, "look">;
  /** What is on the wire now. */
  readonly wire: () => Wire;
}

/** Where a speaker takes what happened, and decides what it announces. */
export interface SpeakerDesk extends Desk<SpeakerEvent> {
  /** What this node waits for before it decides. */
  missing(): readonly Missing[];
  /** By whose rules it judges nodes. */
  judge(): Judge;
  /** To which subnets no interface of a node leads any more, where that counts. */
  cutOff(): SpeakerView["cutOff"];
}

interface State extends DeskParts {
  readonly standing: Standing;
  readonly ages: Ages;
  /** To be carried out with the next decision. */
  readonly notices: NoticeEvent[];
  /** As the fellows were last told. */
  canAnnounce: boolean;
  /** By which the plans were last made. */
  config: Config | undefined;
  readonly judging: Judging;
  /** Of this node, in a pool; each is told once. */
  readonly ownAddresses: Set<string>;
  readonly cutOff: CutOff;
  readonly claims: ClaimTelling;
  readonly telling: Telling;
  /** What is on the wire may be another than was last told. */
  wireChanged: boolean;
}

/** Begins without a decision. */
export function createDesk(parts: DeskParts): SpeakerDesk {
  const state: State = {
    ...parts,
    standing: createStanding(),
    ages: createAges({ ...parts, nodeName: parts.options.nodeName }),
    notices: [],
    canAnnounce: false,
    config: undefined,
    judging: createJudging(parts),
    ownAddresses: new Set(),
    cutOff: createCutOff({ ...parts, nodeName: parts.options.nodeName }),
    claims: createClaimTelling(parts),
    telling: createTelling(parts),
    wireChanged: false,
  };
  return {
    missing: () => missing(state.standing, knowledgeOf(parts)),
    judge: () => state.judging.current(),
    cutOff: () => state.cutOff.byNode(state.judging.current()),
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
      state.claims.ask();
      if (event.returned) handover.putRight();
      return plans.touchAll();
    case "nodes":
    case "members":
      return plans.touchAll();
    case "stranger":
      return handover.strangerHeard();
    case "notice":
      return void state.notices.push(event);
    case "acquainted":
      return onAcquainted(standing);
    case "lost":
      handover.reset();
      state.wireChanged = true;
      return onLost(standing);
    case "leave":
      return onLeave(standing);
    case "wire":
      return void (state.wireChanged = true);
    case "interfaces":
      state.wireChanged = true;
      handover.interfacesChanged();
      // A link that went and came back within one turn flapped all the same.
      return onInterfaces(standing, event.usable && isUsable(state), state.clock.now());
    case "config":
      return; // each decision asks for it
  }
}

function decide(state: State): void {
  const { keeper, standing } = state;
  const attempts = createAttempts();
  // Whom this node leaves its addresses to answers already: nothing else is as urgent.
  if (standing.leaving) carryOut(state, attempts);
  keeper.reconsider();
  const config = keeper.current();
  const isDeciding = config !== undefined && mayDecide(standing, knowledgeOf(state));
  if (isDeciding && state.judging.choose()) state.plans.touchAll();
  const dues = [state.claims.tell(), judgeInterfaces(state), judgeViews(state)];
  if (state.cutOff.look(layer2Ranges(state))) state.plans.touchAll();
  if (isDeciding) announce(state, config);
  carryOut(state, attempts);
  // A node that leaves has handed its addresses over: each line of that would be of no use.
  if (state.wireChanged && !standing.leaving) {
    state.wireChanged = false;
    state.telling.wireChanged();
  }
  dues.push(state.telling.tell());
  if (!standing.leaving) {
    dues.push(state.concerns.look(state.judging.current(), state.cutOff.own()));
  }
  state.inbox.wakeAt(earliest(...dues));
  attempts.end();
}

/** Tells the others when this node can no longer announce, and when it can again; gives when to look again. */
function judgeInterfaces(state: State): Instant | undefined {
  const { clock, fellows, layer2, plans, standing } = state;
  const now = clock.now();
  const own = layer2.addresses();
  if (own !== undefined) fellows.setAddresses(own);
  onInterfaces(standing, isUsable(state), now, !fellows.othersServe());
  const canAnnounce = fellows.problem() === undefined &&
    mayAnnounce(standing, knowledgeOf(state), now, state.canAnnounce);
  if (canAnnounce !== state.canAnnounce) {
    state.canAnnounce = canAnnounce;
    fellows.setCanAnnounce(canAnnounce);
    plans.touchAll();
  }
  return nextChange(standing, now);
}

/** Takes in whose view of the cluster is staler than others'; gives when to look again. */
function judgeViews({ ages, judging, plans }: State): Instant {
  const { isNew, next } = ages.look(judging.current());
  if (isNew) plans.touchAll();
  return next;
}

function isUsable(state: State): boolean {
  const { layer2 } = state;
  return layer2.problem() === undefined && layer2.interfaces().length > 0 &&
    layer2.leadsToAny(layer2Ranges(state));
}

/** What an interface must lead to: beside MetalLB's nothing, they elect who leaves itself out. */
function layer2Ranges({ judging, keeper }: State): readonly AddressRange[] {
  const config = keeper.current();
  if (config === undefined || judging.current() !== "Herald") return [];
  return advertisedPools(config).filter(({ layer2 }) => layer2.length > 0)
    .flatMap(({ pool }) => pool.ranges);
}

function announce(state: State, config: Config): void {
  const { announcers, plans, telling } = state;
  if (config !== state.config) plans.touchAll();
  state.config = config;
  tellOwnAddresses(state, config);
  const view = viewOf(config, state);
  const changes = plans.update(view);
  for (const announcer of announcers) announcer.update(view, changes);
  telling.planned(changes);
}

/** Warns where a pool gives out this node's own address: its kernel answers, whoever is elected. */
function tellOwnAddresses(state: State, config: Config): void {
  const { facts, log, options: { nodeName }, ownAddresses } = state;
  const self = facts.nodes().get(nodeName);
  for (const { ip, pool } of self === undefined ? [] : pooledAddresses(config, [self])) {
    if (ownAddresses.has(ip)) continue;
    ownAddresses.add(ip);
    log.warn({ ip, pool }, "a pool holds this node's own address: no other node announces it");
  }
}

function knowledgeOf({ facts, keeper }: Pick<DeskParts, "facts" | "keeper">): Knowledge {
  return { facts: facts.unknown().length === 0, config: keeper.current() !== undefined };
}

function viewOf(config: Config, state: State): SpeakerView {
  const { options, facts, fellows, judging } = state;
  const { nodeName, election, ignoreExcludeLabel, lbClass } = options;
  const nodes = facts.nodes();
  return {
    config,
    nodes,
    nodeAddresses: facts.nodeAddresses(),
    liveSpeakers: fellows.live(facts.readyPods()),
    ...state.ages.seeing(),
    cutOff: state.cutOff.byNode(judging.current()),
    self: nodeName,
    election,
    judgement: judgementOf(judging.current(), ignoreExcludeLabel, nodes),
    lbClass,
  };
}
