import assert from "node:assert/strict";
import type { Config } from "../../../lib/config/types.ts";
import { checkReconfiguration, reconfigure } from "../../../lib/controller/reconfigure.ts";
import { nextExpiry } from "../../../lib/controller/sticky.ts";
import type { NamespaceFacts, ServiceKey } from "../../../lib/model/facts.ts";
import type { Ip } from "../../../lib/net/ip.ts";
import { type Api, arrive, emptyApi, type Flight } from "./api.ts";
import { checkBatch, checkPlan, checkRest, checkWritten, excuseClashes } from "./checks.ts";
import {
  configure,
  decide,
  emptyModel,
  enterShown,
  expire,
  goAway,
  learn,
  losersOf,
  settleForeign,
} from "./decide.ts";
import { hear, hearAnswer, type Leader, plan, send, shuffled, startLeader } from "./leader.ts";
import { isForeign, type Model } from "./model.ts";
import { seededRandom } from "../../support/random.ts";

/** The controller, the API server, the network between them, and the model beside them. */
export interface World {
  readonly api: Api;
  /** What Services of another class showed since the world was last at rest. */
  shownElsewhere: ReadonlySet<Ip>;
  leader: Leader;
  model: Model;
  now: number;
  /** Nobody leads: the Lease was deleted, or may not be read; what comes is for who leads next. */
  deposed: boolean;
  /** Whether statuses may be written; else they are refused. */
  mayWrite: boolean;
  /** In force since the world was last at rest. */
  configs: readonly Config[];
  /** What stands in the ConfigMap, refused or not: who starts has nothing else to go by. */
  offered: Config;
  namespaces: ReadonlyMap<string, NamespaceFacts>;
  readonly counts: Counts;
}

/** What happened, over all sequences. */
export interface Counts {
  sequences: number;
  steps: number;
  plans: number;
  writes: number;
  conflicts: number;
  lost: number;
  takeovers: number;
  refused: number;
  refusedConfigs: number;
  unheard: number;
  rests: number;
}

export function noCounts(): Counts {
  return {
    sequences: 0,
    steps: 0,
    plans: 0,
    writes: 0,
    conflicts: 0,
    lost: 0,
    takeovers: 0,
    refused: 0,
    refusedConfigs: 0,
    unheard: 0,
    rests: 0,
  };
}

/** How a write on its way may end. */
export type Fate =
  | "answered"
  /** It is applied, if it can be, and the answer is lost. */
  | "mute"
  /** The sender gives up; it may still be applied. */
  | "timeout"
  | "lost";

const MAX_ROUNDS = 40;

export function createWorld(
  config: Config,
  namespaces: ReadonlyMap<string, NamespaceFacts>,
  counts: Counts,
  salt = "",
): World {
  const api = emptyApi(salt);
  return {
    api,
    shownElsewhere: new Set(),
    leader: startLeader(api, 1, config, namespaces, () => 0),
    model: emptyModel(config, labelsOf(namespaces)),
    now: 0,
    deposed: false,
    mayWrite: true,
    configs: [config],
    offered: config,
    namespaces,
    counts,
  };
}

/** Plans these keys, compares each plan with the rules, and sends what it asks to be written. */
export function planKeys(world: World, keys: readonly ServiceKey[]): void {
  const { leader, model, now } = world;
  const { held, givenUp, kept } = model;
  const before = new Set([...held.keys(), ...givenUp.keys(), ...kept.keys()]);
  const plans = plan(leader, keys, now);
  expire(model, now);
  for (const key of keys) {
    const facts = leader.view.get(key);
    if (facts !== undefined) continue;
    model.foreign.delete(key);
    goAway(model, key, now);
  }
  for (const key of keys) {
    const facts = leader.view.get(key);
    if (facts !== undefined) enterShown(model, facts);
  }
  for (const key of keys) {
    const facts = leader.view.get(key);
    model.foreign.delete(key);
    if (facts === undefined || !isForeign(facts)) continue;
    model.foreign.set(key, facts);
    goAway(model, key, now);
    enterShown(model, facts);
  }
  settleForeign(model, leader.view, now);
  for (const one of plans) {
    const facts = leader.view.get(one.service);
    assert.ok(facts, `${one.service} is planned after it went`);
    checkPlan(world, facts, one, decide(model, facts, now));
    world.counts.plans++;
  }
  checkBatch(world, plans, before);
  send(leader, world.api, plans);
}

/** The watch brings its next events. */
export function listen(world: World, count: number): void {
  hear(world.leader, count);
  if (!world.deposed) planKeys(world, [...world.leader.due]);
}

/** Decides what becomes of a write on its way. */
export function land(world: World, flight: Flight, fate: Fate): void {
  const { api, leader, counts } = world;
  if (fate !== "timeout") api.flights.splice(api.flights.indexOf(flight), 1);
  if (fate !== "answered") counts.lost++;
  if (fate === "lost" || fate === "timeout") return hearAnswer(leader, api, flight, "failed");
  if (!world.mayWrite) {
    counts.refused++;
    return hearAnswer(leader, api, flight, "refused");
  }
  const before = api.services.get(flight.write.service.key);
  const byLeader = flight.term === leader.term;
  const outcome = arrive(api, flight.write, byLeader);
  if (outcome === "written") {
    counts.writes++;
    if (before !== undefined && byLeader) checkWritten(world, before, flight.write);
  } else counts.conflicts++;
  hearAnswer(leader, api, flight, fate === "mute" ? "failed" : outcome);
}

/** Nobody leads any more, until one takes over; what was sent is still on its way. */
export function depose(world: World): void {
  world.deposed = true;
  world.leader.wishes.clear();
  world.leader.awaited.clear();
}

/** A new configuration comes, and the leader does not hear of it: who takes over reads it. */
export function offerUnheard(world: World, next: Config): void {
  world.offered = next;
  world.counts.unheard++;
}

/** A new configuration comes: it is refused for those who would lose an address, or in force. */
export function changeConfig(world: World, next: Config): void {
  const { leader, model } = world;
  world.offered = next;
  if (world.deposed) return;
  const named = new Set<string>(
    checkReconfiguration(leader.book, next).map(({ service }) => service),
  );
  assert.deepEqual(named, losersOf(model, next));
  if (named.size > 0) {
    world.counts.refusedConfigs++;
    return;
  }
  world.configs = [...world.configs, next];
  reconfigure(leader.book, next);
  configure(model, next);
  planAll(world);
}

export function planAll(world: World): void {
  const keys = [...world.leader.view.values()].map(({ key }) => key);
  planKeys(world, [...new Set([...world.leader.due, ...keys])]);
}

/** Labels of namespaces changed: pools may be for other Services now. */
export function changeNamespaces(
  world: World,
  namespaces: ReadonlyMap<string, NamespaceFacts>,
): void {
  world.namespaces = namespaces;
  if (world.deposed) return;
  world.leader.book.namespaces = namespaces;
  world.model.namespaces = labelsOf(namespaces);
  planAll(world);
}

function labelsOf(namespaces: ReadonlyMap<string, NamespaceFacts>): Model["namespaces"] {
  return new Map([...namespaces].map(([name, { labels }]) => [name, labels]));
}

/** Time passes; what is kept for deleted Services may come free. */
export function wait(world: World, ms: number): void {
  world.now += ms;
  world.api.nowMs += ms;
  if (world.deposed) return;
  const ends = [...world.model.kept.values()].map(({ until }) => until);
  const due = nextExpiry(world.leader.book);
  assert.equal(due, ends.length === 0 ? undefined : Math.min(...ends));
  if (due !== undefined && due <= world.now) planKeys(world, []);
}

/**
 * Another controller takes over, or the same one starts anew, and plans a part of what it lists
 * at once. What the one before had sent is still on its way.
 */
export function takeOver(world: World, seed: number): void {
  const { api, offered, namespaces, counts } = world;
  const random = seededRandom(seed);
  counts.takeovers++;
  world.deposed = false;
  excuseClashes(api);
  world.configs = [...world.configs, offered];
  world.leader = startLeader(api, world.leader.term + 1, offered, namespaces, random);
  world.model = emptyModel(offered, labelsOf(namespaces));
  learn(world.model, world.leader.view.values());
  const keys = shuffled([...world.leader.due], random);
  planKeys(world, keys.slice(0, Math.ceil(random() * keys.length)));
}

/** Lets everything come to rest, and checks what must hold then. */
export function settle(world: World, seed = 0): void {
  const { api, counts } = world;
  const random = seededRandom(seed);
  world.mayWrite = true;
  if (world.deposed) takeOver(world, seed);
  for (let round = 0; isBusy(world.leader); round++) {
    assert.ok(round < MAX_ROUNDS, "S10: it does not come to rest");
    listen(world, world.leader.queue.length);
    for (const flight of shuffled([...world.leader.awaited.keys()], random)) {
      land(world, flight, "answered");
    }
  }
  counts.rests++;
  planAll(world);
  assert.ok(!isBusy(world.leader), "S10: without a change something is written");
  checkRest(world);
  world.configs = [world.model.config];
  noteForeign(world, true);
  for (const stored of api.services.values()) {
    // Nothing is written to one that is being deleted: it shows what it showed, as it was before.
    if (stored.facts.deleting) continue;
    stored.forms = [stored.facts];
    stored.meddled = false;
  }
}

/** What Services of another class show is theirs, whenever ours hear of it. */
export function noteForeign(world: World, isRest = false): void {
  const shown = [...world.api.services.values()].map(({ facts }) => facts).filter(isForeign)
    .flatMap(({ assigned }) => assigned);
  world.shownElsewhere = new Set(isRest ? shown : [...world.shownElsewhere, ...shown]);
}

function isBusy({ queue, due, awaited }: Leader): boolean {
  return queue.length + due.size + awaited.size > 0;
}
