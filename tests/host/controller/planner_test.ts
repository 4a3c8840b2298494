import assert from "node:assert/strict";
import { instant } from "../../../lib/base/time.ts";
import { type Config, FOR_ALL } from "../../../lib/config/types.ts";
import type { Remembered } from "../../../lib/controller/allocations.ts";
import { remember } from "../../../lib/controller/sticky.ts";
import type { ClusterEvent, Permit, StatusWrite } from "../../../lib/host/cluster/cluster.ts";
import { createLedger } from "../../../lib/host/controller/ledger.ts";
import { type ControllerEvent, createPlanner } from "../../../lib/host/controller/planner.ts";
import { createMetrics, type Metrics } from "../../../lib/host/metrics/metrics.ts";
import { openInbox } from "../../../lib/host/process/inbox.ts";
import type { NamespaceFacts, ServiceFacts } from "../../../lib/model/facts.ts";
import { formatIp } from "../../../lib/net/ip.ts";
import { config, ips, ONE, pool, service, TINY } from "../../controller/fixture.ts";
import { virtualClock } from "../../support/clock.ts";
import { recordedLog } from "../../support/log.ts";
import { RUN_OPTIONS } from "../../support/run_options.ts";

const STICKY = config(pool("main", "10.0.0.1-10.0.0.9", { stickyMs: 60_000 }));
const STICKY_TINY = config(pool("tiny", "10.0.0.1", { stickyMs: 60_000 }));

/** How long Services waited for their plans, all together, in seconds. */
async function waited({ allocator }: Metrics): Promise<number | undefined> {
  const { values } = await allocator.allocation.get();
  return values.find(({ metricName }) => metricName?.endsWith("_sum"))?.value;
}

type Stage = ReturnType<typeof stage>;

/** A planner among parts that do what the test says; it leads, and knows all, unless told otherwise. */
function stage(inForce = ONE) {
  const clock = virtualClock();
  const stop = new AbortController();
  const inbox = openInbox<ControllerEvent>(clock, stop.signal);
  const items = new Map<string, ServiceFacts>();
  const services = { items, synced: true };
  const ledger = createLedger(services, undefined);
  const metrics = createMetrics();
  const log = recordedLog();
  /** What the planner did, in order. */
  const told: string[] = [];
  const world = {
    config: inForce as Config | undefined,
    offered: undefined as Config | undefined,
    rejected: false,
    onReconsider: (): void => {},
    permit: { mayBegin: () => true, withinMs: 1 } as Permit | undefined,
    labels: new Map<string, NamespaceFacts>(),
    labelsKnown: true,
    remembered: [] as readonly Remembered[],
    stickyKnown: true,
  };
  const context = { clock, log, metrics, options: RUN_OPTIONS };
  inbox.open(createPlanner(context, {
    inbox,
    services,
    ledger,
    keeper: {
      current: () => world.config,
      reconsider: () => {
        world.config = world.offered ?? world.config;
        world.onReconsider();
      },
      resume: () => {},
      tellStanding: () => void (world.rejected && told.push("rejection")),
    },
    lead: {
      look: () => {},
      onRival: (name) => void told.push(`rival ${name}`),
      permit: () => world.permit,
      publishEvent: ({ about, reason }: ClusterEvent) => {
        told.push(`event ${about.name} ${reason}`);
        return true;
      },
    },
    namespaces: {
      items: world.labels,
      readyFor: () => world.labelsKnown,
    },
    poolMetrics: { note: () => {} },
    sticky: {
      readyFor: () => world.stickyKnown,
      restore: (book) => world.remembered.forEach((one) => remember(book, one)),
      note: () => {},
      refresh: () => void told.push("sticky forgotten"),
      unknown: () => undefined,
    },
    writer: {
      ask: ({ service, ips }: StatusWrite) =>
        void told.push(["write", service.name, ...ips.map(formatIp)].join(" ")),
      forget: (key) => void told.push(`forget ${key}`),
      forgetAll: () => void told.push("forget all"),
    },
  }));
  const apply = (name: string, part: Partial<ServiceFacts> = {}) => {
    const value = service(name, part);
    const previous = items.get(value.key);
    items.set(value.key, value);
    const change = { kind: "apply", key: value.key, value, previous } as const;
    inbox.post({ kind: "service", change, at: clock.now() });
  };
  const remove = (name: string) => {
    const previous = service(name);
    items.delete(previous.key);
    const change = { kind: "delete", key: previous.key, previous } as const;
    inbox.post({ kind: "service", change, at: clock.now() });
  };
  const holds = (name: string) =>
    ledger.book?.holdings.get(service(name).key)?.ips.map(formatIp).join(" ");
  /** Lets the turn end, and gives what was done in it. */
  const turn = (ms = 0) => {
    clock.advance(ms);
    return told.splice(0);
  };
  return { apply, clock, holds, inbox, items, ledger, log, metrics, remove, services, turn, world };
}

Deno.test("createPlanner() plans what comes in one turn as one batch, oldest first, writes before events", () => {
  const { apply, turn } = stage();
  turn();
  apply("young", { createdMs: 2 });
  apply("old", { createdMs: 1 });
  assert.deepEqual(turn(), [
    "write old 10.0.0.1",
    "write young 10.0.0.2",
    "event old IPAllocated",
    "event young IPAllocated",
  ]);
  assert.deepEqual(turn(), []);
});

const UNKNOWN: readonly (readonly [what: string, know: (at: Stage, known: boolean) => void])[] = [
  ["the Services", ({ services }, known) => services.synced = known],
  ["the labels of Namespaces", ({ world }, known) => world.labelsKnown = known],
  ["what is kept", ({ world }, known) => world.stickyKnown = known],
];
for (const [what, know] of UNKNOWN) {
  Deno.test(`A12: createPlanner() gives no address before it knows ${what}, and then to all that wait`, () => {
    const at = stage();
    know(at, false);
    at.apply("web");
    assert.deepEqual(at.turn(), []);
    know(at, true);
    at.inbox.post({ kind: "sticky" });
    assert.deepEqual(at.turn(), ["write web 10.0.0.1", "event web IPAllocated"]);
  });
}

Deno.test("createPlanner() gives nobody what is kept for a deleted Service", () => {
  const { apply, turn, world } = stage(STICKY);
  const { key } = service("gone");
  const until = instant(60_000);
  world.remembered = [{ service: key, pool: "main", ips: ips("10.0.0.1"), until }];
  apply("web");
  assert.equal(turn()[0], "write web 10.0.0.2");
});

Deno.test("createPlanner() plans all Services when labels of Namespaces change", () => {
  const namespaceSelectors = [{ matchLabels: new Map([["team", "red"]]), matchExpressions: [] }];
  const red = config(
    pool("red", "10.0.0.1", { serviceAllocation: { ...FOR_ALL, namespaceSelectors } }),
  );
  const { apply, inbox, turn, world } = stage(red);
  apply("web");
  assert.deepEqual(turn(), ["event web AllocationFailed"]);
  world.labels.set("default", { name: "default", labels: new Map([["team", "red"]]) });
  inbox.post({ kind: "namespaces" });
  assert.deepEqual(turn(), ["write web 10.0.0.1", "event web IPAllocated"]);
});

Deno.test("createPlanner() plans nothing without a configuration or permission to write", () => {
  const { apply, inbox, turn, world } = stage();
  world.config = undefined;
  apply("web");
  assert.deepEqual(turn(), []);
  world.config = ONE;
  world.permit = undefined;
  inbox.post({ kind: "config" });
  assert.deepEqual(turn(), []);
  world.permit = { mayBegin: () => true, withinMs: 1 };
  inbox.post({ kind: "lead" });
  assert.deepEqual(turn(), ["write web 10.0.0.1", "event web IPAllocated"]);
});

Deno.test("createPlanner() keeps for later what changes while its permission has run out", async () => {
  const { apply, clock, inbox, metrics, turn, world } = stage();
  turn();
  let mayBegin = false;
  world.permit = { mayBegin: () => mayBegin, withinMs: 1 };
  apply("web");
  assert.deepEqual(turn(), []);
  clock.advance(4_000);
  mayBegin = true;
  inbox.post({ kind: "config" });
  assert.deepEqual(turn(), ["write web 10.0.0.1", "event web IPAllocated"]);
  assert.equal(await waited(metrics), 4, "it is measured from when the Service was seen");
});

Deno.test("createPlanner() drops the book before it returns when another may lead", async () => {
  const { apply, clock, holds, inbox, items, ledger, metrics, turn, world } = stage();
  turn();
  apply("web");
  apply("other");
  world.permit = undefined;
  inbox.now({ kind: "stop" });
  assert.ok(!ledger.book);
  assert.deepEqual(turn(), ["sticky forgotten", "forget all"], "what waited is not planned");
  // The other leader gives it another address.
  clock.advance(10_000);
  const facts = service("web", { assigned: ips("10.0.0.7"), allocatedFrom: "main" });
  items.set(facts.key, facts);
  world.permit = { mayBegin: () => true, withinMs: 1 };
  inbox.post({ kind: "lead" });
  assert.equal(turn()[0], "write other 10.0.0.1");
  assert.equal(holds("web"), "10.0.0.7");
  assert.equal(await waited(metrics), 0, "what waited for the earlier lead counts no more");
});

Deno.test("createPlanner() follows a configuration in the turn that puts it in force, for all Services", () => {
  const { apply, ledger, turn, world } = stage(TINY);
  turn();
  apply("holder", { createdMs: 1 });
  turn();
  apply("waiting", { createdMs: 2 });
  assert.deepEqual(turn(), ["event waiting AllocationFailed"]);
  world.offered = config(pool("tiny", "10.0.0.1-10.0.0.2"));
  apply("fresh", { createdMs: 3 });
  const done = turn();
  assert.ok(done.includes("write waiting 10.0.0.2"), done.join());
  assert.ok(done.includes("event fresh AllocationFailed"), "the older one comes first");
  assert.equal(ledger.book?.pools[0]?.sizes[4], 2n);
});

Deno.test("createPlanner() frees what was kept for a deleted Service at the time when that ends", () => {
  const { apply, remove, turn } = stage(STICKY_TINY);
  apply("gone");
  turn();
  remove("gone");
  assert.deepEqual(turn(), ["forget default/gone"]);
  apply("waiting");
  assert.deepEqual(turn(), ["event waiting AllocationFailed"]);
  assert.deepEqual(turn(59_999), []);
  assert.deepEqual(turn(1), ["write waiting 10.0.0.1", "event waiting IPAllocated"]);
});

Deno.test("createPlanner() plans a Service again when its status was not written", () => {
  const { clock, inbox, apply, turn } = stage();
  apply("web");
  turn();
  inbox.post({ kind: "replan", service: service("web").key, at: clock.now() });
  assert.deepEqual(turn(), ["write web 10.0.0.1"]);
});

Deno.test("createPlanner() tells of a refused status, and with the lead of a configuration that stands rejected", () => {
  const { inbox, turn, world } = stage();
  inbox.post({ kind: "refused", service: service("web"), error: "denied" });
  assert.deepEqual(turn(), ["event web InternalError"]);
  world.rejected = true;
  inbox.post({ kind: "lead" });
  assert.deepEqual(turn(), ["rejection"]);
  assert.deepEqual(turn(), [], "once for each time that the lead comes");
});

Deno.test("field d15: createPlanner() tells once of annotations that are old or have no effect, and logs it once", () => {
  const { apply, log, turn } = stage();
  turn();
  apply("web", { deprecated: ["address-pool"], warnings: ["odd"] });
  assert.deepEqual(turn().filter((line) => line.includes("nnotation")), [
    "event web annotationIgnored",
    "event web deprecatedAnnotation",
  ]);
  apply("web", { deprecated: ["address-pool"], warnings: ["odd"], resourceVersion: "2" });
  assert.ok(!turn().some((line) => line.includes("nnotation")));
  assert.equal(log.lines.filter(({ msg }) => msg === "Service warning").length, 1);
});

const NO_SERVICE: readonly ControllerEvent[] = [
  { kind: "stop" },
  { kind: "config" },
  { kind: "sticky" },
  { kind: "namespaces" },
  { kind: "lead" },
  { kind: "replan", service: service("web").key, at: instant(0) },
  {
    kind: "refused",
    service: { ...service("web"), resourceVersion: "1" },
    error: "the server says no",
  },
];
for (const event of NO_SERVICE) {
  Deno.test(`createPlanner() without a book takes no refused configuration because of "${event.kind}"`, () => {
    const { apply, inbox, ledger, turn, world } = stage();
    apply("web");
    turn();
    assert.ok(ledger.book);
    world.permit = undefined;
    if (event.kind !== "stop") inbox.now({ kind: "stop" });
    // The address that it would take was given, and the watch has not told of it yet.
    world.offered = TINY;
    inbox.now(event);
    turn();
    assert.equal(world.config, ONE);
    apply("web", { assigned: ips("10.0.0.1") });
    turn();
    assert.equal(world.config, TINY, "a Service that changed may have been the reason");
  });
}

Deno.test("createPlanner() takes a refused configuration with the last Service that stood against it", () => {
  const { apply, holds, ledger, remove, turn, world } = stage();
  for (const name of ["first", "second", "third"]) apply(name);
  turn();
  assert.equal(holds("third"), "10.0.0.3");
  world.onReconsider = () => {
    if (ledger.refusal(TINY, ONE) === undefined) world.config = TINY;
  };
  remove("second");
  turn();
  assert.equal(world.config, ONE);
  remove("third");
  // Nothing else happens that would make it decide again.
  turn();
  assert.equal(world.config, TINY);
});

Deno.test("createPlanner() tells nobody of a refusal that ends in the turn in which the lead comes", () => {
  const { inbox, turn, world } = stage();
  turn();
  world.rejected = true;
  inbox.post({ kind: "service", change: { kind: "synced" }, at: instant(0) });
  inbox.post({ kind: "lead" });
  world.onReconsider = () => world.rejected = false;
  assert.ok(!turn().includes("rejection"));
  world.onReconsider = () => world.rejected = true;
  inbox.post({ kind: "lead" });
  assert.ok(turn().includes("rejection"));
});
