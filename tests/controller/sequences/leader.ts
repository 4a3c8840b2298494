import { instant, type Random } from "../../../lib/base/time.ts";
import type { Config } from "../../../lib/config/types.ts";
import type { AddressBook } from "../../../lib/controller/allocations.ts";
import { planBatch } from "../../../lib/controller/batch.ts";
import type { ServicePlan } from "../../../lib/controller/plan.ts";
import { restore } from "../../../lib/controller/restore.ts";
import type { NamespaceFacts, ServiceFacts, ServiceKey } from "../../../lib/model/facts.ts";
import type { StatusWrite, WriteOutcome } from "../../../lib/host/cluster/cluster.ts";
import { formatIp } from "../../../lib/net/ip.ts";
import type { Api, Flight } from "./api.ts";

/** A controller as the host runs it: a cache that lags behind, the book, the writes under way. */
export interface Leader {
  readonly term: number;
  readonly lbClass: string | undefined;
  readonly book: AddressBook;
  /** What its watch has brought so far. */
  readonly view: Map<string, ServiceFacts>;
  /** What its watch has still to bring. */
  readonly queue: { readonly key: ServiceKey; readonly facts: ServiceFacts | undefined }[];
  /** To be planned with the next batch. */
  readonly due: Set<ServiceKey>;
  readonly wishes: Map<ServiceKey, Wish>;
  /** The writes whose answers have not come yet. */
  readonly awaited: Map<Flight, Wish>;
  /** What was written last, until the watch has brought it back. */
  readonly written: Map<ServiceKey, string>;
}

interface Wish {
  write: StatusWrite;
  inFlight: boolean;
}

/** Starts a controller on all that the API server holds now; everything is due to be planned. */
export function startLeader(
  api: Api,
  term: number,
  config: Config,
  namespaces: ReadonlyMap<string, NamespaceFacts>,
  random: Random,
  lbClass?: string,
): Leader {
  const listed = shuffled([...api.services.values()].map(({ facts }) => facts), random);
  const view = new Map<string, ServiceFacts>(listed.map((facts) => [facts.key, facts]));
  const book = restore(view.values(), config, lbClass);
  book.namespaces = namespaces;
  const leader: Leader = {
    term,
    lbClass,
    book,
    view,
    queue: [],
    due: new Set(listed.map(({ key }) => key)),
    wishes: new Map(),
    awaited: new Map(),
    written: new Map(),
  };
  api.watch = (key, facts) => {
    const [namespace = "", name = ""] = key.split("/");
    leader.queue.push({ key: `${namespace}/${name}` as ServiceKey, facts });
  };
  return leader;
}

export function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items.map((item) => ({ item, at: random() })).sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** Takes the next events of the watch, in their order; what they touch is due. */
export function hear(leader: Leader, count: number): void {
  for (const { key, facts } of leader.queue.splice(0, count)) {
    const known = leader.view.get(key);
    if (facts === undefined || (known !== undefined && known.uid !== facts.uid)) {
      leader.wishes.delete(key);
      leader.written.delete(key);
    }
    if (facts === undefined) leader.view.delete(key);
    else leader.view.set(key, facts);
    leader.due.add(key);
  }
}

/** Plans these keys as one batch. */
export function plan(leader: Leader, keys: readonly ServiceKey[], now: number): ServicePlan[] {
  for (const key of keys) leader.due.delete(key);
  const { book, lbClass, view } = leader;
  return planBatch(keys, view, book, { lbClass, now: instant(now) });
}

/** Sends the statuses that the plans ask for, one request at a time for each Service. */
export function send(leader: Leader, api: Api, plans: readonly ServicePlan[]): void {
  for (const action of plans.flatMap(({ actions }) => actions)) {
    if (action.kind === "writeStatus") ask(leader, api, action);
  }
}

function ask(leader: Leader, api: Api, { service, ips, pool }: StatusWrite): void {
  const write = { service, ips, pool };
  const wish = leader.wishes.get(service.key);
  if (wish !== undefined) wish.write = write;
  if (wish?.inFlight) return;
  if (wish === undefined && leader.written.get(service.key) === fingerprint(write)) return;
  const own = wish ?? { write, inFlight: false };
  leader.wishes.set(service.key, own);
  perform(leader, api, own);
}

function perform(leader: Leader, api: Api, wish: Wish): void {
  wish.inFlight = true;
  const flight = { term: leader.term, write: wish.write };
  leader.awaited.set(flight, wish);
  api.flights.push(flight);
}

/** The answer to a write comes in, "failed" where nobody knows what became of it. */
export function hearAnswer(
  leader: Leader,
  api: Api,
  flight: Flight,
  outcome: WriteOutcome["kind"],
): void {
  const { key } = flight.write.service;
  const wish = leader.awaited.get(flight);
  leader.awaited.delete(flight);
  if (wish === undefined || leader.wishes.get(key) !== wish) return;
  wish.inFlight = false;
  if (outcome === "written") leader.written.set(key, fingerprint(flight.write));
  if (fingerprint(wish.write) !== fingerprint(flight.write)) return perform(leader, api, wish);
  const again = outcome === "failed" || outcome === "refused";
  if (!again) leader.wishes.delete(key);
  if (again || outcome === "conflict") leader.due.add(key);
}

function fingerprint({ service, ips, pool }: StatusWrite): string {
  return `${service.uid} ${service.resourceVersion} ${ips.map(formatIp).join()} ${pool}`;
}
