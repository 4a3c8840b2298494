import assert from "node:assert/strict";
import { formatIp, type Ip } from "../../lib/net/ip.ts";
import { readIp6 } from "../../lib/net/octets6.ts";

/** What a real memberlist sent (tests/vectors/memberlist.json) with its decoding. */
export interface GossipVector {
  readonly name: string;
  readonly transport: "udp" | "tcp";
  readonly settings: {
    readonly key: string | null;
    readonly label: string | null;
    readonly compression: boolean;
    readonly protocol_version: number;
  };
  readonly hex: string;
  readonly inner_hex: string;
  readonly decoded: {
    readonly layers: readonly string[];
    readonly message: MessageVector;
  };
}

export interface MessageVector {
  readonly type: string;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly parts?: readonly MessageVector[];
  readonly nodes?: readonly Readonly<Record<string, unknown>>[];
  readonly header?: Readonly<Record<string, unknown>>;
  readonly payload?: { readonly hex: string };
}

export const VECTORS: readonly GossipVector[] = JSON.parse(
  Deno.readTextFileSync(new URL("../vectors/memberlist.json", import.meta.url)),
);

/** Names in the vectors of what our messages call otherwise. */
const NAMES: Readonly<Record<string, string>> = {
  node: "Node",
  name: "Name",
  sequence: "SeqNo",
  sourceAddress: "SourceAddr",
  sourceNode: "SourceNode",
  sourcePort: "SourcePort",
  target: "Target",
  port: "Port",
  nack: "Nack",
  payload: "Payload",
  from: "From",
  incarnation: "Incarnation",
  address: "Addr",
  meta: "Meta",
  vsn: "Vsn",
  state: "State",
  error: "Error",
};

/** Whether a message of ours says what the vector's fields say, neither more nor less. */
export function assertFields(message: object, fields: Readonly<Record<string, unknown>>): void {
  const said: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(message)) {
    const name = NAMES[key];
    if (name !== undefined) said[name] = plain(name, value);
  }
  const expected: Record<string, unknown> = { ...fields };
  for (const [name, value] of Object.entries(said)) expected[name] ??= emptyLike(value);
  for (const [name, value] of Object.entries(expected)) expected[name] = plainVector(name, value);
  assert.deepEqual(said, expected);
}

function plain(name: string, value: unknown): unknown {
  if (["Addr", "Target", "SourceAddr"].includes(name)) {
    return value === undefined ? "" : formatIp(value as Ip);
  }
  if (name === "State") return ["alive", "suspect", "dead", "left"].indexOf(String(value));
  return value instanceof Uint8Array ? value.toHex() : value;
}

function plainVector(name: string, value: unknown): unknown {
  if (name === "Vsn" && Array.isArray(value)) return Uint8Array.from(value).toHex();
  if (typeof value !== "object" || value === null || !("hex" in value)) return value;
  const hex = String(value.hex);
  if (!["Addr", "Target", "SourceAddr"].includes(name)) return hex;
  const octets = Uint8Array.fromHex(hex);
  return octets.length === 4 ? octets.join(".") : formatIp(readIp6(octets, 0));
}

function emptyLike(value: unknown): unknown {
  return typeof value === "number" ? 0 : typeof value === "boolean" ? false : "";
}
