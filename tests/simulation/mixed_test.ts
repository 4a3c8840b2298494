import assert from "node:assert/strict";
import fc from "fast-check";
import type { EndpointFacts, NodeFacts } from "../../lib/model/facts.ts";
import { COMPAT } from "../../lib/speaker/compat.ts";
import {
  judgeBeside,
  judgementOf,
  METALLB_VERSIONS,
  type MetallbVersion,
} from "../../lib/speaker/judgement.ts";
import { planAddress } from "../../lib/speaker/plan.ts";
import { config, ip, pool, service } from "../controller/fixture.ts";
import { endpoint, metallbOn, node, nodesOf, slice, speakerView } from "../support/facts.ts";
import { type Cluster, metallbOwner } from "./metallb.ts";

// Rolls from MetalLB to Herald, one node after the other: after each step some nodes decide by
// MetalLB's code (`metallb.ts`), some by Herald's, and all by the same cluster.

const POOLS = config(pool("default", "10.77.1.0/24"));
const NAMES = ["n1", "n2", "n3"];
const LEAVING = { ready: false, serving: true, terminating: true };

interface Scene {
  readonly version: MetallbVersion;
  readonly nodes: readonly NodeFacts[];
  readonly policy: "Cluster" | "Local";
  readonly endpoints: readonly EndpointFacts[];
  readonly last: number;
}

function clusterOf({ endpoints, last, nodes, policy }: Scene): Cluster {
  const part = { assigned: [ip(`10.77.1.${last}`)], externalTrafficPolicy: policy };
  const facts = service(`s${last}`, part);
  return { nodes, members: NAMES, service: facts, slices: [slice(facts.key, ...endpoints)] };
}

/** The nodes that answer for the address while these are Herald's and the others MetalLB's. */
function answering(
  scene: Scene,
  heralds: ReadonlySet<string>,
  compat: MetallbVersion | undefined,
): string[] {
  const { nodes, version } = scene;
  const cluster = clusterOf(scene);
  const { election, keyBytes } = COMPAT[version];
  const metallb = new Set(NAMES.filter((name) => !heralds.has(name)));
  const judge = judgeBeside(metallbOn(metallb, keyBytes), compat);
  return NAMES.filter((self) => {
    if (metallb.has(self)) return metallbOwner(version, cluster) === self;
    const known = nodesOf(...nodes);
    const view = speakerView({
      config: POOLS,
      nodes: known,
      liveSpeakers: new Set(NAMES),
      staleSpeakers: new Set(),
      self,
      election,
      judgement: judgementOf(judge, false, known),
    });
    const { service: facts, slices } = cluster;
    const [address] = facts.assigned;
    assert.ok(address !== undefined);
    return planAddress(address, [facts], () => slices, view).announce.layer2?.here === true;
  });
}

/** Each step of the roll in this order has the owner that MetalLB alone has. */
function assertUnmoved(scene: Scene, order: readonly string[]): void {
  const owner = metallbOwner(scene.version, clusterOf(scene));
  for (const compat of [undefined, scene.version]) {
    for (let swapped = 0; swapped < order.length; swapped++) {
      const heralds = new Set(order.slice(0, swapped));
      assert.deepEqual(
        answering(scene, heralds, compat),
        owner === undefined ? [] : [owner],
        JSON.stringify([compat, [...heralds], scene.version, scene.nodes]),
      );
    }
  }
}

function scenes(part: Omit<Scene, "last">): Scene[] {
  return Array.from({ length: 30 }, (_, index) => ({ ...part, last: 100 + index }));
}

function labelled(name: string, part: Partial<NodeFacts>): NodeFacts[] {
  return NAMES.map((one) => node(one, one === name ? part : {}));
}

for (const order of [["n3", "n1", "n2"], ["n1", "n2", "n3"]]) {
  Deno.test(`F2: a node labelled exclude moves, doubles and silences nothing in a roll ${order}`, () => {
    for (const version of METALLB_VERSIONS) {
      const nodes = labelled("n3", { excluded: true });
      const endpoints = NAMES.map((name) => endpoint(name));
      for (const one of scenes({ version, nodes, policy: "Cluster", endpoints })) {
        assertUnmoved(one, order);
      }
    }
  });

  Deno.test(`F3: a node that is not Ready moves, doubles and silences nothing in a roll ${order}`, () => {
    for (const version of METALLB_VERSIONS) {
      const endpoints = NAMES.map((name) => endpoint(name));
      for (const name of NAMES) {
        for (const part of [{ ready: false }, { networkUnavailable: true }]) {
          const nodes = labelled(name, part);
          for (const one of scenes({ version, nodes, policy: "Cluster", endpoints })) {
            assertUnmoved(one, order);
          }
        }
      }
    }
  });

  Deno.test(`F6: a pod that terminates and serves moves, doubles and silences nothing in a roll ${order}`, () => {
    for (const version of METALLB_VERSIONS) {
      for (const name of NAMES) {
        const endpoints = NAMES.map((one) => endpoint(one, one === name ? LEAVING : {}));
        const nodes = NAMES.map((one) => node(one));
        for (const one of scenes({ version, nodes, policy: "Local", endpoints })) {
          assertUnmoved(one, order);
        }
      }
    }
  });
}

const anyScene: fc.Arbitrary<Scene> = fc.record({
  version: fc.constantFrom(...METALLB_VERSIONS),
  nodes: fc.tuple(
    ...NAMES.map((name) =>
      fc.record({ ready: fc.boolean(), networkUnavailable: fc.boolean(), excluded: fc.boolean() })
        .map((part) => node(name, part))
    ),
  ),
  policy: fc.constantFrom("Cluster", "Local"),
  endpoints: fc.array(
    fc.record({
      nodeName: fc.constantFrom(undefined, ...NAMES),
      state: fc.constantFrom({}, { ready: false }, LEAVING, { terminating: true, serving: false }),
    }).map(({ nodeName, state }) => endpoint(nodeName, state)),
    { maxLength: 4 },
  ),
  last: fc.integer({ min: 1, max: 250 }),
});

Deno.test("in a roll from MetalLB each address has at every step the owner that MetalLB alone gives it", () => {
  let owned = 0;
  fc.assert(
    fc.property(anyScene, fc.shuffledSubarray(NAMES, { minLength: 3 }), (scene, order) => {
      assertUnmoved(scene, order);
      if (metallbOwner(scene.version, clusterOf(scene)) !== undefined) owned++;
    }),
    { seed: 16, numRuns: 3_000 },
  );
  assert.ok(owned > 500, `only ${owned} cases had an owner`);
});

Deno.test("once the last MetalLB is gone, Herald's own rules hold on every node at once", () => {
  const nodes = labelled("n3", { excluded: true });
  const endpoints = NAMES.map((name) => endpoint(name));
  for (const one of scenes({ version: "v0.12", nodes, policy: "Cluster", endpoints })) {
    const [owner, ...more] = answering(one, new Set(NAMES), "v0.12");
    assert.deepEqual([owner === "n1" || owner === "n2", more], [true, []]);
  }
});
