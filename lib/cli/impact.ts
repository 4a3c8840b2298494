import { counted } from "../base/counted.ts";
import { someOf } from "../base/some_of.ts";
import { configDifference, type EntryChange } from "../config/difference.ts";
import type { ConfigDifference } from "../config/difference.ts";
import { type Config, EMPTY_CONFIG } from "../config/types.ts";
import { forecast, type Impact, type Place, type PoolImpact } from "../controller/impact.ts";
import { systemClock } from "../host/process/clock.ts";
import type { KnownSnapshot } from "../host/inspect/in_force.ts";
import { LABEL } from "../model/names.ts";
import type { MetallbVersion } from "../speaker/judgement.ts";
import { type PooledAddress, pooledAddresses } from "../speaker/node_addresses.ts";
import {
  labelMoves,
  type LostRoute,
  lostRoutes,
  type SwapMove,
  swapMoves,
} from "../speaker/swap_moves.ts";

/** What `herald validate --against` says, as JSON. */
export interface ImpactReport extends Impact {
  /** Where the Services and the configuration in force come from. */
  readonly against: string;
  /** Why nothing is in force there; undefined when something is. */
  readonly noConfig?: string;
  /** Why what stands there is not in force; the comparison is with what the running roles keep. */
  readonly standing?: string;
  readonly difference: ConfigDifference;
  /** Nodes' own addresses in pools. */
  readonly ownAddresses: readonly PooledAddress[];
  /** The MetalLB that announces now, where that was said. */
  readonly compat: MetallbVersion | undefined;
  /**
   * What moves to another node when Herald takes that one's place; where none was said, what the label
   * that excludes nodes moves if it is one up to v0.13.
   */
  readonly swapMoves: readonly SwapMove[];
  /** What BGP would route to fewer nodes then, where one was said. */
  readonly lostRoutes: readonly LostRoute[];
  /** What could not be read, so that of nodes' addresses and of what would move not all is known. */
  readonly unread: readonly string[];
}

/** What announces there now. */
interface Announcing {
  readonly compat?: MetallbVersion | undefined;
  /** Nodes with a speaker; undefined: each. */
  readonly speakers?: ReadonlySet<string> | undefined;
}

/** Of each list so many are printed; JSON has them all. */
const SHOWN = 50;
/** Of an address's nodes. */
const NODES_ROOM = 160;

/** Compares a new configuration with what is in a cluster or a folder. */
export function impactOf(
  after: Config,
  snapshot: KnownSnapshot,
  lbClass: string | undefined,
  { compat, speakers }: Announcing = {},
): ImpactReport {
  const { config: before, configReason, description, nodes, services, slices, unread } = snapshot;
  const input = { before, after, services: services.values(), lbClass, now: systemClock.now() };
  const holding = { config: after, services: services.values(), slices, nodes, speakers, lbClass };
  return {
    against: description,
    noConfig: before === undefined ? configReason : undefined,
    standing: snapshot.refused,
    ...forecast(input),
    difference: configDifference(before ?? EMPTY_CONFIG, after),
    ownAddresses: pooledAddresses(after, nodes.values()),
    compat,
    swapMoves: compat === undefined ? labelMoves(holding) : swapMoves(holding, compat),
    lostRoutes: compat === undefined ? [] : lostRoutes(holding, compat),
    unread,
  };
}

/** The forecast in plain words. */
export function impactText(report: ImpactReport): string {
  const { against, noConfig, lost, moved, gained, without, difference } = report;
  const losers = new Set(lost.map(({ service }) => service));
  const stillWithout = without.filter(({ service }) => !losers.has(service));
  const changes = [
    ...poolLines(report.pools, difference),
    ...section(
      "BGP peers:",
      difference.peers.map((peer) => `${entryText(peer)}${sessionText(peer)}`),
    ),
    ...section("BFD profiles:", difference.bfdProfiles.map(entryText)),
  ];
  const lines = [
    report.standing !== undefined
      ? `What stands in ${against} is not in force (${report.standing}). Compared with what the ` +
        "running roles keep:"
      : noConfig === undefined
      ? `Compared with what stands in ${against}:`
      : `Compared with the Services of ${against} alone, for no configuration there can be used ` +
        `(${noConfig}):`,
    ...lost.length === 0 ? ["No Service would lose its address."] : section(
      lostTitle(lost.length, report.refused),
      lost.map((one) => lostText(one, without)),
    ),
    ...section(
      `${counted(moved.length, "Service")} would keep the address, in another pool:`,
      moved.map(({ service, before, after }) =>
        `${service}: ${after.ips.join(" and ")}, pool "${before.pool}" -> "${after.pool}"`
      ),
    ),
    ...section(
      `${counted(gained.length, "Service")} without an address would get one:`,
      gained.map(({ service, after }) => `${service}: ${placeText(after)}`),
    ),
    ...section(
      `${counted(stillWithout.length, "Service")} would still have no address:`,
      stillWithout.map(({ service, why }) => `${service}: ${why}`),
    ),
    ...changes.length === 0 ? ["The configuration says the same as the one in force."] : changes,
    ...section(
      "Warning: pools hold nodes' own addresses; of each no other node than its own announces:",
      report.ownAddresses.map(({ ip, node, pool }) => `${ip} of node ${node}, pool "${pool}"`),
    ),
    ...moveLines(report.swapMoves, report.compat),
    ...routeLines(report.lostRoutes, report.compat),
    ...section("Not all is known of what would move, for some could not be read:", report.unread),
  ];
  return `${lines.join("\n")}\n`;
}

/** Which addresses go to another node when Herald takes MetalLB's place; nothing for none. */
export function moveLines(
  moves: readonly SwapMove[],
  compat: MetallbVersion | undefined,
): readonly string[] {
  return section(
    compat === undefined
      ? `Warning: nodes are labelled ${LABEL.excludeNode}; where MetalLB up to v0.13 announces now, ` +
        "these addresses would move, unless the speakers run with --ignore-exclude-lb:"
      : `Warning: where MetalLB ${compat} announces now, ` +
        `${counted(moves.length, "address")} would move to another node:`,
    moves.map(({ ip, from, to, why }) =>
      `${ip}: ${from} -> ${to ?? "nobody announces it"}${compat === undefined ? "" : ` (${why})`}`
    ),
  );
}

/** Which addresses BGP would route to fewer nodes then; nothing for none. */
export function routeLines(
  routes: readonly LostRoute[],
  compat: MetallbVersion | undefined,
): readonly string[] {
  return section(
    `Warning: where MetalLB ${compat} announces now, BGP would route ` +
      `${counted(routes.length, "address")} to fewer nodes:`,
    routes.map(({ ip, from, left, why }) =>
      `${ip}: no more to ${someOf(from, ", ", NODES_ROOM)}, still to ` +
      `${left.length === 0 ? "none" : someOf(left, ", ", NODES_ROOM)} (${why})`
    ),
  );
}

function lostTitle(count: number, refused: boolean): string {
  const what = `${counted(count, "Service")} would lose an address`;
  return refused
    ? `${what}, so a running controller would refuse the whole configuration and keep the old one:`
    : `${what}:`;
}

/** Which Service loses what, why, and what comes instead. */
export function lostText(
  { service, before, why, instead }: Impact["lost"][number],
  without: Impact["without"],
): string {
  const because = without.find((one) => one.service === service)?.why;
  const then = instead === undefined
    ? `it would have none${because === undefined || because === why ? "" : `: ${because}`}`
    : `it would have ${placeText(instead)}`;
  return `${service}: ${placeText(before)}, for ${why}; ${then}`;
}

function placeText({ ips, pool }: Place): string {
  return `${ips.join(" and ")}${pool === undefined ? "" : ` of pool "${pool}"`}`;
}

const SIGN: Readonly<Record<EntryChange["kind"], string>> = {
  added: "+",
  removed: "-",
  changed: "~",
};

function entryText({ kind, name, changes }: EntryChange): string {
  return `${SIGN[kind]} ${name}${changes.length === 0 ? "" : `: ${changes.join("; ")}`}`;
}

function sessionText({ kind, session }: ConfigDifference["peers"][number]): string {
  return kind !== "changed"
    ? ""
    : session === "stays"
    ? " (a session that is up stays)"
    : " (its sessions begin anew)";
}

function poolLines(pools: readonly PoolImpact[], difference: ConfigDifference): string[] {
  const lines = pools.flatMap(({ name, before, after }) => {
    const change = difference.pools.find((one) => one.name === name);
    const use = `${useText(before)} -> ${useText(after)}`;
    if (change !== undefined) return [`${entryText(change)}; in use ${use}`];
    return useText(before) === useText(after) ? [] : [`  ${name}: in use ${use}`];
  });
  const order = difference.poolsReordered ? ["  the pools are tried in another order"] : [];
  return section("Pools:", [...lines, ...order]);
}

function useText(count: PoolImpact["before"]): string {
  return count === undefined ? "none" : `${count.inUse} of ${count.addresses}`;
}

/** A title and what stands under it; nothing where there is nothing. */
export function section(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length - SHOWN;
  return [
    title,
    ...items.slice(0, SHOWN).map((item) => `  ${item}`),
    ...more > 0 ? [`  and ${more} more (--output=json names them all)`] : [],
  ];
}
