import { errorText } from "../base/errors.ts";
import { explainAddress } from "../controller/explain.ts";
import { selectsLabels } from "../config/selectors.ts";
import { systemClock } from "../host/clock.ts";
import { localStatuses } from "../host/local_status.ts";
import type { SourceOptions } from "../host/options.ts";
import { type Snapshot, takeSnapshot } from "../host/snapshot.ts";
import type { ServiceFacts, SliceFacts } from "../model/facts.ts";
import { formatIp, type Ip, parseIp } from "../net/ip.ts";
import { formatPrefix } from "../net/prefix.ts";
import { type AddressPlan, planAddress } from "../speaker/plan.ts";
import { contributions } from "../speaker/routes.ts";
import type { OutputFormat } from "./arguments.ts";

export interface ExplainRequest {
  readonly service: string;
  readonly source: SourceOptions;
  /** Whether the caller said where the objects are; else a running role of this machine tells. */
  readonly sourceGiven: boolean;
  readonly output: OutputFormat;
}

/** What `herald explain` says, as JSON. */
export interface Explanation {
  readonly service: string;
  readonly objects: string;
  readonly address: ReturnType<typeof explainAddress>;
  readonly endpoints: readonly {
    readonly address: string;
    readonly node?: string;
    readonly ready: boolean;
  }[];
  readonly announcements: readonly {
    readonly ip: string;
    readonly owner?: string;
    readonly reason?: string;
    readonly candidates: AddressPlan["candidates"];
    /** By BGP: which node tells which routes to which peer, or why it does not. */
    readonly peers?: readonly string[];
  }[];
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
    const found = explainService(facts, snapshot, source.lbClass);
    const text = request.output === "json"
      ? `${JSON.stringify(found, null, 2)}\n`
      : explanationText(found);
    await Deno.stdout.write(new TextEncoder().encode(text));
    return 0;
  } catch (error) {
    await Deno.stderr.write(new TextEncoder().encode(`herald: ${errorText(error)}\n`));
    return 1;
  }
}

/** A role that runs on this machine knows where its objects are. */
async function sourceOfRunning(otherwise: SourceOptions): Promise<SourceOptions> {
  const [running] = await localStatuses();
  if (running === undefined) return otherwise;
  const { store, kubeconfig, namespace, configFlag: config, lbClass } = running;
  return { store, kubeconfig, namespace, config, lbClass };
}

/** Explains one Service from what stands in the cluster, by the plans of controller and speaker. */
export function explainService(
  facts: ServiceFacts,
  snapshot: Snapshot,
  lbClass: string | undefined,
): Explanation {
  if (snapshot.config === undefined) {
    throw new Error(`No configuration is there to explain by: ${snapshot.configReason}`);
  }
  const { config, nodes } = snapshot;
  const services = [...snapshot.services.values()];
  const address = explainAddress(facts, services, config, lbClass, systemClock.now());
  const slicesOf = (key: string): SliceFacts[] =>
    snapshot.slices.filter(({ service }) => service === key);
  const announcements = address.ips.map((text) => {
    const ip = parseIp(text);
    if (ip === undefined) throw new TypeError(`"${text}" is no address`);
    // As it will be once the address stands in the status.
    const on = services.filter((one) => one.key !== facts.key && one.assigned.includes(ip));
    const own = { ...facts, assigned: address.ips.map(parseIp).filter((one) => one !== undefined) };
    const plan = planAddress(ip, [...on, own], slicesOf, {
      config,
      nodes,
      liveSpeakers: undefined,
      self: "",
      election: "v0.11",
      ignoreExcludeLabel: false,
      lbClass,
    });
    const byBgp = plan.protocol === "bgp" && plan.silent === undefined;
    const reason = plan.owner === undefined && !byBgp ? plan.reason : undefined;
    const peers = byBgp ? peersOf(snapshot, plan.candidates, ip) : undefined;
    return { ip: text, owner: plan.owner, reason, candidates: plan.candidates, peers };
  });
  const endpoints = slicesOf(facts.key).flatMap(({ endpoints }) => endpoints)
    .flatMap(({ addresses, nodeName, ready }) =>
      addresses.map((one) => ({ address: one, node: nodeName, ready }))
    );
  return { service: facts.key, objects: snapshot.description, address, endpoints, announcements };
}

/** What each node tells to each peer; what the peer makes of it, only that node's status knows. */
function peersOf(
  { config, nodes }: Snapshot,
  candidates: AddressPlan["candidates"],
  ip: Ip,
): string[] {
  if (config === undefined) return [];
  const prefixes = contributions(config, ip).map(({ prefix }) => formatPrefix(prefix)).join(", ");
  return config.peers.flatMap((peer) =>
    candidates.map(({ node, eligible }) => {
      const route = `${prefixes} from ${node} to ${
        formatIp(peer.peerAddress)
      } (AS ${peer.peerAsn})`;
      const labels = nodes.get(node)?.labels ?? new Map([["kubernetes.io/hostname", node]]);
      if (!selectsLabels(peer.nodeSelectors, labels)) return `${route}: not, by its node-selectors`;
      return eligible ? route : `${route}: not, the node is no candidate`;
    })
  );
}

/** The explanation in plain words. */
export function explanationText(found: Explanation): string {
  const { address, announcements, endpoints } = found;
  const lines = [`Service ${found.service} (${found.objects})`];
  if (address.ips.length === 0) lines.push("It has no address:");
  else {
    const written = address.written ? "" : ", which is not in its status yet";
    lines.push(`It has ${address.ips.join(" and ")} of pool "${address.pool}"${written}:`);
  }
  lines.push(...address.reasons.map((reason) => `  ${reason}`));
  if (address.sharesWith.length > 0) {
    lines.push(`It shares it with ${address.sharesWith.join(", ")}.`);
  }
  for (const { ip, owner, reason, candidates, peers } of announcements) {
    lines.push(
      peers !== undefined
        ? `By BGP these nodes have ${ip} routed to them:`
        : owner === undefined
        ? `Nobody announces ${ip}: ${reason}`
        : `${owner} announces ${ip}. In the order of the election:`,
    );
    candidates.forEach(({ node, eligible, reason }, index) =>
      lines.push(eligible ? `  ${index + 1}. ${node}` : `  -  ${node}: ${reason}`)
    );
    if (peers?.length === 0) lines.push("No BGP peer is configured that could be told.");
    else if (peers !== undefined) lines.push("Its routes:", ...peers.map((one) => `  ${one}`));
  }
  lines.push(endpoints.length === 0 ? "It has no endpoints." : "Its endpoints:");
  for (const { address, node, ready } of endpoints) {
    lines.push(`  ${address} on ${node ?? "an unnamed node"}, ${ready ? "ready" : "not ready"}`);
  }
  return `${lines.join("\n")}\n`;
}
