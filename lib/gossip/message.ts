import { isWireError, type WireError, wireError } from "../base/errors.ts";
import { readU32, writeU32 } from "../net/ethernet.ts";
import type { Ip, Ip4 } from "../net/ip.ts";
import { readIp6, writeIp6 } from "../net/octets6.ts";
import {
  decodeMap,
  encodeMap,
  type Fields,
  type FieldValue,
  numberOf,
  octetsOf,
  textOf,
} from "./msgpack.ts";

/** The node that asks, when answers are to go elsewhere than its packets come from. */
interface Source {
  readonly sourceAddress: Ip | undefined;
  readonly sourcePort: number;
  readonly sourceNode: string;
}

/** A message of memberlist; `sequence` and `incarnation` have 32 bits. */
export type GossipMessage =
  | ({ readonly kind: "ping"; readonly sequence: number; readonly node: string } & Source)
  | ({
    readonly kind: "indirectPing";
    readonly sequence: number;
    readonly target: Ip;
    readonly port: number;
    readonly node: string;
    /** The asker wants to hear of a failure too. */
    readonly nack: boolean;
  } & Source)
  | { readonly kind: "ackResp"; readonly sequence: number; readonly payload: Uint8Array }
  | { readonly kind: "nackResp"; readonly sequence: number }
  | {
    readonly kind: "suspect" | "dead";
    readonly node: string;
    readonly incarnation: number;
    readonly from: string;
  }
  | {
    readonly kind: "alive";
    readonly node: string;
    readonly address: Ip;
    readonly port: number;
    readonly meta: Uint8Array;
    readonly incarnation: number;
    readonly vsn: Uint8Array;
  }
  | { readonly kind: "user"; readonly payload: Uint8Array }
  | { readonly kind: "err"; readonly error: string };

/** A member as a push/pull describes it. */
export interface NodeState {
  readonly name: string;
  readonly address: Ip;
  readonly port: number;
  readonly meta: Uint8Array;
  readonly incarnation: number;
  readonly state: "alive" | "suspect" | "dead" | "left";
  readonly vsn: Uint8Array;
}

/** The first octet of a message. */
export const TYPE = {
  ping: 0,
  indirectPing: 1,
  ackResp: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nackResp: 11,
  hasCrc: 12,
  err: 13,
  label: 244,
} as const;

const STATES = ["alive", "suspect", "dead", "left"] as const;
const MAX_NAME = 255;
/** memberlist's MetaMaxSize. */
const MAX_META = 512;
const MAPPED = 0xffffn << 32n;

/** Writes the type and the body. */
export function encodeMessage(message: GossipMessage): Uint8Array {
  if (message.kind === "user") return Uint8Array.of(TYPE.user, ...message.payload);
  const body = encodeMap(fieldsOf(message));
  const bytes = new Uint8Array(1 + body.length);
  bytes[0] = TYPE[message.kind];
  bytes.set(body, 1);
  return bytes;
}

type Pairs = (readonly [string, FieldValue])[];

function fieldsOf(message: Exclude<GossipMessage, { kind: "user" }>): Pairs {
  switch (message.kind) {
    case "ping":
      return [["Node", message.node], ["SeqNo", message.sequence], ...sourceFields(message)];
    case "indirectPing":
      return [
        ["Nack", message.nack],
        ["Node", message.node],
        ["Port", message.port],
        ["SeqNo", message.sequence],
        ...sourceFields(message),
        ["Target", octetsOfIp(message.target)],
      ];
    case "ackResp":
      return [["Payload", orNil(message.payload)], ["SeqNo", message.sequence]];
    case "nackResp":
      return [["SeqNo", message.sequence]];
    case "suspect":
    case "dead":
      return [["From", message.from], ["Incarnation", message.incarnation], ["Node", message.node]];
    case "alive":
      return [
        ["Addr", octetsOfIp(message.address)],
        ["Incarnation", message.incarnation],
        ["Meta", message.meta],
        ["Node", message.node],
        ["Port", message.port],
        ["Vsn", message.vsn],
      ];
    case "err":
      return [["Error", message.error]];
  }
}

/** Old members do not know these fields: empty ones are left out. */
function sourceFields({ sourceAddress, sourceNode, sourcePort }: Source): Pairs {
  return [
    ...sourceAddress === undefined ? [] : [["SourceAddr", octetsOfIp(sourceAddress)] as const],
    ...sourceNode === "" ? [] : [["SourceNode", sourceNode] as const],
    ...sourcePort === 0 ? [] : [["SourcePort", sourcePort] as const],
  ];
}

function orNil(bytes: Uint8Array): Uint8Array | null {
  return bytes.length === 0 ? null : bytes;
}

/** A member's record in a push/pull. */
export function encodeNodeState(node: NodeState): Uint8Array {
  return encodeMap([
    ["Addr", octetsOfIp(node.address)],
    ["Incarnation", node.incarnation],
    ["Meta", node.meta],
    ["Name", node.name],
    ["Port", node.port],
    ["State", STATES.indexOf(node.state)],
    ["Vsn", node.vsn],
  ]);
}

/** Reads a message without its layers: one type octet and the body. Total. */
export function decodeMessage(bytes: Uint8Array): GossipMessage | WireError {
  const [type] = bytes;
  if (type === undefined) return refuse("truncated", "an empty message", 0);
  const body = bytes.subarray(1);
  if (type === TYPE.user) return { kind: "user", payload: body.slice() };
  const kind = KINDS.get(type);
  if (kind === undefined) return refuse("bad-type", `message type ${type}`, 0);
  const fields = decodeMap(body);
  return isWireError(fields) ? fields : readMessage(kind, fields);
}

type MapKind = Exclude<GossipMessage["kind"], "user">;
const KINDS: ReadonlyMap<number, MapKind> = new Map(
  (["ping", "indirectPing", "ackResp", "suspect", "alive", "dead", "nackResp", "err"] as const)
    .map((kind) => [TYPE[kind], kind]),
);

function readMessage(kind: MapKind, fields: Fields): GossipMessage | WireError {
  const sequence = numberOf(fields.SeqNo);
  const node = textOf(fields.Node);
  switch (kind) {
    case "ping":
      return { kind, sequence, node, ...sourceOf(fields) };
    case "indirectPing": {
      const target = ipOf(fields.Target);
      if (target === undefined) return refuse("bad-parameter", "a target that is no address", 1);
      const port = portOf(fields.Port);
      if (port === undefined) return refuse("bad-parameter", "a port that is none", 1);
      const nack = fields.Nack === true;
      return { kind, sequence, target, port, node, nack, ...sourceOf(fields) };
    }
    case "ackResp":
      return { kind, sequence, payload: octetsOf(fields.Payload) };
    case "nackResp":
      return { kind, sequence };
    case "err":
      return { kind, error: textOf(fields.Error) };
    case "suspect":
    case "dead": {
      if (!isName(node)) return refuse("bad-parameter", "a node name that is none", 1);
      const incarnation = numberOf(fields.Incarnation);
      return { kind, node, incarnation, from: textOf(fields.From) };
    }
    case "alive": {
      const state = readNodeState({ ...fields, Name: fields.Node });
      if (isWireError(state)) return state;
      const { name, state: _, ...rest } = state;
      return { kind, node: name, ...rest };
    }
  }
}

/** Reads a member's record of a push/pull. Total. */
export function readNodeState(fields: Fields): NodeState | WireError {
  const name = textOf(fields.Name);
  const address = ipOf(fields.Addr);
  const port = portOf(fields.Port);
  const meta = octetsOf(fields.Meta);
  const vsn = octetsOf(fields.Vsn);
  const state = STATES[numberOf(fields.State)];
  if (!isName(name)) return refuse("bad-parameter", "a node name that is none", 1);
  if (address === undefined) return refuse("bad-parameter", `${name}: no address`, 1);
  if (port === undefined) return refuse("bad-parameter", `${name}: a port that is none`, 1);
  if (meta.length > MAX_META) return refuse("too-large", `${name}: meta of ${meta.length}`, 1);
  if (state === undefined) return refuse("bad-parameter", `${name}: unknown state`, 1);
  const [minimum = 0, maximum = 0] = vsn;
  if (vsn.length < 6 || minimum === 0 || maximum === 0 || minimum > maximum) {
    return refuse("bad-version", `${name}: protocol ${minimum} to ${maximum}`, 1);
  }
  const incarnation = numberOf(fields.Incarnation);
  return { name, address, port, meta, incarnation, state, vsn };
}

function isName(name: string): boolean {
  return name.length > 0 && name.length <= MAX_NAME;
}

function sourceOf(fields: Fields): Source {
  const sourcePort = portOf(fields.SourcePort);
  // An address without a port that can be answered is none: the answer goes back where the packet came from.
  return {
    sourceAddress: sourcePort === undefined ? undefined : ipOf(fields.SourceAddr),
    sourcePort: sourcePort ?? 0,
    sourceNode: textOf(fields.SourceNode),
  };
}

/** No packet can be sent to another, nor a stream opened. */
function portOf(value: unknown): number | undefined {
  const port = numberOf(value);
  return port >= 1 && port <= 0xffff ? port : undefined;
}

/** Four or sixteen octets; an IPv4 address in IPv6 dress counts as IPv4. */
function ipOf(value: unknown): Ip | undefined {
  const octets = octetsOf(value);
  if (octets.length === 4) return readU32(octets, 0) as Ip4;
  if (octets.length !== 16) return undefined;
  const ip = readIp6(octets, 0);
  return ip >> 32n === MAPPED >> 32n ? Number(ip & 0xffff_ffffn) as Ip4 : ip;
}

function octetsOfIp(ip: Ip): Uint8Array {
  const octets = new Uint8Array(typeof ip === "number" ? 4 : 16);
  if (typeof ip === "number") writeU32(octets, 0, ip);
  else writeIp6(octets, 0, ip);
  return octets;
}

function refuse(reason: WireError["reason"], detail: string, offset: number): WireError {
  return wireError("gossip", reason, detail, offset);
}
