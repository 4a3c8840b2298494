import { gossipKeys } from "../../gossip/keys.ts";
import type { HeartbeatTiming } from "../../heartbeat/monitor_state.ts";
import type { Notice } from "../../heartbeat/packet.ts";
import type { PodFacts } from "../../model/facts.ts";
import { familyOf, type Ip, parseIp } from "../../net/ip.ts";
import type { GossipOptions } from "../gossip/gossip.ts";
import type { GossipFlags } from "../process/options.ts";
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
  /** A fellow is heard (again): it must learn what this node claims. */
  | { readonly kind: "fellow-up" }
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
  /** The state of each member, in words for people; undefined without gossip. */
  describe(): SpeakerStatus["members"];
  /** Tells the others whether they may count on this node. */
  setCanAnnounce(canAnnounce: boolean): void;
  /** Settles when all fellows have carried it out, or the time for it is over. */
  notify(notice: Notice): Promise<void>;
  /** The speakers' pods changed: where others may be found did too. */
  podsChanged(): void;
  /** Lets `handOver` give the addresses away and says goodbye; nothing where there are no others. */
  leave(handOver: () => Promise<void>): Promise<void>;
  /** Why this node must not announce; undefined when it may. */
  problem(): string | undefined;
  /** Why this node's heartbeat has stopped: only a restart helps. */
  heartbeatProblem(): string | undefined;
}

/** Without gossip only the pods tell which speakers there are, and nobody listens. */
export const ALONE: Fellows = {
  live: (readyPods) => readyPods,
  heard: () => new Set(),
  beside: () => ({ nodes: new Set(), keyBytes: undefined }),
  describe: () => undefined,
  setCanAnnounce: () => undefined,
  notify: () => Promise.resolve(),
  podsChanged: () => undefined,
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

/** Takes them from the flags. @throws Error when this machine has no address to gossip on */
export function fellowSettings(
  flags: GossipFlags,
  facts: Pick<Facts, "pods" | "podsKnown">,
  ownAddresses: readonly Ip[] = addressesOfMachine(),
): FellowSettings {
  const address = flags.bindAddress ?? ownAddressFor(flags.join, ownAddresses);
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

/** Others reach this machine by an address of the family that the first of them has. */
function ownAddressFor(others: readonly Ip[], own: readonly Ip[]): Ip | undefined {
  const [first] = others;
  return own.find((ip) => first !== undefined && familyOf(ip) === familyOf(first)) ?? own[0];
}

function addressesOfMachine(): Ip[] {
  return Deno.networkInterfaces()
    .filter(({ address, name }) => name !== "lo" && !address.startsWith("fe80:"))
    .map(({ address }) => parseIp(address)).filter((ip) => ip !== undefined);
}
