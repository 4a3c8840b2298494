import type { AddressExplanation } from "../controller/explain.ts";
import type { Candidate } from "../speaker/view.ts";

/** What `herald explain` says, as JSON. */
export interface Explanation {
  readonly service: string;
  readonly objects: string;
  /** Why what stands in the cluster is not in force, and what is: the explanation goes by that. */
  readonly refused?: string;
  readonly inForce?: string;
  readonly address: AddressExplanation;
  readonly endpoints: readonly {
    readonly address: string;
    readonly node?: string;
    readonly ready: boolean;
  }[];
  readonly announcements: readonly Announcement[];
  /**
   * What could not be read, and why: there are no endpoints here then, and of announcements only
   * what speakers say.
   */
  readonly unread: readonly string[];
  /** The speakers whose word counts here. */
  readonly speakers: {
    /** Nodes whose speaker answered. */
    readonly asked: readonly string[];
    readonly silent: readonly { readonly node: string; readonly why: string }[];
    /** Why nobody could be found to ask. */
    readonly problem?: string;
    /** What is wrong among them, such as different rules of the election. */
    readonly warnings: readonly string[];
  };
}

/** Which nodes announce one address. */
export interface Announcement {
  readonly ip: string;
  /** By layer 2: the node that announces it, as its speaker says; where none was asked, as the election says. */
  readonly owner?: string;
  /** What each speaker that was asked says of the address. */
  readonly seen: readonly SeenAnnouncement[];
  /** The node that should announce it by the election, from the objects of the cluster. */
  readonly elected?: string;
  /** Why nobody can. */
  readonly reason?: string;
  readonly candidates: readonly Candidate[];
  /** By BGP: which node tells which routes to which peer, or why it does not. */
  readonly peers?: readonly string[];
}

export interface SeenAnnouncement {
  readonly node: string;
  readonly announcing: boolean;
  readonly reason: string;
}

/** The explanation in plain words; Herald runs in that namespace. */
export function explanationText(found: Explanation, namespace = "metallb-system"): string {
  const { address, announcements, endpoints } = found;
  const lines = [`Service ${found.service} (${found.objects})`];
  if (found.refused !== undefined) {
    lines.push(`The configuration there is not in force: ${found.refused}.`);
    lines.push(`Told by the one before it, which the running roles keep: ${found.inForce}.`);
  }
  if (address.ips.length === 0) lines.push("It has no address:");
  else {
    const written = address.written ? "" : ", which is not in its status yet";
    lines.push(`It has ${address.ips.join(" and ")} of pool "${address.pool}"${written}:`);
  }
  lines.push(...address.reasons.map((reason) => `  ${reason}`));
  if (address.sharesWith.length > 0) {
    lines.push(
      `It shares ${address.ips.length === 1 ? "it" : "them"} with ${
        address.sharesWith.join(", ")
      }.`,
    );
  }
  if (found.unread.length > 0) return `${[...lines, ...partLines(found, namespace)].join("\n")}\n`;
  for (const one of announcements) {
    lines.push(...one.peers === undefined ? layer2Lines(one, found.speakers) : bgpLines(one));
  }
  if (announcements.length > 0) lines.push(...speakerLines(found.speakers));
  lines.push(endpoints.length === 0 ? "It has no endpoints." : "Its endpoints:");
  for (const { address, node, ready } of endpoints) {
    lines.push(`  ${address} on ${node ?? "an unnamed node"}, ${ready ? "ready" : "not ready"}`);
  }
  return `${lines.join("\n")}\n`;
}

/** What is known where Nodes or EndpointSlices must not be read, as in a controller's pod. */
function partLines(
  { announcements, service, speakers, unread }: Explanation,
  namespace: string,
): string[] {
  return [
    ...announcements.flatMap(({ ip, seen }) =>
      seen.map(({ node, announcing, reason }) =>
        announcing ? `${node} announces ${ip} (seen at ${node}'s speaker).` : `${node}: ${reason}`
      )
    ),
    ...speakerLines(speakers),
    "Its endpoints and who should announce it cannot be told from here:",
    ...[...unread, ...speakers.problem === undefined ? [] : [speakers.problem]]
      .map((reason) => `  ${reason}`),
    "A speaker may read them. Ask one:",
    `  kubectl -n ${namespace} exec ds/speaker -- herald explain service ${service}`,
  ];
}

function layer2Lines(one: Announcement, speakers: Explanation["speakers"]): string[] {
  return [
    ...headLines(one, speakers),
    ...one.candidates.length === 0 ? [] : ["In the order of the election:"],
    ...one.candidates.map((candidate, index) => candidateLine(candidate, index, one.seen)),
  ];
}

function headLines(
  { ip, seen, elected, reason }: Announcement,
  { asked, silent, problem }: Explanation["speakers"],
): string[] {
  const announcing = seen.filter((one) => one.announcing).map(({ node }) => node);
  const [owner] = announcing;
  if (announcing.length > 1) {
    return [
      `${announcing.join(" and ")} announce ${ip} at once (seen at their speakers): right only ` +
      "while one hands it over to the other.",
    ];
  }
  if (owner !== undefined) {
    const head = `${owner} announces ${ip} (seen at ${owner}'s speaker).`;
    if (owner === elected) return [head];
    return [
      head,
      elected === undefined
        ? `By what stands in the cluster nobody should: ${reason}.`
        : `By the election it should be ${elected}${said(elected, seen)}.`,
    ];
  }
  if (elected === undefined) return [`Nobody announces ${ip}: ${reason}`];
  if (asked.length === 0) {
    return [
      `By the election ${elected} should announce ${ip}; no speaker could be asked${
        problem === undefined ? "" : ` (${problem})`
      }.`,
    ];
  }
  const why = silent.find(({ node }) => node === elected)?.why;
  return asked.includes(elected)
    ? [
      `Nobody announces ${ip}, say the speakers that were asked.`,
      `By the election it should be ${elected}${said(elected, seen)}.`,
    ]
    : [
      `By the election ${elected} should announce ${ip}; its speaker could not be asked${
        why === undefined ? "" : ` (${why})`
      }.`,
    ];
}

function said(node: string, seen: Announcement["seen"]): string {
  const word = seen.find((one) => one.node === node);
  return word === undefined ? "" : `, whose speaker says: ${word.reason}`;
}

function candidateLine(
  { node, eligible, reason }: Candidate,
  index: number,
  seen: Announcement["seen"],
): string {
  const word = seen.find((one) => one.node === node);
  const own = word === undefined || word.announcing ? "" : ` (its speaker: ${word.reason})`;
  return eligible ? `  ${index + 1}. ${node}${own}` : `  -  ${node}: ${reason}`;
}

function bgpLines({ ip, peers = [], seen, candidates }: Announcement): string[] {
  const on = seen.filter((one) => one.announcing).map(({ node }) => node);
  return [
    on.length > 0
      ? `${ip} is routed by BGP to ${on.join(", ")} (seen at ${speakersOf(on)}). The nodes:`
      : seen.length > 0
      ? `${ip} is routed to no node by BGP (seen at ${
        speakersOf(seen.map(({ node }) => node))
      }). The nodes:`
      : `By BGP these nodes would have ${ip} routed to them:`,
    ...candidates.map((candidate, index) => candidateLine(candidate, index, seen)),
    ...peers.length === 0
      ? ["No BGP peer is configured that could be told."]
      : ["Its routes:", ...peers.map((one) => `  ${one}`)],
  ];
}

function speakersOf(nodes: readonly string[]): string {
  return nodes.length === 1 ? "its speaker" : "their speakers";
}

function speakerLines({ asked, silent, problem, warnings }: Explanation["speakers"]): string[] {
  return [
    ...asked.length === 0
      ? []
      : [`Asked: the ${asked.length === 1 ? "speaker" : "speakers"} of ${asked.join(", ")}.`],
    ...silent.length === 0
      ? []
      : [`Not reached: ${silent.map(({ node, why }) => `${node} (${why})`).join(", ")}.`],
    ...asked.length === 0 || problem === undefined ? [] : [`Other speakers: ${problem}.`],
    ...warnings.map((warning) => `Warning: ${warning}.`),
  ];
}
