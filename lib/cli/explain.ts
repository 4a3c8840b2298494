import { errorText } from "../base/errors.ts";
import { explainAddress } from "../controller/explain.ts";
import { advertisedWith, forServices, onNode } from "../config/advertised.ts";
import { openTree } from "../config/print.ts";
import { selectsLabels } from "../config/selectors.ts";
import { EMPTY_CONFIG } from "../config/types.ts";
import { type KnownSnapshot, withInForce } from "../host/inspect/in_force.ts";
import { type AskedSpeakers, askSpeakers, NOBODY } from "../host/inspect/speakers.ts";
import { systemClock } from "../host/process/clock.ts";
import { askLocalProcesses } from "../host/inspect/processes.ts";
import type { SourceOptions } from "../host/process/options.ts";
import { type Snapshot, takeSnapshot } from "../host/inspect/snapshot.ts";
import type { ServiceFacts, SliceFacts } from "../model/facts.ts";
import { formatIp, type Ip, parseIp } from "../net/ip.ts";
import { formatPrefix } from "../net/prefix.ts";
import { inForceText } from "../status/in_force.ts";
import type { SpeakerStatus } from "../status/types.ts";
import { prefixesOf } from "../speaker/roster.ts";
import { labelsOf } from "../speaker/candidates.ts";
import { judgementOf } from "../speaker/judgement.ts";
import { planAddress } from "../speaker/plan.ts";
import { addressesOf } from "../speaker/node_addresses.ts";
import type { Candidate, SpeakerView } from "../speaker/view.ts";
import { isForPeer, routeWishes } from "../speaker/routes.ts";
import type { OutputFormat } from "./arguments.ts";
import {
  type Announcement,
  type Explanation,
  explanationText,
  type SeenAnnouncement,
} from "./explanation.ts";
import { writeText } from "./output.ts";

interface ExplainRequest {
  readonly service: string;
  readonly source: SourceOptions;
  /** Whether the caller said where the objects are; else a running role of this machine tells. */
  readonly sourceGiven: boolean;
  readonly output: OutputFormat;
}

/** `herald explain service NS/NAME`: exit code 0 when the Service was found, else 1. */
export async function explain(request: ExplainRequest): Promise<number> {
  try {
    const source = request.sourceGiven ? request.source : await sourceOfRunning(request.source);
    const snapshot = await takeSnapshot(source);
    const facts = snapshot.services.get(request.service);
    if (facts === undefined) {
      throw new Error(`No Service ${request.service} in ${snapshot.description}`);
    }
    const speakers = await askSpeakers(source, snapshot.description);
    const known = withInForce(snapshot, speakers.inForce);
    const found = explainService(facts, known, source.lbClass, speakers);
    const text = request.output === "json"
      ? `${JSON.stringify(found, null, 2)}\n`
      : explanationText(found, source.namespace);
    await writeText(Deno.stdout, text);
    return 0;
  } catch (error) {
    await writeText(Deno.stderr, `herald: ${errorText(error)}\n`);
    return 1;
  }
}

/** A role that runs on this machine knows where its objects are. */
async function sourceOfRunning(otherwise: SourceOptions): Promise<SourceOptions> {
  const [running] = await askLocalProcesses();
  if (running === undefined) return otherwise;
  const { store, kubeconfig, namespace, configFlag: config, lbClass } = running;
  return { store, kubeconfig, namespace, config, lbClass };
}

/**
 * Explains one Service from the objects of the cluster, by the plans of controller and speaker, and
 * from what the running speakers say.
 */
export function explainService(
  facts: ServiceFacts,
  snapshot: KnownSnapshot,
  lbClass: string | undefined,
  speakers: AskedSpeakers = NOBODY,
): Explanation {
  if (snapshot.config === undefined) {
    throw new Error(`No configuration is there to explain by: ${snapshot.configReason}`);
  }
  const services = [...snapshot.services.values()];
  const { config } = snapshot;
  const address = explainAddress(facts, services, config, lbClass, systemClock.now());
  const endpoints = slicesOf(snapshot, facts.key).flatMap(({ endpoints }) => endpoints)
    .flatMap(({ addresses, nodeName, ready }) =>
      addresses.map((one) => ({ address: one, node: nodeName, ready }))
    );
  const { answers, silent, problem } = speakers;
  return {
    service: facts.key,
    objects: snapshot.description,
    ...snapshot.refused === undefined ? {} : {
      refused: snapshot.refused,
      inForce: inForceText(openTree(config)),
    },
    address,
    endpoints,
    announcements: snapshot.unread.length > 0
      ? announcementsSeen(address.ips, speakers)
      : announcementsOf(facts, address.ips, snapshot, lbClass, speakers),
    unread: snapshot.unread,
    speakers: {
      asked: [...answers.keys()].sort(),
      silent,
      problem,
      warnings: disagreements([...answers.values()]),
    },
  };
}

/** What the speakers say alone: by a part of the objects every plan would be wrong. */
function announcementsSeen(ips: readonly string[], speakers: AskedSpeakers): Announcement[] {
  return ips.map((ip) => {
    const seen = seenOf(ip, speakers);
    return { ip, owner: seen.find(({ announcing }) => announcing)?.node, seen, candidates: [] };
  });
}

function announcementsOf(
  facts: ServiceFacts,
  texts: readonly string[],
  snapshot: Snapshot,
  lbClass: string | undefined,
  speakers: AskedSpeakers,
): Announcement[] {
  const ips = texts.map(parseIp).filter((ip) => ip !== undefined);
  // As it will be once the address is written into the status.
  const own = { ...facts, assigned: ips };
  return ips.flatMap((ip) => {
    const on = [...snapshot.services.values()]
      .filter((one) => one.key !== facts.key && one.assigned.includes(ip));
    const text = formatIp(ip);
    const seen = seenOf(text, speakers);
    const view = viewOf(snapshot, lbClass, speakers, seen);
    const services = [...on, own];
    const plan = planAddress(ip, services, (key) => slicesOf(snapshot, key), view);
    const { layer2, bgp } = plan.announce;
    const byBgp = bgp !== undefined && bgp.silent === undefined;
    // What nobody announces at all is told once, as of layer 2.
    const byLayer2 = !byBgp || layer2?.owner !== undefined;
    const nobody = speakers.answers.size === 0;
    const { candidates } = plan;
    return [
      ...byLayer2
        ? [{
          ip: text,
          owner: seen.find(({ announcing }) => announcing)?.node ??
            (nobody ? layer2?.owner : undefined),
          seen,
          elected: layer2?.owner,
          reason: layer2?.owner === undefined ? plan.reason : undefined,
          candidates: candidates.layer2 ?? candidates.bgp ?? [],
        }]
        : [],
      ...byBgp
        ? [{
          ip: text,
          seen,
          candidates: candidates.bgp ?? [],
          peers: routesOf(snapshot, candidates.bgp ?? [], ip, services, speakers),
        }]
        : [],
    ];
  });
}

function slicesOf({ slices }: Snapshot, key: string): SliceFacts[] {
  return slices.filter(({ service }) => service === key);
}

/** What each speaker says; one that does not list the address has not heard of it yet. */
function seenOf(ip: string, { answers }: AskedSpeakers): SeenAnnouncement[] {
  return [...answers].sort(([a], [b]) => a < b ? -1 : 1).map(([node, { addresses }]) => {
    const found = addresses.find((one) => one.ip === ip);
    return {
      node,
      announcing: found?.announcing ?? false,
      reason: found?.reason ?? "it does not know of the address",
    };
  });
}

/** The election as the speakers hold it: by their rule, among those that they take for live. */
function viewOf(
  { config = EMPTY_CONFIG, nodes }: Snapshot,
  lbClass: string | undefined,
  { answers, ready }: AskedSpeakers,
  seen: readonly SeenAnnouncement[],
): SpeakerView {
  const owner = seen.find(({ announcing }) => announcing)?.node ?? seen[0]?.node;
  const speaker = owner === undefined ? undefined : answers.get(owner);
  const { election = "v0.11", ignoreExcludeLabel = false, judge = "Herald" } = speaker ?? {};
  return {
    config,
    nodes,
    nodeAddresses: addressesOf(nodes.values()),
    liveSpeakers: speaker === undefined ? ready : speaker.live && new Set(speaker.live),
    staleSpeakers: new Set(speaker?.stale),
    cutOff: new Map(
      Object.entries(speaker?.cutOff ?? {}).map(([node, texts]) => [node, prefixesOf(texts)]),
    ),
    // One who asks, and is no node; where nobody names one, it is the machine of the folder.
    self: nodes.size > 0 ? "" : owner ?? "this machine",
    election,
    judgement: judgementOf(judge, ignoreExcludeLabel, nodes),
    lbClass,
  };
}

/** Speakers that hold the election otherwise than others end up with two owners, or none. */
function disagreements(speakers: readonly SpeakerStatus[]): string[] {
  const differ = (what: string, wordOf: (speaker: SpeakerStatus) => string): string[] => {
    if (new Set(speakers.map(wordOf)).size < 2) return [];
    const words = speakers.map((speaker) => `${speaker.node} says ${wordOf(speaker)}`);
    return [`the speakers differ in ${what}: ${words.sort().join("; ")}`];
  };
  return [
    ...differ("--l2-election", ({ election }) => election ?? "v0.11"),
    ...differ("--ignore-exclude-lb", ({ ignoreExcludeLabel }) => ignoreExcludeLabel ? "on" : "off"),
    ...differ("whose rules they judge nodes by", ({ judge }) => judge ?? "Herald"),
    ...differ("whom they take for live", ({ live }) => live?.join(", ") ?? "all nodes"),
  ];
}

/** What each node tells to each peer: as its speaker says, else as it would by the objects. */
function routesOf(
  { config = EMPTY_CONFIG, nodes }: Snapshot,
  candidates: readonly Candidate[],
  ip: Ip,
  services: readonly ServiceFacts[],
  { answers }: AskedSpeakers,
): string[] {
  const told = [...answers].sort(([a], [b]) => a < b ? -1 : 1).flatMap(([node, { addresses }]) => {
    const found = addresses.find((one) => one.ip === formatIp(ip));
    // What a peer is not told has its own reason for each.
    if (!found?.announcing && !found?.routes?.length) {
      return [`${node}: not told, ${found?.reason ?? "address unknown there"}`];
    }
    const routes = found.routes ?? [];
    return routes.length === 0
      ? [`${node}: it has no peer to tell`]
      : routes.map((route) => `${node}: ${route}`);
  });
  const advertisements = forServices(advertisedWith(config, ip)?.bgp ?? [], services);
  const planned = config.peers.flatMap((peer) =>
    candidates.filter(({ node }) => !answers.has(node)).map(({ node, eligible }) => {
      const labels = labelsOf(nodes, node);
      const prefixes = routeWishes(ip, onNode(advertisements, labels))
        .filter((wish) => isForPeer(wish, peer)).map(({ prefix }) => formatPrefix(prefix));
      const route = `${prefixes.join(", ") || "no route"} from ${node} to ${
        formatIp(peer.peerAddress)
      } (AS ${peer.peerAsn})`;
      if (prefixes.length === 0) return `${route}: no advertisement is for them`;
      if (!selectsLabels(peer.nodeSelectors, labels)) return `${route}: not, by its node-selectors`;
      return eligible ? route : `${route}: not, the node is no candidate`;
    })
  );
  return [...told, ...planned];
}
