import { counted } from "../base/counted.ts";
import { advertisedWith } from "../config/advertised.ts";
import type { Config } from "../config/types.ts";
import { errorText } from "../base/errors.ts";
import { forecast, type Impact } from "../controller/impact.ts";
import { type Snapshot, takeSnapshot, takeSpeakerNodes } from "../host/inspect/snapshot.ts";
import { systemClock } from "../host/process/clock.ts";
import type { SourceOptions } from "../host/process/options.ts";
import type { ServiceFacts } from "../model/facts.ts";
import type { MetallbVersion } from "../speaker/judgement.ts";
import { type PooledAddress, pooledAddresses } from "../speaker/node_addresses.ts";
import { type LostRoute, lostRoutes, type SwapMove, swapMoves } from "../speaker/swap_moves.ts";
import type { OutputFormat } from "./arguments.ts";
import { lostText, moveLines, routeLines, section } from "./impact.ts";
import { writeText } from "./output.ts";

interface MigrateRequest {
  readonly source: SourceOptions;
  /** The MetalLB that runs there. */
  readonly compat: MetallbVersion;
  readonly output: OutputFormat;
}

/** What `herald migrate --check` says, as JSON. */
export interface MigrationReport {
  readonly cluster: string;
  readonly compat: MetallbVersion;
  /** Why there is no configuration that Herald can use; undefined where there is one. */
  readonly noConfig: string | undefined;
  /** How many addresses of its pools Services have. */
  readonly addresses: number;
  /** Addresses that no pool of the configuration gives. */
  readonly lost: Impact["lost"];
  readonly moves: readonly SwapMove[];
  /** By BGP. */
  readonly routes: readonly LostRoute[];
  readonly ownAddresses: readonly PooledAddress[];
  /** What could not be read, so that nothing is known of it. */
  readonly unread: readonly string[];
  /** Nothing of all this stands in the way. */
  readonly good: boolean;
}

/**
 * `herald migrate --check`: what a swap would do to the addresses of a cluster, read and nothing
 * else. Exit code 1 where something stands in the way, or nothing could be read.
 */
export async function migrate({ compat, output, source }: MigrateRequest): Promise<number> {
  try {
    const [snapshot, { speakers, unread }] = await Promise.all([
      takeSnapshot(source),
      takeSpeakerNodes(source),
    ]);
    const known = { ...snapshot, unread: [...snapshot.unread, ...unread] };
    const report = migrationOf(known, speakers, compat, source.lbClass);
    const text = output === "json" ? `${JSON.stringify(report, null, 2)}\n` : migrationText(report);
    await writeText(Deno.stdout, text);
    return report.good ? 0 : 1;
  } catch (error) {
    await writeText(Deno.stderr, `herald: ${errorText(error)}\n`);
    return 1;
  }
}

/** Compares what MetalLB does in the cluster with what Herald would do there. */
export function migrationOf(
  snapshot: Snapshot,
  speakers: ReadonlySet<string> | undefined,
  compat: MetallbVersion,
  lbClass: string | undefined,
): MigrationReport {
  const { config, configReason, description, nodes, slices } = snapshot;
  // One that must not be listed is told already.
  const unread = nodes.size > 0 || snapshot.unread.length > 0
    ? snapshot.unread
    : ["Nodes: there are none, and so nobody of whom to tell what would move"];
  const services = [...snapshot.services.values()];
  const holding = config && { config, services, slices, nodes, speakers, lbClass };
  const found = holding === undefined ? { lost: [], moves: [], routes: [], ownAddresses: [] } : {
    lost: forecast({
      before: undefined,
      after: holding.config,
      services,
      lbClass,
      now: systemClock.now(),
    }).lost,
    moves: swapMoves(holding, compat),
    routes: lostRoutes(holding, compat),
    ownAddresses: pooledAddresses(holding.config, nodes.values()),
  };
  return {
    cluster: description,
    compat,
    noConfig: config === undefined ? configReason : undefined,
    addresses: config === undefined ? 0 : pooled(config, services),
    ...found,
    unread,
    good: config !== undefined && unread.length === 0 &&
      Object.values(found).every((list) => list.length === 0),
  };
}

/** Others are another load balancer's. */
function pooled(config: Config, services: readonly ServiceFacts[]): number {
  const all = new Set(services.flatMap(({ assigned }) => assigned));
  return [...all].filter((ip) => advertisedWith(config, ip) !== undefined).length;
}

/** The report in plain words. */
export function migrationText(report: MigrationReport): string {
  const { addresses, cluster, compat, lost, moves, noConfig, ownAddresses, routes, unread } =
    report;
  const lines = [
    `Herald in the place of MetalLB ${compat} in ${cluster}:`,
    ...noConfig === undefined ? [] : [
      `No configuration there can be used: ${noConfig}.`,
      "From v0.13 on MetalLB's configuration is custom resources: write the ConfigMap for Herald " +
      "first; --config=FILE checks it before it is there.",
    ],
    ...section("Nothing is known of:", unread),
    ...section(
      `${counted(lost.length, "Service")} would lose an address:`,
      lost.map((one) => lostText(one, [])),
    ),
    ...moveLines(moves, compat),
    ...routeLines(routes, compat),
    ...section(
      "Warning: pools hold nodes' own addresses; of each no other node than its own announces:",
      ownAddresses.map(({ ip, node, pool }) => `${ip} of node ${node}, pool "${pool}"`),
    ),
    ...report.good
      ? [
        `Nothing stands in the way: ${counted(addresses, "address")} of Services ` +
        "would stay, each with its node.",
      ]
      : [],
    `The first way is the roll, node by node, with --compat=${compat}: docs/upgrade.md.`,
  ];
  return `${lines.join("\n")}\n`;
}
