import type { ReportedProblem } from "../config/report.ts";
import { inForceText } from "./in_force.ts";
import { ADDRESSES, type Column, PEERS, POOLS, SERVICES } from "./tables.ts";
import type { ControllerStatus, LeadStatus, ProcessStatus, SpeakerStatus } from "./types.ts";

/** Of each table so many rows are printed; nobody reads a thousand. */
const SHOWN = 50;

/** The status of one process as people read it. */
export function statusText(status: ProcessStatus): string {
  const lines = [
    `${status.role} (process ${status.pid}, herald ${status.version}, since ${status.startedAt})`,
    `  ready      ${status.ready ? "yes" : `no: ${status.notReady.join("; ")}`}`,
    `  objects    ${status.objects}`,
    `  config     ${status.config.state} from ${status.config.source || "nowhere"}`,
  ];
  const pages = accessText(status);
  if (pages !== undefined) lines.push(`  pages      ${pages}`);
  if (status.unhealthy.length > 0) lines.push(`  unhealthy  ${status.unhealthy.join("; ")}`);
  if (status.config.reason) lines.push(`             ${status.config.reason}`);
  const inForce = inForceText(status.config.inForce);
  if (inForce !== undefined) lines.push(`             ${inForce}`);
  lines.push(...status.config.problems.map((problem) => `             ${problemText(problem)}`));
  if (status.controller) lines.push(...controllerLines(status.controller));
  if (status.speaker) lines.push(...speakerLines(status.speaker));
  return `${lines.join("\n")}\n`;
}

/** How the pages are kept; undefined where they are open and plain. */
function accessText({ access, certificate }: ProcessStatus): string | undefined {
  if (certificate === undefined) return undefined;
  const { notAfter, problem, source } = certificate;
  const who = access === undefined ? "open" : "by Kubernetes' own rules";
  return `${who}, TLS until ${notAfter} (${source})${problem === undefined ? "" : `: ${problem}`}`;
}

/** Of the interfaces that names keep out so many are named: a node may have hundreds for its pods. */
const LEFT_OUT_SHOWN = 5;

/** Which interfaces answer, and which do not for their names. */
export function interfacesText({ backend, interfaces, leftOut = [] }: SpeakerStatus): string {
  const on =
    interfaces.map(({ name, mac, by = backend }) =>
      `${name} ${mac}${by === backend ? "" : ` (by ${by})`}`
    ).join(", ") || "no interface";
  if (leftOut.length === 0) return on;
  const named = leftOut.slice(0, LEFT_OUT_SHOWN).join(", ");
  const more = leftOut.length - LEFT_OUT_SHOWN;
  return `${on}; by name not on ${named}${more > 0 ? ` and ${more} more` : ""} (see --interface)`;
}

/** That nothing is said here does not mean that nothing is there. */
export function unknownText(reason: string): string {
  return `not all known here: ${reason}`;
}

/** Who leads, in a few words. */
export function leadText({ leader, reason, role }: LeadStatus): string {
  switch (role) {
    case "leader":
      return `this one (${leader})`;
    case "standby":
      return `${leader ?? "nobody yet"}; this one stands by`;
    case "alone":
      return `no election, one controller only: ${reason}`;
  }
}

/** Whoever else has addresses that are announced here. */
export function conflictTexts({ conflicts = [] }: SpeakerStatus): string[] {
  return conflicts.map(({ ip, mac }) => `${ip} is at ${mac} too`).sort();
}

function problemText({ source, line, column, field, message }: ReportedProblem): string {
  return `${source}${field === undefined ? `:${line}:${column}` : ` ${field}`}: ${message}`;
}

function controllerLines(controller: ControllerStatus): string[] {
  const without = controller.services.filter(({ ips }) => ips.length === 0);
  // People who look at the list look for those first.
  const services = [...without, ...controller.services.filter(({ ips }) => ips.length > 0)];
  const title = without.length === 0
    ? "services"
    : `services (${without.length} of ${services.length} without an address)`;
  return [
    ...controller.lead ? [`  leader     ${leadText(controller.lead)}`] : [],
    ...controller.unknown ? [`  ${unknownText(controller.unknown)}`] : [
      ...tableLines("pools", POOLS.text, controller.pools),
      ...tableLines(title, SERVICES.text, services),
    ],
  ];
}

function speakerLines(speaker: SpeakerStatus): string[] {
  return [
    `  node       ${speaker.node}`,
    `  ARP, NDP   ${speaker.backend} on ${interfacesText(speaker)}`,
    ...speaker.judge === undefined || speaker.judge === "Herald"
      ? []
      : [`  rules      MetalLB ${speaker.judge}'s for nodes, whose speakers are members`],
    ...listLine("speakers", speaker.members?.map(({ node, state }) => `${node} ${state}`)),
    ...listLine(
      "owners",
      Object.entries(speaker.owned ?? {}).map(([node, count]) => `${node} ${count}`),
    ),
    ...listLine("CONFLICTS", conflictTexts(speaker)),
    ...(speaker.concerns ?? []).map((concern) => `  WARNING    ${concern}`),
    ...speaker.unknown ? [`  ${unknownText(speaker.unknown)}`] : [],
    ...speaker.unknown && speaker.addresses.length === 0
      ? []
      : tableLines("addresses", ADDRESSES.text, speaker.addresses),
    ...speaker.peers?.length ? tableLines("peers", PEERS.text, speaker.peers) : [],
  ];
}

/** A line of what there is; none for nothing. */
function listLine(title: string, parts: readonly string[] = []): string[] {
  return parts.length === 0 ? [] : [`  ${title.padEnd(10)} ${[...parts].sort().join(", ")}`];
}

function tableLines<Row>(
  title: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): string[] {
  if (rows.length === 0) return [`  ${title}: none`];
  const shown = rows.slice(0, SHOWN).map((row) => columns.map(({ cell }) => cell(row)));
  const all = [columns.map(({ head }) => head), ...shown];
  const more = rows.length - SHOWN;
  const widths = columns.map((_, at) => Math.max(...all.map((row) => (row[at] ?? "").length)));
  return [
    `  ${title}:`,
    ...all.map((row) =>
      `    ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")}`.trimEnd()
    ),
    ...more > 0 ? [`    and ${more} more (--output=json has them all)`] : [],
  ];
}
