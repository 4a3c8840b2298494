import { type Family, familyOf, type Ip, parseIp } from "../net/ip.ts";
import { type PortProtocol, type ServiceFacts, serviceKey, type ServicePort } from "./facts.ts";
import { isObject, type JsonObject, listOr, objectOr, readLabels, textOf } from "./json.ts";
import { isObjectName } from "./names.ts";
import { deprecatedAnnotations, readAllocatedFrom, readRequest } from "./request.ts";
import { isOverwritten, statusSince } from "./status_manager.ts";
import { parseTimestamp } from "./timestamp.ts";

/**
 * Takes what Herald needs from a Service object. Total: any value may come, and what is no Service
 * with a usable name, or has annotations that are no texts, gives undefined and is left out.
 */
export function readService(object: unknown): ServiceFacts | undefined {
  if (!isObject(object)) return undefined;
  const metadata = objectOr(object.metadata);
  const spec = objectOr(object.spec);
  const { name, namespace = "default" } = metadata;
  if (!isName(name) || !isName(namespace)) return undefined;
  const annotations = objectOr(metadata.annotations);
  if (Object.values(annotations).some((value) => typeof value !== "string")) return undefined;
  const deprecated = deprecatedAnnotations(annotations);
  const request = readRequest(annotations, spec.loadBalancerIP);
  const ingress = listOr(objectOr(objectOr(object.status).loadBalancer).ingress);
  const statusSinceMs = statusSince(object);
  return {
    key: serviceKey(namespace, name),
    namespace,
    name,
    uid: textOf(metadata.uid) ?? "",
    resourceVersion: textOf(metadata.resourceVersion) ?? "",
    createdMs: parseTimestamp(textOf(metadata.creationTimestamp) ?? "") ?? 0,
    deleting: textOf(metadata.deletionTimestamp) !== undefined,
    isLoadBalancer: spec.type === "LoadBalancer",
    loadBalancerClass: textOf(spec.loadBalancerClass),
    families: readFamilies(spec),
    isHeadless: isHeadless(spec),
    prefersDualStack: spec.ipFamilyPolicy === "PreferDualStack",
    ports: readPorts(spec.ports),
    externalTrafficPolicy: spec.externalTrafficPolicy === "Local" ? "Local" : "Cluster",
    selector: canonicalSelector(spec.selector),
    labels: readLabels(metadata.labels),
    sharingKey: request.sharingKey,
    poolRequest: request.poolRequest,
    addressRequest: request.addressRequest,
    assigned: readIngress(ingress),
    allocatedFrom: readAllocatedFrom(annotations),
    hasIngress: ingress.length > 0,
    warnings: request.warnings,
    ...deprecated.length === 0 ? {} : { deprecated },
    ...statusSinceMs === undefined ? {} : { statusSinceMs },
    ...isOverwritten(object) ? { overwritten: true } : {},
  };
}

/** A usable name; it becomes a file name and a field of the log. */
function isName(value: unknown): value is string {
  return typeof value === "string" && isObjectName(value);
}

/**
 * The families of clusterIPs, first one first; where a Service has none yet, or its cluster
 * gives none, those of ipFamilies. A headless Service has none.
 */
function readFamilies(spec: JsonObject): readonly Family[] {
  if (isHeadless(spec)) return [];
  const clusterIps = clusterIpsOf(spec);
  const found = clusterIps.length > 0
    ? clusterIps.map((text) => typeof text === "string" ? parseIp(text) : undefined)
      .map((ip) => ip === undefined ? undefined : familyOf(ip))
    : listOr(spec.ipFamilies).map(familyOfName);
  return [...new Set(found.filter(isDefined))];
}

function clusterIpsOf(spec: JsonObject): readonly unknown[] {
  const listed = listOr(spec.clusterIPs).filter((ip) => ip !== "");
  return listed.length > 0 ? listed : [textOf(spec.clusterIP)].filter(isDefined);
}

function isHeadless(spec: JsonObject): boolean {
  return clusterIpsOf(spec).includes("None");
}

function familyOfName(name: unknown): Family | undefined {
  return name === "IPv4" ? 4 : name === "IPv6" ? 6 : undefined;
}

function readPorts(value: unknown): readonly ServicePort[] {
  const ports: ServicePort[] = [];
  for (const entry of listOr(value)) {
    const { port, protocol = "TCP" } = objectOr(entry);
    const inRange = typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65536;
    if (inRange && isPortProtocol(protocol)) ports.push({ protocol, port });
  }
  return ports;
}

function isPortProtocol(value: unknown): value is PortProtocol {
  return value === "TCP" || value === "UDP" || value === "SCTP";
}

function canonicalSelector(value: unknown): string {
  const entries = Object.entries(objectOr(value));
  if (entries.length === 0) return "";
  return JSON.stringify(entries.sort(([a], [b]) => a < b ? -1 : 1));
}

function readIngress(ingress: readonly unknown[]): readonly Ip[] {
  const texts = ingress.map((entry) => textOf(objectOr(entry).ip)).filter(isDefined);
  return [...new Set(texts.map((text) => parseIp(text)).filter(isDefined))];
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined;
}
