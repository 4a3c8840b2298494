import { counted } from "../base/counted.ts";
import { fullText } from "./forecast.ts";
import type { ControllerStatus, PeerStatus, PoolStatus, SpeakerStatus } from "./types.ts";

/** One column: its head, and what it says of a row. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
}

/** A table as the terminal and as the page show it; what a cell says is written once. */
export interface Table<Row> {
  readonly text: readonly Column<Row>[];
  readonly page: readonly Column<Row>[];
}

type ServiceRow = ControllerStatus["services"][number];
type AddressRow = SpeakerStatus["addresses"][number];

const LONGEST_REASON = 160;

export const POOLS: Table<PoolStatus> = {
  text: [
    { head: "NAME", cell: nameOf },
    { head: "PROTOCOL", cell: ({ protocol }) => protocol },
    { head: "IN USE", cell: ({ addresses, inUse }) => `${inUse} of ${addresses}` },
    { head: "", cell: ({ services }) => counted(services, "Service") },
    { head: "", cell: poolNotes },
  ],
  page: [
    { head: "Pool", cell: nameOf },
    { head: "Protocol", cell: ({ protocol }) => protocol },
    { head: "In use", cell: ({ inUse }) => `${inUse}` },
    { head: "Addresses", cell: ({ addresses }) => addresses },
  ],
};

export const SERVICES: Table<ServiceRow> = {
  text: [
    { head: "NAME", cell: ({ service }) => service },
    { head: "ADDRESS", cell: ({ ips }) => ips.join(",") || "none" },
    { head: "POOL", cell: ({ pool, reason }) => shortened(pool ?? reason ?? "") },
  ],
  page: [
    { head: "Service", cell: ({ service }) => service },
    { head: "Addresses", cell: ({ ips, reason }) => ips.join(", ") || reason || "none" },
    { head: "Pool", cell: ({ pool }) => pool ?? "" },
  ],
};

export const ADDRESSES: Table<AddressRow> = {
  text: [
    { head: "ADDRESS", cell: ({ ip }) => ip },
    { head: "OWNER", cell: ownerOf },
    {
      head: "ANNOUNCED HERE",
      cell: ({ announcing, reason }) => announcing ? "yes" : `no: ${reason}`,
    },
    { head: "SERVICES", cell: ({ services }) => services.join(",") },
  ],
  page: [
    { head: "Address", cell: ({ ip }) => ip },
    { head: "Services", cell: ({ services }) => services.join(", ") },
    { head: "Owner", cell: ownerOf },
    {
      head: "Here",
      cell: ({ announcing, reason, routes }) =>
        announcing ? routes?.length ? routes.join("; ") : "answers" : reason,
    },
  ],
};

export const PEERS: Table<PeerStatus> = {
  text: [
    { head: "PEER", cell: ({ peer }) => peer },
    { head: "AS", cell: ({ asn }) => `${asn}` },
    { head: "STATE", cell: ({ state }) => state },
    { head: "SINCE", cell: ({ establishedAt }) => establishedAt ?? "" },
    {
      head: "PREFIXES",
      cell: ({ prefixesPending, prefixesSent }) =>
        prefixesPending === 0 ? `${prefixesSent}` : `${prefixesSent} (${prefixesPending} to come)`,
    },
    { head: "BFD", cell: ({ bfd }) => bfd ?? "off" },
    { head: "LAST ERROR", cell: errorOf },
  ],
  page: [
    { head: "Peer", cell: ({ peer }) => peer },
    { head: "AS", cell: ({ asn }) => `${asn}` },
    { head: "State", cell: ({ state }) => state },
    { head: "Prefixes told", cell: ({ prefixesSent }) => `${prefixesSent}` },
    { head: "BFD", cell: ({ bfd }) => bfd ?? "off" },
    { head: "Last error", cell: errorOf },
  ],
};

function nameOf({ name }: PoolStatus): string {
  return name;
}

function ownerOf({ owner, protocol }: AddressRow): string {
  return owner ?? (protocol === "bgp" ? "by BGP" : "nobody");
}

/** An established session has overcome its last error. */
function errorOf({ lastError, state }: PeerStatus): string {
  return state === "Established" ? "" : lastError ?? "";
}

/** What else a person should know of a pool, and when it will be full. */
function poolNotes({ kept, reserved, fullInMs }: PoolStatus): string {
  return [
    ...kept > 0
      ? [`${kept} kept for ${kept === 1 ? "a deleted Service" : "deleted Services"}`]
      : [],
    ...reserved > 0 ? [`${reserved} reserved`] : [],
    ...fullInMs === undefined ? [] : [fullText(fullInMs)],
  ].join(", ");
}

/** A reason may be as long as an event; `herald explain` has the rest. */
function shortened(text: string): string {
  return text.length > LONGEST_REASON ? `${text.slice(0, LONGEST_REASON)}…` : text;
}
