import { type Instant, instant, type Random } from "../../lib/base/time.ts";
import {
  createGossip,
  type Endpoint,
  type GossipAction,
  type GossipEvent,
  type GossipState,
} from "../../lib/gossip/state.ts";
import { localStates } from "../../lib/gossip/told.ts";
import { aliveMembers, step } from "../../lib/gossip/step.ts";
import { seededRandom } from "../support/random.ts";
import type { Ip4 } from "../../lib/net/ip.ts";
import { ip4 } from "../support/addresses.ts";

/** Members on a network of the test's; every ten milliseconds each has a tick. */
export interface Cluster {
  readonly now: () => Instant;
  readonly members: ReadonlyMap<string, GossipState>;
  readonly told: readonly {
    readonly at: number;
    readonly by: string;
    readonly action: GossipAction;
  }[];
  /** What goes from the first to the second is lost. */
  readonly cut: Set<string>;
  /** A new process; a name keeps its address. */
  add(name: string, meta?: Uint8Array): GossipState;
  join(name: string, to: string): void;
  act(name: string, event: GossipEvent): void;
  stop(name: string): void;
  pass(ms: number): void;
  alive(name: string): string;
}

export function createCluster(seed = 1): Cluster {
  const random: Random = seededRandom(seed);
  const members = new Map<string, GossipState>();
  const addresses = new Map<string, Ip4>();
  const told: { at: number; by: string; action: GossipAction }[] = [];
  const cut = new Set<string>();
  let ms = 0;
  const now = () => instant(ms);
  const nameAt = ({ address }: Endpoint) =>
    [...members].find(([, { self }]) => self.address === address)?.[0] ?? "";
  const reaches = (from: string, to: string) =>
    members.has(to) && members.has(from) && !cut.has(`${from}>${to}`);

  function act(name: string, event: GossipEvent): void {
    const state = members.get(name);
    if (state === undefined) return;
    for (const action of step(state, event, now(), random)) perform(name, state, action);
  }

  function perform(name: string, state: GossipState, action: GossipAction): void {
    told.push({ at: ms, by: name, action });
    if (action.kind === "push-pull") join(name, nameAt(action.to));
    if (action.kind === "candidates") {
      act(name, { kind: "candidates", addresses: [], complete: true });
    }
    if (action.kind === "join") {
      join(name, nameAt(action.to));
      act(name, { kind: "join-ended", address: action.to.address });
    }
    if (action.kind === "tcp-ping" && reaches(name, action.node) && reaches(action.node, name)) {
      act(name, { kind: "tcp-ack", sequence: action.sequence });
    }
    if (action.kind !== "send") return;
    const to = nameAt(action.to);
    for (const message of action.messages) {
      if (reaches(name, to)) act(to, { kind: "message", message, from: state.self });
    }
  }

  function join(from: string, to: string): void {
    const [one, other] = [members.get(from), members.get(to)];
    if (!one || !other || !reaches(from, to) || !reaches(to, from)) return;
    const states = localStates(other);
    act(to, { kind: "merge", nodes: localStates(one) });
    act(from, { kind: "merge", nodes: states });
  }

  return {
    now,
    members,
    told,
    cut,
    add(name, meta = new Uint8Array()) {
      const address = addresses.get(name) ?? ip4(0x0a00_0001 + addresses.size);
      addresses.set(name, address);
      const self = { name, address, port: 7946 };
      const state = createGossip(self, meta, now());
      members.set(name, state);
      return state;
    },
    join,
    act,
    stop: (name) => void members.delete(name),
    pass(duration) {
      for (const end = ms + duration; ms < end;) {
        ms += 10;
        for (const name of [...members.keys()]) act(name, { kind: "tick" });
      }
    },
    alive(name) {
      const state = members.get(name);
      return state === undefined ? "" : [...aliveMembers(state)].sort().join();
    },
  };
}

/** A cluster of so many, joined. */
export function joined(...names: string[]): Cluster {
  const cluster = createCluster();
  for (const name of names) cluster.add(name);
  for (const name of names.slice(1)) cluster.join(name, names[0] ?? "");
  cluster.pass(2_000);
  return cluster;
}
