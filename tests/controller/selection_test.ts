import assert from "node:assert/strict";
import { FOR_ALL, type LabelSelector, type ServiceAllocation } from "../../lib/config/types.ts";
import { allocate } from "../../lib/controller/allocate.ts";
import { createBook, hold } from "../../lib/controller/allocations.ts";
import { poolStates } from "../../lib/controller/pool_state.ts";
import { inTurn, isFor, needsNamespaces } from "../../lib/controller/selection.ts";
import type { NamespaceFacts } from "../../lib/model/facts.ts";
import {
  config,
  ips,
  pool,
  put,
  remove,
  requests,
  restart,
  service,
  statusOf,
  world,
} from "./fixture.ts";

function labels(key: string, value: string): LabelSelector {
  return { matchLabels: new Map([[key, value]]), matchExpressions: [] };
}

function of(name: string, addresses: string, part: Partial<ServiceAllocation>) {
  return pool(name, addresses, { serviceAllocation: { ...FOR_ALL, ...part } });
}

const NAMESPACES = new Map<string, NamespaceFacts>([
  ["default", { name: "default", labels: new Map([["team", "red"]]) }],
]);
const RED = service("web", { labels: new Map([["tier", "front"]]) });

for (
  const [what, part, selected] of [
    ["nothing", {}, true],
    ["a priority alone", { priority: 1 }, true],
    ["the namespace by name", { namespaces: ["other", "default"] }, true],
    ["another namespace", { namespaces: ["other"] }, false],
    ["the namespace by label", { namespaceSelectors: [labels("team", "red")] }, true],
    ["another label", { namespaceSelectors: [labels("team", "blue")] }, false],
    [
      "the namespace by the label that all have",
      { namespaceSelectors: [labels("kubernetes.io/metadata.name", "default")] },
      true,
    ],
    [
      "by label though not by name",
      { namespaces: ["other"], namespaceSelectors: [labels("team", "red")] },
      true,
    ],
    ["the Service by label", { serviceSelectors: [labels("tier", "front")] }, true],
    [
      "one of two selectors",
      { serviceSelectors: [labels("tier", "x"), labels("tier", "front")] },
      true,
    ],
    [
      "the Service but not its namespace",
      { namespaces: ["other"], serviceSelectors: [labels("tier", "front")] },
      false,
    ],
    [
      "the namespace but not the Service",
      { namespaces: ["default"], serviceSelectors: [labels("tier", "back")] },
      false,
    ],
  ] as const
) {
  Deno.test(`isFor() judges a pool that selects ${what}`, () => {
    assert.equal(isFor(of("p", "10.0.0.1", part), RED, NAMESPACES), selected);
  });
}

Deno.test("inTurn() takes pools for some first, then lower priorities, 0 last, then as written", () => {
  const pools = config(
    of("all", "10.0.0.1", {}),
    of("ten", "10.0.0.2", { priority: 10 }),
    of("some", "10.0.0.3", { namespaces: ["a"] }),
    of("five", "10.0.0.4", { priority: 5 }),
    of("some-one", "10.0.0.5", { namespaces: ["a"], priority: 1 }),
    of("last", "10.0.0.6", {}),
  );
  assert.deepEqual(inTurn(poolStates(pools)).map((state) => state.pool.name), [
    "some-one",
    "some",
    "five",
    "ten",
    "all",
    "last",
  ]);
});

Deno.test("needsNamespaces() asks for them only where a pool selects by their labels", () => {
  assert.equal(needsNamespaces([of("p", "10.0.0.1", { namespaces: ["a"] })]), false);
  const selecting = of("p", "10.0.0.1", { namespaceSelectors: [labels("a", "b")] });
  assert.equal(needsNamespaces([pool("q", "10.0.0.2"), selecting]), true);
});

Deno.test("A7 allocate() takes the pool that is for the Service first, others when it is full", () => {
  const book = createBook(config(
    pool("all", "10.0.0.1-10.0.0.9"),
    of("red", "10.0.1.1", { namespaces: ["default"] }),
    of("blue", "10.0.2.1", { namespaces: ["blue"] }),
  ));
  const first = allocate(RED, book);
  assert.deepEqual(first, { kind: "assigned", pool: "red", ips: ips("10.0.1.1") });
  hold(book, RED, "red", ips("10.0.1.1"));
  const second = allocate(service("next"), book);
  assert.deepEqual(second, { kind: "assigned", pool: "all", ips: ips("10.0.0.1") });
});

Deno.test("allocate() refuses a pool that is for others, whether named, asked for or alone", () => {
  const book = createBook(config(of("blue", "10.0.2.1", { namespaces: ["blue"] })));
  const reasons = [
    RED,
    { ...RED, poolRequest: "blue" },
    { ...RED, ...requests("10.0.2.1") },
  ].map((facts) => {
    const found = allocate(facts, book);
    return found.kind === "refused" ? `${found.reason}: ${found.message}` : "assigned";
  });
  for (const reason of reasons) {
    assert.match(reason, /^pool-closed: .*pool "blue" is for other Services/);
  }
});

Deno.test("S6 planService() lets a Service keep what it has when its labels or the pool's change", () => {
  const at = world(
    config(of("front", "10.0.0.1", { serviceSelectors: [labels("tier", "front")] })),
  );
  put(at, "web", { labels: new Map([["tier", "front"]]) });
  assert.equal(statusOf(at, "web"), "10.0.0.1");
  put(at, "web", { labels: new Map([["tier", "back"]]) });
  assert.equal(statusOf(at, "web"), "10.0.0.1");
  restart(at, (services) => services);
  put(at, "web");
  assert.equal(statusOf(at, "web"), "10.0.0.1");
  remove(at, "web");
  put(at, "web", { labels: new Map([["tier", "back"]]) });
  assert.equal(statusOf(at, "web"), "");
});
