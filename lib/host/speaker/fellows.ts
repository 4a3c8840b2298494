import { gossipKeys } from "../../gossip/keys.ts";
import type { Announcement, ViewState } from "../../gossip/meta.ts";
import type { HeartbeatTiming } from "../../heartbeat/monitor_state.ts";
import type { Notice } from "../../heartbeat/packet.ts";
import type { PodFacts } from "../../model/facts.ts";
import { familyOf, type Ip, isLinkLocal, parseIp } from "../../net/ip.ts";
import type { GossipOptions } from "../gossip/gossip.ts";
import { ownAddresses, sourceAddressFor } from "../linux/own_addresses.ts";
import type { GossipFlags } from "../process/options.ts";
import type { Unreached } from "../../speaker/concerns.ts";
import { type Roster, rosterOf } from "../../speaker/roster.ts";
import type { Beside } from "../../speaker/judgement.ts";
import type { SpeakerStatus } from "../../status/types.ts";
import type { Facts } from "./facts.ts";

/** What the other speakers give this one to decide. */
export type FellowEvent =
  /** The live speakers, or those this node can talk to, changed. */
  | { readonly kind: "members" }
  /** A fellow's notice, to be acknowledged once it is carried out. */
  | {
    readonly kind: "notice";
    readonly from: string;
    readonly notice: Notice;
    readonly acknowledge: () => void;
  }
  /**
   * A fellow is heard (again), or has not heard this node: it must learn what this one claims.
   * Returned: it went without a goodbye, or is MetalLB's and came; it may have announced what is ours.
   */
  | { readonly kind: "fellow-up"; readonly returned: boolean }
  /** A speaker is heard that gossip has not told of. */
  | { readonly kind: "stranger" }
  /** This node knows which other speakers there are; before, it would think itself alone. */
  | { readonly kind: "acquainted" }
  /** The process was paused so long that it must fall silent until it is acquainted again. */
  | { readonly kind: "lost" };

/** The other speakers, as this one's desk sees them. */
export interface Fellows extends AsyncDisposable {
  /** Nodes whose speaker lives and can announce, this one included; undefined: every node. */
  live(readyPods: ReadonlySet<string> | undefined): ReadonlySet<string> | undefined;
  /** Speakers whose heartbeat is heard: they answer notices. */
  heard(): ReadonlySet<string>;
  /** Speakers of MetalLB in the gossip: as they judge nodes, this one must. */
  beside(): Beside;
  /** What the others tell of themselves, and where MetalLB's gossip. */
  roster(): Pick<Roster, "addressesBeside" | "beating" | "cutOff" | "rules">;
  /** Tells the others by what rules this node decides, and from what it is cut off. */
  describeSelf(self: Pick<Announcement, "cutOff" | "rules">): void;
  /** Speakers whose Pods are ready and that gossip never reached. */
  unreached(readyPods: ReadonlySet<string> | undefined): Unreached;
  /** The state of each member, in words for people; undefined without gossip. */
  describe(): SpeakerStatus["members"];
  /** Tells the others whether they may count on this node. */
  setCanAnnounce(canAnnounce: boolean): void;
  /** Tells the others how current this node's view of the cluster is. */
  setView(view: ViewState): void;
  /** Fellows whose view is stale. */
  stale(): ReadonlySet<string>;
  /** Whether a fellow can announce that knows whether this node can. */
  othersServe(): boolean;
  /** Whether a fellow that lives has a current view. */
  othersCurrent(): boolean;
  /** Settles when all fellows have carried it out, or the time for it is over. */
  notify(notice: Notice): Promise<void>;
  /** The speakers' pods changed: where others may be found did too. */
  podsChanged(): void;
  /** Lets `handOver` give the addresses away and says goodbye; nothing where there are no others. */
  leave(handOver: () => Promise<void>): Promise<void>;
  /** All addresses that this machine has now: without its own the membership ends. */
  setAddresses(own: ReadonlySet<Ip>): void;
  /** Settles when the address is gone for good, or this node ends. */
  readonly over: Promise<"address gone" | "end">;
  /** Why this node must not announce; undefined when it may. */
  problem(): string | undefined;
  /** Why this node's heartbeat has stopped: only a restart helps. */
  heartbeatProblem(): string | undefined;
}

/** Without gossip only the pods tell which speakers there are, and nobody listens. */
export const ALONE: Fellows = {
  roster: () => rosterOf(new Set(), new Map(), 0, new Set()),
  describeSelf: () => undefined,
  unreached: () => ({ nodes: [], failures: new Set(), keyBytes: undefined }),
  live: (readyPods) => readyPods,
  heard: () => new Set(),
  beside: () => ({ nodes: new Set(), older: new Set(), newer: new Set(), keyBytes: undefined }),
  describe: () => undefined,
  setCanAnnounce: () => undefined,
  setView: () => undefined,
  stale: () => new Set(),
  othersServe: () => false,
  othersCurrent: () => false,
  notify: () => Promise.resolve(),
  podsChanged: () => undefined,
  setAddresses: () => undefined,
  over: Promise.resolve("end"),
  leave: () => Promise.resolve(),
  problem: () => undefined,
  heartbeatProblem: () => undefined,
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** By what this speaker joins the others. */
export interface FellowSettings {
  readonly address: Ip;
  readonly port: number;
  readonly keys: readonly Uint8Array[];
  /** Where others may be. */
  readonly candidates: GossipOptions["candidates"];
  readonly timing: HeartbeatTiming;
}

/** What the kernel tells of this machine's addresses; tests hand in their own. */
export interface Machine {
  readonly sourceAddressFor: typeof sourceAddressFor;
  readonly ownAddresses: typeof ownAddresses;
}

/** Takes them from the flags. @throws Error when this machine has no address to gossip on */
export function fellowSettings(
  flags: GossipFlags,
  facts: Pick<Facts, "pods" | "podsKnown">,
  machine: Machine = { sourceAddressFor, ownAddresses },
): FellowSettings {
  const address = flags.bindAddress ?? gossipAddress(flags.join, machine);
  if (address === undefined) {
    throw new Error("Gossip finds no address of this machine; name one with --ml-bindaddr");
  }
  return {
    address,
    port: flags.port,
    keys: gossipKeys(flags.secret, flags.keyBytes),
    candidates: () => ({
      addresses: [...flags.join, ...podAddresses(facts.pods())],
      complete: facts.podsKnown(),
    }),
    timing: flags.heartbeat,
  };
}

function podAddresses(pods: ReadonlyMap<string, PodFacts> | undefined): Ip[] {
  return [...pods?.values() ?? []].map(({ ip }) => parseIp(ip ?? ""))
    .filter((ip) => ip !== undefined);
}

/** Nobody's hosts (RFC 5737, RFC 3849): the way to them is the one that leads out. */
const ELSEWHERE: readonly Ip[] = ["192.0.2.1", "2001:db8::1"].map((text) => parseIp(text))
  .filter((ip) => ip !== undefined);

/** Others reach this machine by the address that it sends from to the first of them. */
function gossipAddress([first]: readonly Ip[], machine: Machine): Ip | undefined {
  const isNear = (ip: Ip) => first === undefined || familyOf(ip) === familyOf(first);
  const ways = [...first === undefined ? [] : [first], ...ELSEWHERE.filter(isNear)];
  for (const to of ways) {
    const source = machine.sourceAddressFor(to);
    if (source !== undefined) return source;
  }
  const own = machine.ownAddresses().filter((one) => one.interface !== "lo")
    .map(({ ip }) => ip).filter((ip) => !isLinkLocal(ip));
  return own.find(isNear) ?? own[0];
}
