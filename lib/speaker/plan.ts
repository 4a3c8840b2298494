import { advertisedWith, onNode, type OrderedAdvertisement } from "../config/advertised.ts";
import type { Advertisement, Layer2Advertisement, Protocol } from "../config/types.ts";
import type { ServiceFacts, ServiceKey, SliceFacts } from "../model/facts.ts";
import { isOurClass } from "../model/service_class.ts";
import { familyOf, formatIp, type Ip } from "../net/ip.ts";
import { labelsOf, servingNodes } from "./candidates.ts";
import { type Asked, elect, type Election, electUnclaimed } from "./electing.ts";
import type { Electorate } from "./electorate.ts";
import { type RouteWish, routeWishes } from "./routes.ts";
import type { Candidate, ElectionRule, SpeakerView } from "./view.ts";

/** Why nobody announces an address, as a word for metrics and a sentence for people. */
export const SILENT_REASONS = [
  "not-in-pool",
  "no-advertisement",
  "no-ready-endpoint",
  "no-candidate",
] as const;
type SilentReason = typeof SILENT_REASONS[number];

/** What comes out for an address in one of the ways in which it may be announced. */
interface Verdict {
  /** This node announces it. */
  readonly here: boolean;
  readonly silent: SilentReason | undefined;
  /** Why this node announces it, or why not. */
  readonly reason: string;
}

/** By layer 2 one node announces an address. */
interface Layer2Plan extends Verdict {
  readonly owner: string | undefined;
  /** The owner answers on these interfaces alone; undefined means on all. */
  readonly interfaces: readonly string[] | undefined;
  /** This node could still serve it, were it not for the election or its node's state. */
  readonly canLinger: boolean;
}

/** By BGP every eligible node tells its own routes. */
interface BgpPlan extends Verdict {
  /** What this node tells. */
  readonly routes: readonly RouteWish[];
}

export interface AddressPlan {
  readonly ip: Ip;
  /** The Services behind it, by name. */
  readonly services: readonly ServiceKey[];
  readonly pool: string | undefined;
  /** In the ways for which there is an advertisement. */
  readonly announce: { readonly layer2?: Layer2Plan; readonly bgp?: BgpPlan };
  /** Candidates in the order of the election, then the others by name. */
  readonly candidates: Readonly<Partial<Record<Protocol, readonly Candidate[]>>>;
  /** By which the election ranks. */
  readonly salt: string;
  /** Why nobody announces it in any way. */
  readonly silent: SilentReason | undefined;
  /** Why this node announces it, or why not. */
  readonly reason: string;
  /** What a person should know of it, told by this node alone. */
  readonly notice: string | undefined;
}

const SILENT_TEXT: Readonly<Record<SilentReason, string>> = {
  "not-in-pool": "no pool of the configuration has this address",
  "no-advertisement": "no advertisement of the configuration is for this address",
  "no-ready-endpoint": "no endpoint of the Service is ready",
  "no-candidate": "no node can announce it",
};

/** By BGP each node tells its own routes: no election, and its own speaker lives. */
const ON_EVERY_NODE = {
  election: "v0.11",
  liveSpeakers: undefined,
  staleSpeakers: new Set<string>(),
  cutOff: undefined,
} as const;

/**
 * Decides which nodes announce one address (MetalLB speaker/layer2_controller.go): the same on every node
 * that sees the same. `services` are those that have the address in their status; several share it,
 * and it still has one owner. With an electorate of the view the plan is made in a thousandth of
 * the time, and of the candidates at most the owner and this node are given.
 */
export function planAddress(
  ip: Ip,
  services: readonly ServiceFacts[],
  slicesOf: (service: ServiceKey) => Iterable<SliceFacts>,
  view: SpeakerView,
  electorate?: Electorate,
): AddressPlan {
  const ours = services.filter((facts) => isAnnounced(facts, view.lbClass))
    .sort((a, b) => a.key < b.key ? -1 : 1);
  const found = advertisedWith(view.config, ip);
  const served = ours.flatMap((facts) => {
    const on = servingNodes(slicesOf(facts.key), familyOf(ip), view.judgement);
    return on === undefined ? [] : [{ facts, on }];
  });
  const salt = saltOf(served[0]?.facts, view.election);
  const asked = { ip, ours, served, salt, view, electorate };
  const layer2 = electByLayer2(asked, found?.layer2 ?? []);
  const bgp = electByBgp(asked, found?.bgp ?? []);
  const announce = { layer2: layer2?.plan, bgp: bgp?.plan };
  const nothing = found === undefined ? "not-in-pool" : "no-advertisement";
  const ways = [announce.layer2, announce.bgp].filter((way) => way !== undefined);
  return {
    ip,
    services: ours.map(({ key }) => key),
    pool: found?.pool.name,
    announce,
    candidates: { layer2: layer2?.candidates, bgp: bgp?.candidates },
    salt,
    silent: ways.every(({ silent }) => silent !== undefined)
      ? ways[0]?.silent ?? nothing
      : undefined,
    reason: reasonOf(announce) ?? SILENT_TEXT[nothing],
    notice: layer2?.notice ?? bgp?.notice,
  };
}

/** The reasons of both ways in one sentence; undefined where there is neither. */
export function reasonOf(
  { layer2, bgp }: Readonly<Partial<Record<Protocol, Pick<Verdict, "reason">>>>,
): string | undefined {
  if (layer2 === undefined || bgp === undefined || layer2.reason === bgp.reason) {
    return (layer2 ?? bgp)?.reason;
  }
  return `layer 2: ${layer2.reason}; BGP: ${bgp.reason}`;
}

interface Elected<Plan> {
  readonly plan: Plan;
  readonly candidates: readonly Candidate[];
  readonly notice: string | undefined;
}

function electByLayer2(
  asked: Asked,
  all: readonly Layer2Advertisement[],
): Elected<Layer2Plan> | undefined {
  const { view } = asked;
  const election = electUnclaimed(asked, all) ?? elect(asked, all, "layer2", view);
  if (election === undefined) return undefined;
  const { first: owner, candidates, served, advertisements, notice } = election;
  if (owner === undefined) {
    const plan = { owner, interfaces: undefined, canLinger: false, ...silence(election) };
    return { plan, candidates, notice };
  }
  const here = owner === view.self;
  const there = onNode(advertisements, labelsOf(view.nodes, owner));
  const plan = {
    owner,
    here,
    interfaces: there.some(({ interfaces }) => interfaces.length === 0)
      ? undefined
      : there.flatMap(({ interfaces }) => interfaces),
    canLinger: served.some(({ facts, on }) =>
      facts.externalTrafficPolicy !== "Local" || on.has(view.self)
    ),
    silent: undefined,
    reason: here ? "owner" : whyNotSelf(candidates, owner, view.self),
  };
  return { plan, candidates, notice };
}

function electByBgp(
  asked: Asked,
  all: readonly OrderedAdvertisement[],
): Elected<BgpPlan> | undefined {
  const { ip, view } = asked;
  const election = elect(asked, all, "bgp", { ...view, ...ON_EVERY_NODE });
  if (election === undefined) return undefined;
  const { first, candidates, advertisements, notice } = election;
  if (first === undefined) {
    return { plan: { routes: [], ...silence(election) }, candidates, notice };
  }
  const here = candidates.some(({ node, eligible }) => eligible && node === view.self);
  const own = here ? onNode(advertisements, labelsOf(view.nodes, view.self)) : [];
  const plan = {
    routes: routeWishes(ip, own),
    here,
    silent: undefined,
    reason: here ? "routed here by BGP" : whyNotSelf(candidates, first, view.self),
  };
  return { plan, candidates, notice };
}

function silence({ served, candidates }: Election<Advertisement>): Verdict {
  if (served.length === 0) {
    return { here: false, silent: "no-ready-endpoint", reason: SILENT_TEXT["no-ready-endpoint"] };
  }
  const first = candidates.slice(0, 3).map(({ node, reason }) => `${node}: ${reason}`);
  const reason = `${SILENT_TEXT["no-candidate"]} (${first.join("; ")}${
    candidates.length > 3 ? "; …" : ""
  })`;
  return { here: false, silent: "no-candidate", reason };
}

/** Whether a Service's addresses are ours to announce at all (rule A13 holds for speakers too). */
export function isAnnounced(facts: ServiceFacts, lbClass: string | undefined): boolean {
  return facts.isLoadBalancer && isOurClass(facts, lbClass);
}

function saltOf(facts: ServiceFacts | undefined, rule: ElectionRule): string {
  if (facts === undefined) return "";
  const [first] = facts.assigned;
  return rule === "v0.10" || first === undefined ? facts.key : formatIp(first);
}

function whyNotSelf(candidates: readonly Candidate[], owner: string, self: string): string {
  const own = candidates.find(({ node }) => node === self);
  if (own === undefined) {
    return `this node ("${self}") is not known to the cluster; ${owner} announces`;
  }
  return own.eligible
    ? `${owner} comes first in the election`
    : `${own.reason}; ${owner} announces`;
}
