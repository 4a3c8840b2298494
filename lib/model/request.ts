import { nearest } from "../base/nearest.ts";
import { familyOf, formatIp, type Ip, isMapped, parseIp } from "../net/ip.ts";
import { ANNOTATION, ANNOTATION_PREFIXES, EVENT } from "./names.ts";
import type { AddressRequest } from "./facts.ts";
import { type JsonObject, quoted, textOf } from "./json.ts";

/** Sharing keys beyond this length are refused: nobody types such a key, and keys appear in messages. */
const SHARING_KEY_LIMIT = 1024;

/** What a Service's annotations and spec ask of the allocator. */
interface ServiceRequest {
  readonly sharingKey: string | undefined;
  readonly poolRequest: string | undefined;
  readonly addressRequest: AddressRequest;
  readonly warnings: readonly string[];
}

/**
 * Reads the requests of a Service (MetalLB controller/service.go; rules A5 and A6). Each annotation
 * is known under two prefixes, the newer of which wins. `annotations` holds texts only.
 */
export function readRequest(annotations: JsonObject, loadBalancerIp: unknown): ServiceRequest {
  const warnings: string[] = unknownAnnotations(annotations);
  const sharingKey = readAnnotation(annotations, ANNOTATION.sharingKey, warnings);
  const poolRequest = readAnnotation(annotations, ANNOTATION.addressPool, warnings);
  const list = readAnnotation(annotations, ANNOTATION.loadBalancerIps, warnings)?.trim();
  if (sharingKey !== undefined && sharingKey.length > SHARING_KEY_LIMIT) {
    const message = `annotation ${ANNOTATION.sharingKey} has ${sharingKey.length} characters, ` +
      `at most ${SHARING_KEY_LIMIT} are allowed`;
    return { sharingKey: undefined, poolRequest, addressRequest: invalid(message), warnings };
  }
  const addressRequest = readAddresses(list, loadBalancerIp);
  return { sharingKey, poolRequest, addressRequest, warnings };
}

/** Nobody misspells more of them, and each is a line of the log. */
const UNKNOWN_TOLD = 5;

/** A slip in an annotation's name would otherwise pass without a word, and without effect. */
function unknownAnnotations(annotations: JsonObject): string[] {
  const known: readonly string[] = Object.values(ANNOTATION);
  const asked = known.filter((name) => name !== ANNOTATION.allocatedFrom);
  const unknown = Object.keys(annotations).flatMap((written) => {
    const prefix = ANNOTATION_PREFIXES.find((one) => written.startsWith(one));
    const name = written.slice(prefix?.length);
    if (prefix === undefined || known.includes(name)) return [];
    const meant = nearest(name, known);
    const hint = meant === undefined
      ? `Herald reads ${asked.map((one) => prefix + one).join(", ")}`
      : `did you mean ${prefix}${meant}?`;
    return [`annotation ${quoted(written)} has no effect; ${hint}`];
  });
  return unknown.slice(0, UNKNOWN_TOLD);
}

/** The annotation that Herald, or MetalLB before it, wrote beside the addresses. */
export function readAllocatedFrom(annotations: JsonObject): string | undefined {
  return readAnnotation(annotations, ANNOTATION.allocatedFrom, []);
}

function readAnnotation(
  annotations: JsonObject,
  name: string,
  warnings: string[],
): string | undefined {
  const [newer, older] = ANNOTATION_PREFIXES;
  const value = annotations[newer + name];
  const old = annotations[older + name];
  if (value !== undefined && old !== undefined && value !== old) {
    warnings.push(
      `annotations ${newer}${name} and ${older}${name} differ; the first is used, ` +
        `remove the second`,
    );
  }
  return textOf(value ?? old);
}

function readAddresses(list: string | undefined, loadBalancerIp: unknown): AddressRequest {
  const field = "spec.loadBalancerIP";
  const annotation = `annotation ${ANNOTATION.loadBalancerIps}`;
  const hasList = list !== undefined && list !== "";
  if (loadBalancerIp === undefined || loadBalancerIp === null || loadBalancerIp === "") {
    return hasList ? readList(list, annotation) : { kind: "none" };
  }
  if (typeof loadBalancerIp !== "string") return invalid(`${field} must be a text`);
  if (hasList) {
    return invalid(`${field} and ${annotation} are both set; keep one, the annotation is newer`);
  }
  const ip = readAddress(loadBalancerIp, field);
  return typeof ip === "string" ? invalid(ip) : { kind: "addresses", ips: [ip] };
}

function readList(list: string, where: string): AddressRequest {
  const ips: Ip[] = [];
  for (const entry of list.split(",")) {
    const ip = readAddress(entry.trim(), where);
    if (typeof ip === "string") return invalid(ip);
    ips.push(ip);
    if (ips.length > 2) {
      return invalid(`${where} names more than two addresses; one per family is allowed`);
    }
  }
  const [first, second] = ips;
  if (first !== undefined && second !== undefined && familyOf(first) === familyOf(second)) {
    return invalid(
      `${where} names two IPv${familyOf(first)} addresses (${formatIp(first)}, ` +
        `${formatIp(second)}); two must be one IPv4 and one IPv6 address`,
    );
  }
  return { kind: "addresses", ips };
}

/** The address, or why the text is none. */
function readAddress(text: string, where: string): Ip | string {
  if (text === "") return `${where} has an empty entry; remove the extra comma`;
  const ip = parseIp(text);
  if (ip === undefined) {
    return `${where} holds ${quoted(text)}, which is no IP address; ` +
      `write four decimal numbers without leading zeros, or an IPv6 address`;
  }
  if (isMapped(ip)) return `${where} holds ${quoted(text)}; write it as an IPv4 address`;
  return ip;
}

function invalid(message: string): AddressRequest {
  return { kind: "invalid", event: EVENT.loadBalancerFailed, message };
}

/** The names of annotations that are set in the older of their two spellings alone. */
export function deprecatedAnnotations(annotations: JsonObject): readonly string[] {
  const [newer, older] = ANNOTATION_PREFIXES;
  // Only MetalLB wrote this one, and the next write brings it under the newer prefix.
  return Object.values(ANNOTATION).filter((name) =>
    name !== ANNOTATION.allocatedFrom &&
    annotations[older + name] !== undefined && annotations[newer + name] === undefined
  );
}
