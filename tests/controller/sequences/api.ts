import type { ServiceFacts } from "../../../lib/model/facts.ts";
import type { StatusWrite, WriteOutcome } from "../../../lib/host/cluster/cluster.ts";
import type { Ip } from "../../../lib/net/ip.ts";

/** A Service as the API server has it. */
export interface Stored {
  facts: ServiceFacts;
  /** Each form it had since Herald's last write: the controller may know any of them. */
  forms: readonly ServiceFacts[];
  /** Somebody else wrote the status, a leader before the present one included. */
  meddled: boolean;
}

/** A write on its way to the API server. */
export interface Flight {
  readonly term: number;
  readonly write: StatusWrite;
}

/** An API server: what it holds, what is on its way to it, and who hears of changes. */
export interface Api {
  readonly services: Map<string, Stored>;
  readonly flights: Flight[];
  version: number;
  created: number;
  /** Makes its UIDs others than those of another one. */
  readonly salt: string;
  /** Its clock, in milliseconds; what it notes of it are whole seconds. */
  nowMs: number;
  watch: (key: string, facts: ServiceFacts | undefined) => void;
}

export function emptyApi(salt = ""): Api {
  return {
    services: new Map(),
    flights: [],
    version: 0,
    created: 0,
    salt,
    nowMs: 0,
    watch: () => {},
  };
}

/** Creates a Service, or edits it; the status is left alone unless the part names it. */
export function edit(
  api: Api,
  created: ServiceFacts,
  part: Partial<ServiceFacts>,
): void {
  const { key } = created;
  const old = api.services.get(key);
  const uid = old?.facts.uid ?? `uid-${api.salt}${created.name}-${++api.created}`;
  const facts = { ...old?.facts ?? { ...created, uid }, ...part, resourceVersion: next(api) };
  api.services.set(key, {
    facts,
    forms: [...old?.forms ?? [], facts],
    meddled: old?.meddled ?? false,
  });
  api.watch(key, facts);
}

/** Somebody else puts this into the status. */
export function meddle(api: Api, key: string, assigned: readonly Ip[]): void {
  const old = api.services.get(key);
  if (old === undefined) return;
  edit(api, old.facts, {
    assigned,
    hasIngress: assigned.length > 0,
    statusSinceMs: wholeSeconds(api),
  });
  const stored = api.services.get(key);
  if (stored !== undefined) stored.meddled = true;
}

export function remove(api: Api, key: string): void {
  if (api.services.delete(key)) api.watch(key, undefined);
}

/** A write arrives: it is applied only to the very object and version that it was made for. */
export function arrive(
  api: Api,
  { service, ips, pool }: StatusWrite,
  byLeader: boolean,
): WriteOutcome["kind"] {
  const stored = api.services.get(service.key);
  if (stored === undefined || stored.facts.uid !== service.uid) return "gone";
  if (stored.facts.resourceVersion !== service.resourceVersion) return "conflict";
  const facts: ServiceFacts = {
    ...stored.facts,
    assigned: ips,
    hasIngress: ips.length > 0,
    allocatedFrom: pool,
    statusSinceMs: wholeSeconds(api),
    resourceVersion: next(api),
  };
  api.services.set(service.key, { facts, forms: [facts], meddled: !byLeader });
  api.watch(service.key, facts);
  return "written";
}

function wholeSeconds({ nowMs }: Api): number {
  return Math.floor(nowMs / 1000) * 1000;
}

function next(api: Api): string {
  return `${++api.version}`;
}
