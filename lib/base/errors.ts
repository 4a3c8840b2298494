/** Protocols whose decoders can refuse input. */
type WireProtocol = "ethernet" | "arp" | "ndp" | "netlink" | "bgp" | "heartbeat" | "gossip";

/** Closed list of refusal reasons; each is a metric label, so it never carries a value. */
export type WireReason =
  | "truncated"
  | "bad-length"
  | "bad-hardware-type"
  | "bad-protocol-type"
  | "bad-address-length"
  | "bad-operation"
  | "bad-sender"
  | "not-arp"
  | "not-ndp"
  | "bad-checksum"
  | "bad-signature"
  | "too-large"
  | "too-deep"
  | "not-encrypted"
  | "bad-key"
  | "bad-label"
  | "bad-marker"
  | "bad-type"
  | "bad-version"
  | "bad-parameter"
  | "bad-prefix"
  | "bad-attribute";

/** A refusal of input: `reason` is a metric label, `detail` is for people, `offset` in bytes. */
export interface WireError {
  readonly kind: "wire-error";
  readonly protocol: WireProtocol;
  readonly reason: WireReason;
  readonly detail: string;
  readonly offset: number;
}

/** Builds a {@link WireError}; decoders return it, they never throw on input. */
export function wireError(
  protocol: WireProtocol,
  reason: WireReason,
  detail: string,
  offset: number,
): WireError {
  return { kind: "wire-error", protocol, reason, detail, offset };
}

/** Whether a decoder refused its input. */
export function isWireError(value: unknown): value is WireError {
  return typeof value === "object" && value !== null && "kind" in value &&
    value.kind === "wire-error";
}

/** How bad a configuration problem is: errors keep the configuration from being used. */
export type Severity = "error" | "warning";

/** A place in a text; `line` and `column` count from 1. */
export interface TextPlace {
  readonly kind: "text";
  /** File name, or `configmap NS/NAME key config`. */
  readonly source: string;
  readonly line: number;
  readonly column: number;
}

/** A field of an object. */
export interface FieldPlace {
  readonly kind: "field";
  /** Kind, namespace and name. */
  readonly object: string;
  /** `spec.addresses[0]` */
  readonly path: string;
}

/** Where in a configuration something is. */
export type ConfigPlace = TextPlace | FieldPlace;

/** One mistake in a configuration, with its place. */
export interface ConfigProblem {
  readonly severity: Severity;
  readonly place: ConfigPlace;
  /** What was found and what is allowed; one sentence without full stop. */
  readonly message: string;
  /** What to do, for example `did you mean "addresses"?`. */
  readonly hint?: string;
}

/** Ends a `switch` over a closed union; reached only by a bug. */
export function unreachable(value: never): never {
  throw new TypeError(`Unexpected value ${JSON.stringify(value)}`);
}

/** Longer cause chains are cut: an error can be its own cause. */
const MAX_CAUSES = 8;

/** The text of anything that was thrown, with its causes, on one line. */
export function errorText(error: unknown): string {
  const texts: string[] = [];
  for (let next = error; texts.length < MAX_CAUSES;) {
    const text = next instanceof Error ? next.message : plainText(next);
    texts.push(text.replace(/\s*[\r\n]+\s*/g, " ").trim());
    if (!(next instanceof Error) || next.cause === undefined) break;
    next = next.cause;
  }
  return texts.join(": ");
}

function plainText(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "a value without text"; // An object without prototype has no toString.
  }
}
