import { advertisedPools } from "./advertised.ts";
import { peerName, sessionKey } from "./sessions.ts";
import { peerTree, poolTree, profileTree } from "./print.ts";
import type { Config, Peer } from "./types.ts";

/** One entry of a configuration that another one has not, or has otherwise. */
export interface EntryChange {
  readonly kind: "added" | "removed" | "changed";
  /** A pool's or profile's name, a peer's `address:port`. */
  readonly name: string;
  /** What is different, `key: before -> after`; of an added peer its AS numbers and nodes. No password. */
  readonly changes: readonly string[];
}

/** What it means for a peer's session. */
interface PeerChange extends EntryChange {
  readonly session: "begins" | "ends" | "begins anew" | "stays";
}

/** What a configuration has that another one has not; order counts only among pools. */
export interface ConfigDifference {
  readonly pools: readonly EntryChange[];
  /** Pools that stay are tried in another order. */
  readonly poolsReordered: boolean;
  readonly peers: readonly PeerChange[];
  readonly bfdProfiles: readonly EntryChange[];
}

type Tree = Readonly<Record<string, unknown>>;

/** Keys whose values are secrets. */
const SECRET: ReadonlySet<string> = new Set(["password"]);

/** Compares two configurations, the one in force first. */
export function configDifference(before: Config, after: Config): ConfigDifference {
  const staying = (one: Config, other: Config) =>
    one.pools.map(({ name }) => name).filter((name) =>
      other.pools.some((pool) => pool.name === name)
    );
  return {
    pools: entryChanges(poolTrees(before), poolTrees(after)),
    poolsReordered: staying(before, after).join("\n") !== staying(after, before).join("\n"),
    peers: peerChanges(before.peers, after.peers),
    bfdProfiles: entryChanges(profileTrees(before), profileTrees(after)),
  };
}

function poolTrees(config: Config): ReadonlyMap<string, Tree> {
  return new Map(advertisedPools(config).map((one) => [one.pool.name, poolTree(one)]));
}

function profileTrees({ bfdProfiles }: Config): ReadonlyMap<string, Tree> {
  return new Map(bfdProfiles.map((profile) => [profile.name, profileTree(profile)]));
}

function entryChanges(
  before: ReadonlyMap<string, Tree>,
  after: ReadonlyMap<string, Tree>,
): EntryChange[] {
  const kept = [...after].flatMap(([name, tree]): EntryChange[] => {
    const previous = before.get(name);
    if (previous === undefined) return [{ kind: "added", name, changes: [] }];
    const changes = treeChanges(previous, tree);
    return changes.length === 0 ? [] : [{ kind: "changed", name, changes }];
  });
  const gone = [...before.keys()].filter((name) => !after.has(name))
    .map((name): EntryChange => ({ kind: "removed", name, changes: [] }));
  return [...kept, ...gone];
}

/** Several peers may have one address: equal ones belong together, then those in the order written. */
function peerChanges(before: readonly Peer[], after: readonly Peer[]): PeerChange[] {
  const left = new Map<string, Peer[]>();
  for (const peer of before) left.set(peerName(peer), [...left.get(peerName(peer)) ?? [], peer]);
  const take = (name: string, matches: (peer: Peer) => boolean): Peer | undefined => {
    const peers = left.get(name) ?? [];
    const at = peers.findIndex(matches);
    return at < 0 ? undefined : peers.splice(at, 1)[0];
  };
  const sameText = (peer: Peer) => {
    const text = JSON.stringify(peerTree(peer));
    return take(peerName(peer), (other) => JSON.stringify(peerTree(other)) === text) !== undefined;
  };
  const different = after.filter((peer) => !sameText(peer));
  const changes = different.map((peer): PeerChange => {
    const name = peerName(peer);
    const previous = take(name, () => true);
    if (previous === undefined) {
      return { kind: "added", name, changes: whoIs(peer), session: "begins" };
    }
    const session = sessionKey(previous) === sessionKey(peer) ? "stays" : "begins anew";
    return {
      kind: "changed",
      name,
      changes: treeChanges(peerTree(previous), peerTree(peer)),
      session,
    };
  });
  const gone = [...left.values()].flat().map((peer): PeerChange => ({
    kind: "removed",
    name: peerName(peer),
    changes: whoIs(peer),
    session: "ends",
  }));
  return [...changes, ...gone];
}

function whoIs({ peerAsn, myAsn, nodeSelectors }: Peer): string[] {
  const nodes = nodeSelectors.length === 0 ? "every node" : "the nodes of its node-selectors";
  return [`AS ${peerAsn}, from AS ${myAsn} on ${nodes}`];
}

function treeChanges(before: Tree, after: Tree): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => {
    const [old, now] = [before[key], after[key]];
    if (JSON.stringify(old) === JSON.stringify(now)) return [];
    if (SECRET.has(key)) return [`${key}: ${secretChange(old, now)}`];
    if (Array.isArray(old) && Array.isArray(now)) return [`${key}: ${listChange(old, now)}`];
    return [`${key}: ${valueText(old)} -> ${valueText(now)}`];
  });
}

function secretChange(old: unknown, now: unknown): string {
  return old === undefined ? "is set" : now === undefined ? "is gone" : "is another one";
}

function listChange(old: readonly unknown[], now: readonly unknown[]): string {
  const [before, after] = [old.map(valueText), now.map(valueText)];
  const signs = [
    ...after.filter((item) => !before.includes(item)).map((item) => `+${item}`),
    ...before.filter((item) => !after.includes(item)).map((item) => `-${item}`),
  ];
  return signs.length === 0 ? `now in the order ${after.join(", ")}` : signs.join(", ");
}

function valueText(value: unknown): string {
  if (value === undefined) return "not set";
  return typeof value === "string" ? value : JSON.stringify(value);
}
