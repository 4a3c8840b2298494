import assert from "node:assert/strict";
import fc from "fast-check";
import { seededRandom } from "../../lib/base/time.ts";
import type { Config } from "../../lib/config/types.ts";
import { sameIps } from "../../lib/controller/allocations.ts";
import type { ServicePlan } from "../../lib/controller/plan.ts";
import { checkReconfiguration, reconfigure } from "../../lib/controller/reconfigure.ts";
import type { ServiceFacts, ServicePort } from "../../lib/model/facts.ts";
import { formatIp, type Ip } from "../../lib/net/ip.ts";
import {
  config,
  ip,
  ips,
  pool,
  put,
  putAll,
  remove,
  restart,
  service,
  settleAll,
  type World,
  world,
} from "./fixture.ts";
import { firstFit, type Holders, isEligible, mayKeep, mayShare } from "./model.ts";

const V4 = "10.0.0.254-10.0.1.1";
const CONFIGS: readonly Config[] = [
  config(pool("a", [V4, "fd00::1-fd00::2"]), pool("b", "10.0.2.1", { autoAssign: false })),
  config(pool("b", "10.0.2.1"), pool("a", ["fd00::1-fd00::2", V4])),
  config(pool("a", [V4, "fd00::1-fd00::2"], { avoidBuggyIps: true }), pool("b", "10.0.2.1")),
  config(
    pool("a", ["10.0.0.254-10.0.0.255", "fd00::1"]),
    pool("c", ["10.0.1.0-10.0.1.1", "fd00::2"]),
  ),
  config(pool("c", [V4, "10.0.2.1", "fd00::1-fd00::3"])),
  config(pool("b", "10.0.2.1-10.0.2.3")),
  config(),
];
const NAMES = ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"];
const PORTS: readonly ServicePort[] = [
  { protocol: "TCP", port: 80 },
  { protocol: "TCP", port: 443 },
  { protocol: "UDP", port: 80 },
];

const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, {
    weight: 3,
    arbitrary: fc.constantFrom(...others),
  });
const address = fc.constantFrom(
  ...ips("10.0.0.254", "10.0.0.255", "10.0.1.0", "10.0.1.1", "10.0.2.1", "fd00::1", "192.0.2.1"),
);
const request: fc.Arbitrary<ServiceFacts["addressRequest"]> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ kind: "none" as const }) },
  { weight: 2, arbitrary: address.map((one) => ({ kind: "addresses" as const, ips: [one] })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<ServiceFacts["addressRequest"]>(
      { kind: "addresses", ips: ips("fd00::1", "10.0.0.254") },
      { kind: "invalid", event: "LoadBalancerFailed", message: "unreadable" },
    ),
  },
);
const edit: fc.Arbitrary<Partial<ServiceFacts>> = fc.record({
  isLoadBalancer: mostly(true, true, false),
  loadBalancerClass: mostly<string | undefined>(undefined, undefined, undefined, "x/y"),
  families: mostly<ServiceFacts["families"]>([4], [6], [4, 6], [6, 4], []),
  ports: fc.subarray([...PORTS], { minLength: 1, maxLength: 2 }),
  externalTrafficPolicy: mostly<ServiceFacts["externalTrafficPolicy"]>("Cluster", "Local"),
  selector: mostly("one", "two"),
  sharingKey: mostly<string | undefined>("k", undefined, "j"),
  poolRequest: mostly<string | undefined>(undefined, undefined, "a", "b", "gone"),
  addressRequest: request,
}, { requiredKeys: [] });

interface Edit {
  readonly name: string;
  readonly part: Partial<ServiceFacts>;
}
type Step =
  | { readonly kind: "put"; readonly edits: readonly Edit[] }
  | { readonly kind: "vandalise"; readonly name: string; readonly ip: Ip | undefined }
  | { readonly kind: "delete" | "markDeleting" | "recreate"; readonly name: string }
  | { readonly kind: "config"; readonly index: number }
  | { readonly kind: "restart"; readonly seed: number };

const name = fc.constantFrom(...NAMES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      edits: fc.oneof(
        fc.array(fc.record({ name, part: edit }), { minLength: 1, maxLength: 1 }),
        fc.array(fc.record({ name, part: edit }), { minLength: 2, maxLength: 4 }),
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("vandalise" as const),
      name,
      ip: fc.option(address, { nil: undefined }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("delete" as const, "markDeleting" as const, "recreate" as const),
      name,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("config" as const),
      index: fc.nat(CONFIGS.length - 1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("restart" as const), seed: fc.nat(1000) }),
  },
);

/** What the statuses say, of the Services that Herald serves. */
function holders(at: World): Holders {
  const found: Holders = new Map();
  for (const facts of at.services.values()) {
    if (isEligible(facts) && facts.assigned.length > 0) {
      found.set(facts.key, { facts, ips: facts.assigned });
    }
  }
  return found;
}

function textOf(known: Holders): Map<string, string> {
  return new Map([...known].map(([key, { ips }]) => [key, ips.map(formatIp).join(" ")]));
}

/** S6: Services that nobody touched keep what they have. */
function assertUntouched(before: Holders, at: World, ...touched: string[]): void {
  const now = textOf(holders(at));
  for (const [key, text] of textOf(before)) {
    if (!touched.includes(key.slice("default/".length))) {
      assert.equal(now.get(key), text, `${key} was moved`);
    }
  }
}

/**
 * S5: at no moment do two statuses show one address, unless they may share it. A Service that was
 * edited and still shows what it had `before` counts as it was, or as it is.
 */
function assertUnique(at: World, before: Holders): void {
  const known = [...holders(at).values()];
  const versions = ({ facts, ips }: { facts: ServiceFacts; ips: readonly Ip[] }) => {
    const old = before.get(facts.key);
    return old !== undefined && sameIps(old.ips, ips) ? [facts, old.facts] : [facts];
  };
  for (const one of known) {
    for (const other of known) {
      if (one === other || !one.ips.some((ip) => other.ips.includes(ip))) continue;
      const legal = versions(one).some((a) => versions(other).some((b) => mayShare(a, b)));
      assert.ok(legal, `${one.facts.key} beside ${other.facts.key}`);
    }
  }
}

/** S5 and S8: what must hold after every step. */
function assertSound(at: World): void {
  assertUnique(at, new Map());
  const known = holders(at);
  for (const one of known.values()) {
    assert.ok(mayKeep(one.facts, one.ips, known, at.config), `${one.facts.key} may not keep`);
  }
  const union = new Set([...known.values()].flatMap(({ ips }) => ips));
  assert.deepEqual(new Set(at.book.users.keys()), union, "the book and the statuses differ");
  assert.deepEqual(new Set(at.book.holdings.keys()), new Set(known.keys()));
  for (const facts of at.services.values()) {
    if (!isEligible(facts) || facts.deleting || known.has(facts.key)) continue;
    assert.equal(firstFit(facts, known, at.config), undefined, `${facts.key} waits for nothing`);
    assert.ok(at.book.waiting.has(facts.key));
  }
  assert.equal(at.book.retiring.size, 0);
  const shared = [...known.values()].filter(({ facts }) => facts.sharingKey !== undefined)
    .flatMap(({ facts, ips }) => ips.map((ip) => `${facts.sharingKey} ${formatIp(ip)}`));
  const index = [...at.book.sharedIps].flatMap(([key, of]) =>
    [...of].map((ip) => `${key} ${formatIp(ip)}`)
  );
  assert.deepEqual(new Set(index), new Set(shared));
}

/**
 * Follows the plans in their order and checks each choice against the plain model, where what a
 * Service loses stays taken, under a name of its own, until its status is written.
 */
function assertChoices(plans: readonly ServicePlan[], known: Holders, at: World): void {
  for (const { service: key, decision, actions } of plans) {
    const facts = at.services.get(key);
    assert.ok(facts);
    const before = known.get(key);
    known.delete(key);
    const kept = decision.kind === "kept" ? decision.ips : [];
    if (before?.ips.some((ip) => !kept.includes(ip))) known.set(`${key} before`, before);
    if (decision.kind === "kept") known.set(key, { facts, ips: decision.ips });
    const had = known.get(`${key} before`)?.ips;
    if (decision.kind === "assigned") {
      assert.deepEqual(decision.ips, firstFit(facts, known, at.config, had), key);
      known.set(key, { facts, ips: decision.ips });
    } else if (decision.kind === "refused") {
      assert.equal(firstFit(facts, known, at.config, had), undefined, `${key} was refused`);
    }
    if (!actions.some(({ kind }) => kind === "writeStatus")) known.delete(`${key} before`);
  }
}

function run(at: World, change: Step): void {
  const before = holders(at);
  const held = new Map(before);
  at.onWrite = () => assertUnique(at, before);
  switch (change.kind) {
    case "put": {
      const edits = change.edits.flatMap(({ name, part }) => {
        const old = at.services.get(`default/${name}`);
        if (old?.deleting) return [];
        // Whoever serves the other class puts its own things into the status.
        const theirs = part.loadBalancerClass === undefined
          ? {}
          : { assigned: [], hasIngress: false };
        return [{ name, part: { createdMs: NAMES.indexOf(name) % 3, ...part, ...theirs } }];
      });
      const plans = putAll(at, edits);
      assertUntouched(before, at, ...edits.map(({ name }) => name));
      return assertChoices(plans, held, at);
    }
    case "vandalise": {
      const old = at.services.get(`default/${change.name}`);
      if (old === undefined || old.deleting || !before.has(old.key)) return;
      const assigned = change.ip === undefined ? [] : [change.ip];
      put(at, change.name, { assigned, hasIngress: assigned.length > 0 });
      return assertUntouched(before, at);
    }
    case "delete": {
      held.delete(`default/${change.name}`);
      const plans = remove(at, change.name);
      assertUntouched(before, at, change.name);
      return assertChoices(plans, held, at);
    }
    case "markDeleting":
      if (at.services.has(`default/${change.name}`)) put(at, change.name, { deleting: true });
      return assertUntouched(before, at);
    case "recreate": {
      if (!at.services.has(`default/${change.name}`)) return;
      const uid = `${at.services.get(`default/${change.name}`)?.uid}+`;
      put(at, change.name, { ...service(change.name), uid });
      return assertUntouched(before, at, change.name);
    }
    case "config": {
      const next = CONFIGS[change.index] ?? at.config;
      const conflicts = checkReconfiguration(at.book, next);
      const losers = [...before.values()].filter(({ facts, ips }) =>
        // One that is being deleted counts as live until it is gone.
        !mayKeep({ ...facts, deleting: false }, ips, before, next)
      );
      const named = new Set(conflicts.map((conflict) => `${conflict.service}`));
      assert.deepEqual(named, new Set(losers.map(({ facts }) => `${facts.key}`)));
      if (conflicts.length > 0) return;
      at.config = next;
      reconfigure(at.book, next);
      assertChoices(settleAll(at), held, at);
      return assertUntouched(before, at);
    }
    case "restart": {
      const random = seededRandom(change.seed);
      const writes = at.writes;
      restart(at, (services) => services.sort(() => random() - 0.5));
      settleAll(at);
      assert.equal(at.writes, writes, "a restart wrote");
      return assertUntouched(before, at);
    }
  }
}

Deno.test("S5 S6 S8 planBatch() holds in any sequence of edits, configurations and restarts", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const at = world(CONFIGS[0] ?? config());
      for (const change of steps) {
        run(at, change);
        assertSound(at);
      }
    }),
    { seed: 20240229, numRuns: 3000 },
  );
});

Deno.test("S8 planBatch() leaves every table empty when all Services are gone", () => {
  const at = world(CONFIGS[0] ?? config());
  for (const each of NAMES) put(at, each, { sharingKey: "k" });
  for (const each of NAMES) remove(at, each);
  const { holdings, retiring, users, sharedIps, waiting, reported } = at.book;
  assert.deepEqual(
    [holdings, retiring, users, sharedIps, waiting, reported].map(({ size }) => size),
    [
      0,
      0,
      0,
      0,
      0,
      0,
    ],
  );
  assert.equal(put(at, "s0")[0]?.decision.kind, "assigned");
  assert.ok(at.book.users.has(ip("10.0.0.254")));
});
