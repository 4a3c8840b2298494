import assert from "node:assert/strict";
import type { Decision, ServicePlan } from "../../../lib/controller/plan.ts";
import type { StatusWrite } from "../../../lib/host/cluster/cluster.ts";
import type { ServiceFacts } from "../../../lib/model/facts.ts";
import { formatIp, type Ip } from "../../../lib/net/ip.ts";
import type { Api, Stored } from "./api.ts";
import { isBefore, type Verdict } from "./decide.ts";
import {
  addressesOf,
  agreesWithRequests,
  completed,
  firstFit,
  hasItsFamilies,
  homeOf,
  isEligible,
  keepable,
  mayShare,
  type Model,
} from "./model.ts";
import type { World } from "./world.ts";

// The invariants S5 to S10 of the reliability reference, and the rules of allocation.

/** What the plan decided is what the rules say, and it writes what has to be written. */
export function checkPlan(
  { model }: World,
  facts: ServiceFacts,
  { decision, actions }: ServicePlan,
  verdict: Verdict,
): void {
  const { key } = facts;
  assert.equal(briefly(decision), briefVerdict(verdict), `${key}: the decision`);
  if ("pool" in decision) {
    assert.equal(decision.pool, homeOf(decision.ips, model.config)?.name, `${key}: the pool`);
  }
  const writes = actions.flatMap((action) => action.kind === "writeStatus" ? [action] : []);
  assert.ok(writes.length <= 1, `${key}: two writes in one plan`);
  const [write] = writes;
  if (!facts.isLoadBalancer || verdict.kind === "none") {
    const isForeign = facts.isLoadBalancer && facts.loadBalancerClass !== undefined;
    assert.ok(write === undefined || (write.ips.length === 0 && !isForeign), `${key}: A1, A13`);
    return;
  }
  if (facts.deleting) return;
  const ips = verdict.kind === "refused" ? [] : verdict.ips;
  const pool = homeOf(ips, model.config)?.name;
  const stale = facts.allocatedFrom !== pool;
  const shows = ips.length === 0 ? !facts.hasIngress : textOf(ips) === textOf(facts.assigned);
  const stands = shows && !stale;
  const expected = stands ? undefined : textOf(ips);
  assert.equal(write && textOf(write.ips), expected, `${key}: S10, what is written`);
}

/** The same texts, in any order. */
function assertSame(actual: Iterable<string>, expected: Iterable<string>, what: string): void {
  const [one, other] = [[...actual].sort().join("\n"), [...expected].sort().join("\n")];
  if (one !== other) assert.equal(one, other, what);
}

const names = new Map<Ip, string>();

/** The text of an address; there are few, and they are asked for by the million. */
function nameOf(ip: Ip): string {
  const known = names.get(ip) ?? formatIp(ip);
  names.set(ip, known);
  return known;
}

function textOf(ips: readonly Ip[]): string {
  return ips.map(nameOf).join(" ");
}

function briefly(decision: Decision): string {
  switch (decision.kind) {
    case "notOurs":
    case "notReady":
    case "deleting":
      return "none";
    case "refused":
      return "refused";
    case "kept":
    case "assigned":
      return `${decision.kind} ${textOf(decision.ips)}`;
  }
}

function briefVerdict(verdict: Verdict): string {
  return "ips" in verdict ? `${verdict.kind} ${textOf(verdict.ips)}` : verdict.kind;
}

/** S8 and S12 after each batch: the book is the model's, and nobody waits for what is there. */
export function checkBatch(
  { leader: { book, view, due }, model }: World,
  plans: readonly ServicePlan[],
  before: ReadonlySet<string>,
): void {
  const claims = [...model.held.values(), ...[...model.givenUp.values()].flat()];
  assertSame(
    [...book.holdings].map(([key, { ips }]) => `${key} ${textOf(ips)}`),
    [...model.held].map(([key, { ips }]) => `${key} ${textOf(ips)}`),
    "S8: what the book holds",
  );
  assertSame([...book.retiring.keys()], [...model.givenUp.keys()], "what is given up");
  assertSame(
    [...book.users.keys()].map(nameOf),
    new Set(claims.flatMap(({ ips }) => ips.map(nameOf))),
    "which addresses are in use",
  );
  assertSame(
    [...book.keptFor].map(([ip, key]) => `${nameOf(ip)} ${key}`),
    [...model.kept].flatMap(([key, { ips }]) => ips.map((ip) => `${nameOf(ip)} ${key}`)),
    "sticky addresses",
  );
  assertSame([...book.remembered.keys()], [...model.kept.keys()], "what is remembered");
  assertSame(
    [...book.sharedIps].flatMap(([key, of]) => [...of].map((ip) => `${key} ${nameOf(ip)}`)),
    new Set(
      claims.flatMap(({ facts: { sharingKey }, ips }) =>
        sharingKey === undefined ? [] : ips.map((ip) => `${sharingKey} ${nameOf(ip)}`)
      ),
    ),
    "the index of shared addresses",
  );
  for (const facts of view.values()) {
    if (!isEligible(facts) || facts.deleting || due.has(facts.key)) continue;
    const has = model.held.get(facts.key)?.ips;
    if (has === undefined) {
      assert.equal(firstFit(model, facts), undefined, `S8: ${facts.key} waits for nothing`);
    } else if (has.length < facts.families.length) {
      assert.equal(completed(model, facts, has).length, has.length, `A8: ${facts.key} lacks one`);
    }
  }
  checkTurns(plans, view, before, model);
}

/**
 * A11: of those that need an address the older one is not passed over for a younger one that had
 * none `before` and for which none was kept.
 */
function checkTurns(
  plans: readonly ServicePlan[],
  view: ReadonlyMap<string, ServiceFacts>,
  before: ReadonlySet<string>,
  model: Model,
): void {
  const assigned = plans.filter(({ decision, service }) =>
    decision.kind === "assigned" && !before.has(service) && decision.lost === undefined
  ).map(({ service }) => view.get(service)).filter((facts) => facts !== undefined);
  if (assigned.length === 0) return;
  for (const facts of view.values()) {
    if (!isEligible(facts) || facts.deleting || model.held.has(facts.key)) continue;
    if (!plans.some(({ service }) => service === facts.key)) continue;
    for (const other of assigned) {
      const older = facts.createdMs < other.createdMs ||
        (facts.createdMs === other.createdMs && isBefore(facts, other));
      if (!older) continue;
      const held = new Map([...model.held].filter(([key]) => key !== other.key));
      const without = { ...model, held };
      assert.equal(firstFit(without, facts), undefined, `A11: ${other.key} before ${facts.key}`);
    }
  }
}

/** S5, S6 and S7 at the moment in which a write of the leader is applied. */
export function checkWritten(
  { api, configs, shownElsewhere }: World,
  before: Stored,
  { service: { key }, ips }: StatusWrite,
): void {
  const { facts } = before;
  assert.ok(
    !facts.isLoadBalancer || facts.loadBalancerClass === undefined,
    `A13: ${key} of another class is written to`,
  );
  assert.ok(ips.length === 0 || isEligible(facts), `${key} gets an address it cannot have`);
  for (const other of api.services.values()) {
    if (other.facts.key === key || other.meddled) continue;
    if (other.facts.isLoadBalancer && other.facts.loadBalancerClass !== undefined) continue;
    if (!ips.some((ip) => other.facts.assigned.includes(ip))) continue;
    const legal = other.forms.some((form) => mayShare(facts, form));
    assert.ok(legal, `S5: ${key} has ${textOf(ips)} beside ${other.facts.key}`);
  }
  const had = facts.assigned;
  if (
    before.meddled || had.every((ip) => ips.includes(ip)) ||
    had.some((ip) => shownElsewhere.has(ip))
  ) return;
  const [first] = before.forms;
  const illegal = before.forms.some((form) =>
    !isEligible(form) || sharingOf(form) !== (first && sharingOf(first)) ||
    configs.some((config) => !agrees(form, had, config))
  );
  assert.ok(illegal, `S6, S7: ${key} had ${textOf(had)} and gets ${textOf(ips)}`);
}

function agrees(form: ServiceFacts, had: readonly Ip[], config: World["configs"][number]): boolean {
  const pool = homeOf(had, config);
  return pool !== undefined && hasItsFamilies(form, had) && agreesWithRequests(form, had, pool);
}

/** What decides about sharing; nothing for a Service that shares with nobody. */
function sharingOf(facts: ServiceFacts): string {
  const { externalTrafficPolicy, ports, selector, sharingKey } = facts;
  return sharingKey === undefined
    ? ""
    : JSON.stringify([sharingKey, externalTrafficPolicy, selector, ports]);
}

/** Of two that clash when a controller starts, nobody can tell any more which one was edited. */
export function excuseClashes(api: Api): void {
  const all = [...api.services.values()];
  for (const one of all) {
    for (const other of all) {
      if (one === other || !one.facts.assigned.some((ip) => other.facts.assigned.includes(ip))) {
        continue;
      }
      if (!mayShare(one.facts, other.facts)) one.meddled = true;
    }
  }
}

/** What must hold when nothing is under way any more. */
export function checkRest({ api, leader: { book, view, wishes }, model }: World): void {
  const all = [...api.services.values()].map(({ facts }) => facts);
  const keys = new Set<string>(api.services.keys());
  assertSame(view.keys(), keys, "the cache and the API server differ");
  for (const facts of all) {
    const { key, assigned, allocatedFrom } = facts;
    const ours = isEligible(facts);
    const expected = ours ? textOf(model.held.get(key)?.ips ?? []) : "";
    // Nothing is written any more to one that is being deleted.
    if (ours && !facts.deleting) {
      assert.equal(textOf(assigned), expected, `S8: the status of ${key}`);
    }
    if (!facts.isLoadBalancer) {
      const own = model.config.pools.some((pool) => assigned.some(isOf(addressesOf(pool))));
      assert.ok(!own, `A1: ${key} still has ${textOf(assigned)}`);
      const named = model.config.pools.some(({ name }) => name === allocatedFrom);
      assert.ok(!named, `A1: ${key} still names the pool ${allocatedFrom}`);
    }
    if (ours && !facts.deleting) {
      const legal = assigned.length === 0 || keepable(model, facts, assigned) !== undefined;
      assert.ok(legal, `S5: ${key} may not have ${textOf(assigned)}`);
      const pool = homeOf(assigned, model.config)?.name;
      assert.equal(allocatedFrom, pool, `${key}: the annotation`);
    }
  }
  for (const key of book.retiring.keys()) {
    const facts = api.services.get(key)?.facts;
    const isForeign = facts?.isLoadBalancer && facts.loadBalancerClass !== undefined;
    assert.ok(facts?.deleting || isForeign, `S12: ${key} gives up and never is free`);
  }
  const lacks = all.filter((facts) =>
    isEligible(facts) && !facts.deleting &&
    (model.held.get(facts.key)?.ips.length ?? 0) < facts.families.length &&
    (!model.held.has(facts.key) || facts.addressRequest.kind === "none")
  );
  assertSame(book.waiting, lacks.map(({ key }) => key), "who waits");
  for (const key of [...book.reported.keys(), ...wishes.keys()]) {
    assert.ok(keys.has(key), `S12: ${key} is gone and not forgotten`);
  }
}

function isOf(ips: readonly Ip[]): (ip: Ip) => boolean {
  return (ip) => ips.includes(ip);
}
