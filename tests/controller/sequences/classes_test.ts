import assert from "node:assert/strict";
import fc from "fast-check";
import { type ServiceFacts, serviceKey, type ServicePort } from "../../../lib/model/facts.ts";
import { formatIp, type Ip } from "../../../lib/net/ip.ts";
import { seededRandom } from "../../support/random.ts";
import { config, pool, service } from "../fixture.ts";
import { type Api, arrive, edit, emptyApi, type Flight, remove } from "./api.ts";
import { hear, hearAnswer, type Leader, plan, send, shuffled, startLeader } from "./leader.ts";
import { mayShare } from "./model.ts";

// Two controllers of two classes on one pool, each with a watch that lags behind: both may give one
// address at one moment. The printed seed and path replay a sequence, as beside this file.
const SEED = Number(Deno.env.get("HERALD_SEED") ?? 20240229);
const PATH = Deno.env.get("HERALD_PATH");
const SEQUENCES = Number(Deno.env.get("HERALD_SEQUENCES") ?? 2_000);

const CONFIG = config(pool("a", "10.0.0.1-10.0.0.5"));
const NAMES = ["p0", "p1", "p2", "p3", "b0", "b1", "b2", "b3"];
const PORTS: readonly ServicePort[] = [
  { protocol: "TCP", port: 80 },
  { protocol: "UDP", port: 80 },
];
/** So long a watch may bring nothing before that is noticed. */
const SILENT_MS = 80_000;

interface World {
  readonly api: Api;
  readonly leaders: Leader[];
  /** What was given twice at some time: the address, and the two that showed it. */
  readonly twice: Map<string, Set<string>>;
  /** Since when one of them has not heard everything. */
  silentMs: number;
  /** Services may share: then more than two may show one address, and more than one gives way. */
  readonly sharing: boolean;
}

const classOf = (name: string) => name.startsWith("b") ? "blue" : undefined;

function bare(name: string): ServiceFacts {
  const createdMs = NAMES.indexOf(name) % 4 * 1_000;
  return { ...service(name), loadBalancerClass: classOf(name), createdMs };
}

function lead(world: World, at: number): void {
  const { api, leaders } = world;
  const lbClass = at === 0 ? undefined : "blue";
  const old = leaders[at];
  for (const flight of old?.awaited.keys() ?? []) {
    api.flights.splice(api.flights.indexOf(flight), 1);
  }
  const term = (old?.term ?? at) + 2;
  leaders[at] = startLeader(api, term, CONFIG, new Map(), () => 0, lbClass);
  api.watch = (key, facts) => {
    const [namespace = "", name = ""] = key.split("/");
    for (const { queue } of leaders) queue.push({ key: serviceKey(namespace, name), facts });
  };
}

function createWorld(sharing: boolean): World {
  const world: World = { api: emptyApi(), leaders: [], twice: new Map(), silentMs: 0, sharing };
  lead(world, 0);
  lead(world, 1);
  return world;
}

function listen(world: World, at: number, count: number): void {
  const leader = world.leaders[at];
  if (leader === undefined) return;
  hear(leader, count);
  send(leader, world.api, plan(leader, [...leader.due], world.api.nowMs));
}

function land(world: World, flight: Flight, isLost: boolean): void {
  const { api, leaders } = world;
  api.flights.splice(api.flights.indexOf(flight), 1);
  const leader = leaders.find(({ awaited }) => awaited.has(flight));
  const before = api.services.get(flight.write.service.key)?.facts;
  const outcome = isLost ? "failed" : arrive(api, flight.write, true);
  if (outcome === "written" && before !== undefined) {
    if (!world.sharing) checkMove(world, before, flight.write.ips);
    noteTwice(world);
  }
  if (leader !== undefined) hearAnswer(leader, api, flight, outcome);
}

/** Who loses an address loses it because it was given twice, and the other one keeps it. */
function checkMove({ twice }: World, { key, assigned }: ServiceFacts, now: readonly Ip[]): void {
  for (const ip of assigned) {
    if (now.includes(ip)) continue;
    const at = (name: string) => `${name} ${formatIp(ip)}`;
    const others = [...twice.get(at(key)) ?? []];
    assert.ok(others.length > 0, `${key} loses ${formatIp(ip)}, which nobody else has or keeps`);
    for (const other of others) twice.get(at(other))?.delete(key);
    twice.delete(at(key));
  }
}

function pairsOf({ services }: Api): [ServiceFacts, ServiceFacts, Ip][] {
  const all = [...services.values()].map(({ facts }) => facts);
  return all.flatMap((one) =>
    all.filter((other) => other !== one && !mayShare(one, other)).flatMap((other) =>
      one.assigned.filter((ip) => other.assigned.includes(ip))
        .map((ip): [ServiceFacts, ServiceFacts, Ip] => [one, other, ip])
    )
  );
}

function noteTwice({ api, twice }: World): void {
  for (const [one, other, ip] of pairsOf(api)) {
    const known = twice.get(`${one.key} ${formatIp(ip)}`) ?? new Set();
    twice.set(`${one.key} ${formatIp(ip)}`, known.add(other.key));
  }
}

function settle(world: World, seed: number): void {
  const { api, leaders, twice } = world;
  const random = seededRandom(seed);
  const isBusy = () =>
    leaders.some(({ awaited, due, queue }) => awaited.size + due.size + queue.length > 0);
  for (let round = 0; isBusy(); round++) {
    assert.ok(round < 40, "it does not come to rest");
    for (const at of shuffled([0, 1], random)) listen(world, at, random() < 0.5 ? 1 : 100);
    for (const flight of shuffled(api.flights, random)) land(world, flight, false);
    api.nowMs += 100;
  }
  const pairs = pairsOf(api).map(([one, other, ip]) => `${one.key} ${other.key} ${formatIp(ip)}`);
  assert.deepEqual(pairs, [], "given twice");
  const given = [...api.services.values()].filter(({ facts }) => facts.assigned.length > 0).length;
  // Each of the five is given to somebody before anybody goes without.
  assert.ok(given >= Math.min(5, api.services.size), `${given} of ${api.services.size} have one`);
  twice.clear();
  world.silentMs = 0;
}

type Step =
  | { readonly kind: "put"; readonly name: string; readonly key: boolean; readonly port: number }
  | { readonly kind: "delete"; readonly name: string }
  | { readonly kind: "hear"; readonly at: number; readonly count: number }
  | { readonly kind: "land"; readonly index: number; readonly isLost: boolean }
  | { readonly kind: "takeOver"; readonly at: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "settle"; readonly seed: number };

const kind = <K extends Step["kind"]>(one: K) => fc.constant(one);
const name = fc.constantFrom(...NAMES);
const at = fc.nat(1);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: kind("put"), name, key: fc.boolean(), port: at }) },
  { weight: 2, arbitrary: fc.record({ kind: kind("delete"), name }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: kind("hear"), at, count: fc.constantFrom(1, 2, 100) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: kind("land"), index: fc.nat(7), isLost: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind("takeOver"), at }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: kind("wait"), ms: fc.constantFrom(300, 2_000, 40_000) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: kind("settle"), seed: fc.nat(1000) }) },
);

function perform(world: World, change: Step): void {
  const { api, sharing, twice } = world;
  switch (change.kind) {
    case "put": {
      const created = bare(change.name);
      // An edit of what decides about sharing may move a Service by itself.
      if (api.services.has(created.key)) return;
      const sharingKey = sharing && change.key ? "k" : undefined;
      return edit(api, created, { sharingKey, ports: [PORTS[change.port] ?? assert.fail()] });
    }
    case "delete": {
      const { key } = bare(change.name);
      for (const name of [...twice.keys()]) if (name.startsWith(`${key} `)) twice.delete(name);
      return remove(api, key);
    }
    case "hear":
      return listen(world, change.at, change.count);
    case "land": {
      const flight = api.flights[change.index % Math.max(1, api.flights.length)];
      return flight && land(world, flight, change.isLost);
    }
    case "takeOver":
      return lead(world, change.at);
    case "wait":
      world.silentMs += change.ms;
      if (world.silentMs > SILENT_MS) settle(world, 0);
      api.nowMs += change.ms;
      return;
    case "settle":
      return settle(world, change.seed);
  }
}

for (
  const [what, sharing] of [
    ["exactly one of two gives way", false],
    ["whatever may be shared", true],
  ] as const
) {
  Deno.test(`two controllers of two classes on one pool come to rest with no address twice (${what})`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
        const world = createWorld(sharing);
        for (const change of steps) perform(world, change);
        settle(world, 1);
      }),
      { seed: SEED, numRuns: SEQUENCES, ...PATH !== undefined && { path: PATH } },
    );
  });
}
