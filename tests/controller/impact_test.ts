import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import type { Config } from "../../lib/config/types.ts";
import { forecast, type Impact } from "../../lib/controller/impact.ts";
import type { ServiceFacts } from "../../lib/model/facts.ts";
import { config, ips, pool, requests, service } from "./fixture.ts";

function at(...addresses: string[]): Partial<ServiceFacts> {
  return { assigned: ips(...addresses), hasIngress: true };
}

function impact(before: Config | undefined, after: Config, ...services: ServiceFacts[]): Impact {
  return forecast({ before, after, services, lbClass: undefined, now: instant(0) });
}

/** In short: `- web 10.0.0.1 -> 10.0.0.2`, `= web a -> b`, `+ web 10.0.0.1`, `? web`. */
function brief({ lost, moved, gained, without }: Impact): string[] {
  return [
    ...lost.map(({ service: key, before, instead }) =>
      `- ${key} ${before.ips.join("+")} -> ${instead?.ips.join("+") ?? "none"}`
    ),
    ...moved.map(({ service: key, before, after }) => `= ${key} ${before.pool} -> ${after.pool}`),
    ...gained.map(({ service: key, after }) => `+ ${key} ${after.ips.join("+")} of ${after.pool}`),
    ...without.map(({ service: key }) => `? ${key}`),
  ].map((line) => line.replaceAll("default/", ""));
}

const A = pool("a", "10.0.0.1-10.0.0.2");

const TABLE: readonly {
  readonly name: string;
  readonly before: Config | undefined;
  readonly after: Config;
  readonly services: readonly ServiceFacts[];
  readonly expect: readonly string[];
}[] = [
  {
    name: "nothing, for a configuration that says the same",
    before: config(A),
    after: config(A),
    services: [service("web", at("10.0.0.1"))],
    expect: [],
  },
  {
    name: "the address that a smaller pool would take, and what would be given instead",
    before: config(A),
    after: config(pool("a", "10.0.0.2")),
    services: [service("web", at("10.0.0.1"))],
    expect: ["- web 10.0.0.1 -> 10.0.0.2"],
  },
  {
    name: "the Service that a smaller pool would leave without an address",
    before: config(A),
    after: config(pool("a", "10.0.0.2")),
    services: [service("web", at("10.0.0.1")), service("dns", at("10.0.0.2"))],
    expect: ["- web 10.0.0.1 -> none", "? web"],
  },
  {
    name: "addresses that stay in a pool of another name",
    before: config(A),
    after: config(pool("b", "10.0.0.0/24")),
    services: [service("web", at("10.0.0.1"))],
    expect: ["= web a -> b"],
  },
  {
    name: "a pool annotation that would name the wrong pool",
    before: config(A),
    after: config(pool("b", "10.0.0.1-10.0.0.2"), pool("a", "10.9.0.1")),
    services: [service("web", { ...at("10.0.0.1"), poolRequest: "a" })],
    expect: ["- web 10.0.0.1 -> 10.9.0.1"],
  },
  {
    name: "which of those that wait a wider pool would serve, oldest first",
    before: config(pool("a", "10.0.0.1")),
    after: config(A),
    services: [
      service("web", at("10.0.0.1")),
      service("late", { createdMs: 2 }),
      service("early", { createdMs: 1 }),
    ],
    expect: ["+ early 10.0.0.2 of a", "? late"],
  },
  {
    name: "who waits for another address than a pool gives",
    before: config(A),
    after: config(A),
    services: [service("web", requests("10.7.7.7"))],
    expect: ["? web"],
  },
  {
    name: "not what the controller is about to give by the configuration in force",
    before: config(A),
    after: config(A),
    services: [service("fresh")],
    expect: [],
  },
  {
    name: "only the family that goes",
    before: config(pool("a", ["10.0.0.1", "fd00::1"])),
    after: config(pool("a", ["10.0.0.1", "fd00::2"])),
    services: [service("dual", { families: [4, 6], ...at("10.0.0.1", "fd00::1") })],
    expect: ["- dual fd00::1 -> 10.0.0.1+fd00::2"],
  },
  {
    name: "what stands in the statuses, where no configuration is in force",
    before: undefined,
    after: config(A),
    services: [service("in", at("10.0.0.1")), service("out", at("10.7.7.7"))],
    expect: ["- out 10.7.7.7 -> 10.0.0.2"],
  },
  {
    name: "that an address set free goes to the one that asks for it",
    before: config(pool("a", "10.0.0.1")),
    after: config(pool("b", "10.0.0.1"), pool("a", "10.9.0.1")),
    services: [
      service("web", { ...at("10.0.0.1"), poolRequest: "a" }),
      service("waits", requests("10.0.0.1")),
    ],
    expect: ["- web 10.0.0.1 -> 10.9.0.1", "+ waits 10.0.0.1 of b"],
  },
];

for (const { name, before, after, services, expect } of TABLE) {
  Deno.test(`forecast() tells ${name}`, () => {
    assert.deepEqual(brief(impact(before, after, ...services)), expect);
  });
}

Deno.test("forecast() says whether a running controller would refuse it, and why an address goes", () => {
  const web = service("web", at("10.0.0.1"));
  const { refused, lost } = impact(config(A), config(pool("a", "10.0.0.2")), web);
  assert.equal(refused, true);
  assert.equal(lost[0]?.why, "no single pool of the new configuration gives it");
  assert.equal(lost[0]?.before.pool, "a");
  assert.equal(impact(config(A), config(A), web).refused, false);
  assert.equal(impact(undefined, config(pool("a", "10.0.0.2")), web).refused, false);
});

Deno.test("forecast() counts the pools before and after", () => {
  const web = service("web", at("10.0.0.1"));
  const { pools } = impact(
    config(A, pool("old", "10.5.0.1")),
    config(pool("new", "10.0.0.0/30")),
    web,
  );
  assert.deepEqual(pools, [
    {
      name: "new",
      before: undefined,
      after: { protocol: "layer2", addresses: "4", inUse: 1, services: 1 },
    },
    {
      name: "a",
      before: { protocol: "layer2", addresses: "2", inUse: 1, services: 1 },
      after: undefined,
    },
    {
      name: "old",
      before: { protocol: "layer2", addresses: "1", inUse: 0, services: 0 },
      after: undefined,
    },
  ]);
});

Deno.test("forecast() leaves Services of other classes and types alone", () => {
  const foreign = service("foreign", { ...at("10.0.0.1"), loadBalancerClass: "other" });
  const plain = service("plain", { isLoadBalancer: false });
  assert.deepEqual(brief(impact(config(A), config(), foreign, plain)), []);
});
