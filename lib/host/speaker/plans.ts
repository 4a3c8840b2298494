import type { ServiceFacts, ServiceKey, SliceFacts } from "../../model/facts.ts";
import type { Ip } from "../../net/ip.ts";
import { createElections, type Electorate } from "../../speaker/electorate.ts";
import { type AddressPlan, isAnnounced, planAddress } from "../../speaker/plan.ts";
import { sameWishes } from "../../speaker/routes.ts";
import type { SpeakerView } from "../../speaker/view.ts";
import type { Change } from "../cluster/cluster.ts";

/**
 * What is kept of an address's plan. The candidates are many, and only `explain` asks for them: it
 * plans anew.
 */
export type KeptPlan = Omit<AddressPlan, "candidates">;

/** What changed with an update. */
export interface PlanChanges {
  /** All plans as they are now. */
  readonly all: ReadonlyMap<Ip, KeptPlan>;
  /** Those that are new or different. */
  readonly changed: readonly KeptPlan[];
  /** As they last were, of addresses that no Service has any more. */
  readonly gone: readonly KeptPlan[];
}

/** The plans of all addresses, kept up to date with as little work as a change asks for. */
export interface SpeakerPlans {
  readonly plans: ReadonlyMap<Ip, KeptPlan>;
  onService(change: Change<ServiceFacts>): void;
  onSlice(change: Change<SliceFacts>): void;
  /** Nodes, live speakers or the configuration changed: everything is planned again. */
  touchAll(): void;
  /** Plans what was touched. */
  update(view: SpeakerView): PlanChanges;
}

/** Makes an empty set of plans. */
export function createSpeakerPlans(): SpeakerPlans {
  const plans = new Map<Ip, KeptPlan>();
  const backends = createBackends();
  const elections = createElections();

  function planOf(ip: Ip, view: SpeakerView, electorate: Electorate): KeptPlan | undefined {
    const on = backends.servicesOn(ip).filter((facts) => isAnnounced(facts, view.lbClass));
    if (on.length === 0) return undefined;
    const { slicesOf } = backends;
    const { candidates: _, ...kept } = planAddress(ip, on, slicesOf, view, electorate);
    return kept;
  }

  return {
    plans,
    onService: backends.onService,
    onSlice: backends.onSlice,
    touchAll: backends.touchAll,
    update(view) {
      const changed: KeptPlan[] = [];
      const gone: KeptPlan[] = [];
      const electorate = elections.open();
      for (const ip of backends.touched) {
        const before = plans.get(ip);
        const plan = planOf(ip, view, electorate);
        if (plan === undefined) {
          plans.delete(ip);
          if (before !== undefined) elections.forget(before.salt);
          if (before !== undefined) gone.push(before);
        } else {
          plans.set(ip, plan);
          if (!samePlan(before, plan)) changed.push(plan);
        }
      }
      backends.touched.clear();
      return { all: plans, changed, gone };
    },
  };
}

/** The Services and slices behind each address. */
interface Backends extends Pick<SpeakerPlans, "onService" | "onSlice" | "touchAll"> {
  /** Addresses behind which something is different now. */
  readonly touched: Set<Ip>;
  servicesOn(ip: Ip): readonly ServiceFacts[];
  slicesOf(service: ServiceKey): Iterable<SliceFacts>;
}

function createBackends(): Backends {
  const services = new Map<ServiceKey, ServiceFacts>();
  const byIp = new Map<Ip, Set<ServiceKey>>();
  const slices = new Map<ServiceKey, Map<string, SliceFacts>>();
  const touched = new Set<Ip>();

  function touchService(key: ServiceKey): void {
    for (const ip of services.get(key)?.assigned ?? []) touched.add(ip);
  }

  function removeService(key: ServiceKey): void {
    touchService(key);
    for (const ip of services.get(key)?.assigned ?? []) {
      const keys = byIp.get(ip);
      keys?.delete(key);
      if (keys?.size === 0) byIp.delete(ip);
    }
    services.delete(key);
  }

  function addService(facts: ServiceFacts): void {
    services.set(facts.key, facts);
    for (const ip of facts.assigned) {
      const keys = byIp.get(ip);
      if (keys === undefined) byIp.set(ip, new Set([facts.key]));
      else keys.add(facts.key);
    }
    touchService(facts.key);
  }

  return {
    touched,
    servicesOn: (ip) =>
      [...byIp.get(ip) ?? []].map((key) => services.get(key)).filter((facts) =>
        facts !== undefined
      ),
    slicesOf: (key) => slices.get(key)?.values() ?? [],
    onService(change) {
      if (change.kind === "synced") return;
      removeService(change.kind === "apply" ? change.value.key : change.previous.key);
      if (change.kind === "apply") addService(change.value);
    },
    onSlice(change) {
      if (change.kind === "synced") return;
      const before = change.previous;
      if (before !== undefined) {
        slices.get(before.service)?.delete(change.key);
        if (slices.get(before.service)?.size === 0) slices.delete(before.service);
        touchService(before.service);
      }
      if (change.kind === "delete") return;
      const { service } = change.value;
      const all = slices.get(service) ?? new Map<string, SliceFacts>();
      slices.set(service, all.set(change.key, change.value));
      touchService(service);
    },
    touchAll() {
      for (const ip of byIp.keys()) touched.add(ip);
    },
  };
}

function samePlan(a: KeptPlan | undefined, b: KeptPlan): boolean {
  return a !== undefined && a.announce.layer2?.owner === b.announce.layer2?.owner &&
    a.reason === b.reason && a.notice === b.notice && a.services.join() === b.services.join() &&
    sameWishes(a.announce.bgp?.routes ?? [], b.announce.bgp?.routes ?? []);
}
