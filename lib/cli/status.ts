import type { ConfigProblem } from "../base/errors.ts";
import { leadText } from "../status/text.ts";
import { localStatuses, statusAt } from "../host/inspect/processes.ts";
import type { PeerStatus, PoolStatus, ProcessStatus } from "../status/types.ts";
import type { OutputFormat } from "./arguments.ts";

/** Of each table so many rows are printed; nobody reads a thousand. */
const SHOWN = 50;
const LONGEST_REASON = 160;

/** `herald status`: prints what the roles on this machine hold; exit code 1 when none runs. */
export async function status(output: OutputFormat): Promise<number> {
  const found = await localStatuses();
  if (found.length === 0) {
    // In a pod the root is read-only, so no socket file stands; the probe's address answers.
    const host = Deno.env.get("METALLB_HOST") || "127.0.0.1";
    const one = await statusAt(`http://${host.includes(":") ? `[${host}]` : host}:7472`);
    if (one !== undefined) found.push(one);
  }
  const text = output === "json"
    ? `${JSON.stringify({ roles: found }, null, 2)}\n`
    : found.map(statusText).join("\n");
  await Deno.stdout.write(new TextEncoder().encode(text));
  if (found.length > 0) return 0;
  await Deno.stderr.write(new TextEncoder().encode(
    "herald: no role runs on this machine; start one with herald run --role=controller|speaker|all " +
      "(as root, or the user who started it)\n",
  ));
  return 1;
}

/** The status of one process as people read it. */
export function statusText(status: ProcessStatus): string {
  const lines = [
    `${status.role} (process ${status.pid}, herald ${status.version}, since ${status.startedAt})`,
    `  ready      ${status.ready ? "yes" : `no: ${status.notReady.join("; ")}`}`,
    `  objects    ${status.objects}`,
    `  config     ${status.config.state} from ${status.config.source || "nowhere"}`,
  ];
  if (status.unhealthy.length > 0) lines.push(`  unhealthy  ${status.unhealthy.join("; ")}`);
  if (status.config.reason) lines.push(`             ${status.config.reason}`);
  lines.push(...status.config.problems.map((problem) => `             ${problemText(problem)}`));
  if (status.controller) lines.push(...controllerLines(status.controller));
  if (status.speaker) lines.push(...speakerLines(status.speaker));
  return `${lines.join("\n")}\n`;
}

function problemText({ source, line, column, message }: ConfigProblem): string {
  return `${source}:${line}:${column}: ${message}`;
}

/** A reason may be as long as an event; `herald explain` has the rest. */
function shortened(text: string): string {
  return text.length > LONGEST_REASON ? `${text.slice(0, LONGEST_REASON)}…` : text;
}

/** What else a person should know of a pool, and when it will be full. */
function poolNotes({ kept, reserved, fullInMs }: PoolStatus): string {
  return [
    ...kept > 0 ? [`${kept} kept for deleted Services`] : [],
    ...reserved > 0 ? [`${reserved} reserved`] : [],
    ...fullInMs === undefined ? [] : [fullText(fullInMs)],
  ].join(", ");
}

/** `full in about 3 days`: a forecast is no better than that. */
export function fullText(ms: number): string {
  if (ms === 0) return "full";
  const hours = ms / 3_600_000;
  if (hours > 365 * 24) return "full in more than a year";
  if (hours >= 48) return `full in about ${Math.round(hours / 24)} days`;
  return hours >= 2 ? `full in about ${Math.round(hours)} hours` : "full in less than two hours";
}

function controllerLines(controller: NonNullable<ProcessStatus["controller"]>): string[] {
  const pools = controller.pools.map((pool) => [
    pool.name,
    pool.protocol,
    `${pool.inUse} of ${pool.addresses}`,
    `${pool.services} Services`,
    poolNotes(pool),
  ]);
  const without = controller.services.filter(({ ips }) => ips.length === 0);
  // Whoever looks is looking for those first.
  const services = [...without, ...controller.services.filter(({ ips }) => ips.length > 0)];
  const rows = services.map((service) => [
    service.service,
    service.ips.join(",") || "none",
    shortened(service.pool ?? service.reason ?? ""),
  ]);
  const title = without.length === 0
    ? "services"
    : `services (${without.length} of ${services.length} without an address)`;
  return [
    ...controller.lead ? [`  leader     ${leadText(controller.lead)}`] : [],
    ...table("pools", ["NAME", "PROTOCOL", "IN USE", "", ""], pools),
    ...table(title, ["NAME", "ADDRESS", "POOL"], rows),
  ];
}

function speakerLines(speaker: NonNullable<ProcessStatus["speaker"]>): string[] {
  const addresses = speaker.addresses.map((address) => [
    address.ip,
    address.owner ?? (address.protocol === "bgp" ? "by BGP" : "nobody"),
    address.announcing ? "yes" : `no: ${address.reason}`,
    address.services.join(","),
  ]);
  const interfaces = speaker.interfaces.map(({ name, mac }) => `${name} ${mac}`).join(", ");
  return [
    `  node       ${speaker.node}`,
    `  ARP, NDP   ${speaker.backend} on ${interfaces || "no interface"}`,
    ...line("speakers", speaker.members?.map(({ node, state }) => `${node} ${state}`)),
    ...line(
      "owners",
      Object.entries(speaker.owned ?? {}).map(([node, count]) => `${node} ${count}`),
    ),
    ...line("CONFLICTS", speaker.conflicts?.map(({ ip, mac }) => `${ip} is at ${mac} too`)),
    ...table("addresses", ["ADDRESS", "OWNER", "ANNOUNCED HERE", "SERVICES"], addresses),
    ...speaker.peers?.length ? peerLines(speaker.peers) : [],
  ];
}

/** A line of what there is; none for nothing. */
function line(title: string, parts: readonly string[] = []): string[] {
  return parts.length === 0 ? [] : [`  ${title.padEnd(10)} ${[...parts].sort().join(", ")}`];
}

function peerLines(peers: readonly PeerStatus[]): string[] {
  const rows = peers.map((peer) => [
    peer.peer,
    `${peer.asn}`,
    peer.state,
    peer.establishedAt ?? "",
    `${peer.prefixesSent}${peer.prefixesPending === 0 ? "" : ` (${peer.prefixesPending} to come)`}`,
    peer.bfd ?? "off",
    peer.state === "Established" ? "" : peer.lastError ?? "",
  ]);
  return table("peers", ["PEER", "AS", "STATE", "SINCE", "PREFIXES", "BFD", "LAST ERROR"], rows);
}

function table(title: string, head: readonly string[], rows: readonly string[][]): string[] {
  if (rows.length === 0) return [`  ${title}: none`];
  const all = [head, ...rows.slice(0, SHOWN)];
  const more = rows.length - SHOWN;
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return [
    `  ${title}:`,
    ...all.map((row) =>
      `    ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd()
    ),
    ...more > 0 ? [`    and ${more} more (--output=json has them all)`] : [],
  ];
}
