import { addMachine, freshAddress, renumber, setDecoys } from "./world/addresses.ts";
import { cutApi, setApiDown, setExcluded } from "./world/api.ts";
import { kill, leave, pause, startSpeaker } from "./world/life.ts";
import { schedule, type World } from "./world/world.ts";

/** A fault that befalls a node for a while, and ends. */
type Strike = (world: World, name: string, lastMs: number) => void;

const SHORT: readonly Strike[] = [
  (world, name, lastMs) => {
    const revive = reviver(world, name);
    kill(world, name);
    schedule(world, lastMs, revive);
  },
  (world, name, lastMs) => {
    const revive = reviver(world, name);
    leave(world, name);
    schedule(world, 1_000 + lastMs, revive);
  },
  // Back before anybody misses it.
  (world, name) => {
    const revive = reviver(world, name);
    kill(world, name);
    schedule(world, 100 * world.random(), revive);
  },
  (world, name, lastMs) => pause(world, name, lastMs),
  (world, name, lastMs) => pause(world, name, lastMs, "suspended"),
  (world, name, lastMs) => pause(world, name, lastMs, "migrated"),
  // One way.
  (world, name, lastMs) => {
    world.network.cut.add(`${name}>${pick(world)}`);
    schedule(world, lastMs, () => world.network.cut.clear());
  },
  // From all others.
  (world, name, lastMs) => {
    for (const pair of pairsOf(world, name)) world.network.cut.add(pair);
    schedule(world, lastMs, () => world.network.cut.clear());
  },
  (world, name, lastMs) => filter(world, "beatCut", name, lastMs),
  (world, name, lastMs) => filter(world, "gossipCut", name, lastMs),
  (world, _, lastMs) => {
    world.network.loss = 0.4 * world.random();
    schedule(world, lastMs, () => world.network.loss = 0);
  },
  (world, _, lastMs) => {
    const { network, random } = world;
    network.delayMs = 100 * random();
    network.jitterMs = 200 * random();
    network.duplication = 0.2;
    schedule(world, lastMs, () => {
      network.delayMs = 0.2;
      network.jitterMs = 0.3;
      network.duplication = 0;
    });
  },
  (world, name, lastMs) => {
    setExcluded(world, new Set(world.random() < 0.7 ? [name] : []));
    schedule(world, lastMs, () => setExcluded(world, new Set()));
  },
  (world, _, lastMs) => {
    setApiDown(world, true);
    schedule(world, lastMs, () => setApiDown(world, false));
  },
  // It alone hears no labels any more.
  (world, name, lastMs) => {
    cutApi(world, name, true);
    schedule(world, lastMs, () => cutApi(world, name, false));
  },
  // Started with other rules of election, and later with those of all.
  (world, name, lastMs) => {
    restart(world, name, () => world.otherRules.add(name));
    schedule(
      world,
      1_000 + lastMs,
      () => restart(world, name, () => world.otherRules.delete(name)),
    );
  },
  (world) => setDecoys(world, Math.floor(20 * world.random()), world.random() < 0.7),
  // A renewal takes the address away for a moment.
  (world, name, lastMs) => {
    const address = world.machines.get(name)?.address;
    if (address !== undefined) renumber(world, name, Math.min(lastMs, 3_000), address);
  },
];

/** After these a name may stay with another for half a minute, or gossip has long given a node up. */
const LONG: readonly Strike[] = [
  (world, name, lastMs) => filter(world, "beatCut", name, 4 * lastMs),
  (world, name, lastMs) => filter(world, "gossipCut", name, 4 * lastMs),
  (world, name, lastMs) => renumber(world, name, lastMs, freshAddress(world)),
  // Dead, and back with another address.
  (world, name, lastMs) => {
    const revive = reviver(world, name);
    kill(world, name);
    renumber(world, name, 0.5 * lastMs, freshAddress(world));
    schedule(world, lastMs, revive);
  },
  // A second machine of the same name.
  (world, name, lastMs) => {
    const host = addMachine(world);
    startSpeaker(world, host, name);
    const end = world.random() < 0.5 ? leave : kill;
    schedule(world, lastMs, () => end(world, host));
  },
];

/** A fault of whatever kind, for a while. */
export function strike(world: World, kinds: "short" | "all"): void {
  const name = pick(world);
  const lastMs = 100 + 4_000 * world.random();
  const all = kinds === "all" ? [...SHORT, ...LONG] : SHORT;
  all[Math.floor(world.random() * all.length)]?.(world, name, lastMs);
}

function pick({ names, random }: World): string {
  return names[Math.floor(random() * names.length)] ?? "";
}

/** Starts the node's speaker again, unless another fault's end did. */
function reviver(world: World, name: string): () => void {
  const struck = world.speakers.get(name);
  return () => {
    if (world.speakers.get(name) === struck) start(world, name);
  };
}

/** As soon as its machine has an address. */
function start(world: World, name: string): void {
  if (world.machines.get(name)?.address !== undefined) return void startSpeaker(world, name);
  schedule(world, 500, reviver(world, name));
}

function restart(world: World, name: string, change: () => void): void {
  if (world.speakers.get(name)?.running !== true) return void change();
  kill(world, name);
  change();
  start(world, name);
}

function pairsOf({ names }: World, one: string): string[] {
  return names.filter((name) => name !== one)
    .flatMap((name) => [`${one}>${name}`, `${name}>${one}`]);
}

/** A port of one node, or of all, is filtered in one direction or both. */
function filter(world: World, port: "beatCut" | "gossipCut", name: string, lastMs: number): void {
  const { network, random, names } = world;
  const way = Math.floor(4 * random());
  network.filterRefuses = random() < 0.5;
  for (const pair of names.flatMap((one) => pairsOf(world, one))) {
    const [from, to] = pair.split(">");
    const isIn = [to === name, from === name, to === name || from === name, true][way];
    if (isIn === true) network[port].add(pair);
  }
  schedule(world, lastMs, () => network[port].clear());
}
