import assert from "node:assert/strict";
import fc from "fast-check";
import { type EndpointFacts, type NodeFacts, serviceKey } from "../../lib/model/facts.ts";
import { createElections } from "../../lib/speaker/electorate.ts";
import { planAddress } from "../../lib/speaker/plan.ts";
import type { SpeakerView } from "../../lib/speaker/view.ts";
import { config, ip, pool, service } from "../controller/fixture.ts";

const NAMES = Array.from({ length: 12 }, (_, number) => `node${number}`);
const POOLS = config(
  pool("default", "10.77.1.0/24"),
  { ...pool("routed", "10.78.0.0/24"), protocol: "bgp" },
);

const anyNode = fc.record({
  name: fc.constantFrom(...NAMES),
  ready: fc.boolean(),
  networkUnavailable: fc.boolean(),
  excluded: fc.boolean(),
});
const anyEndpoint = fc.record({
  nodeName: fc.constantFrom(undefined, ...NAMES),
  ready: fc.boolean(),
  terminating: fc.boolean(),
});
const anyService = fc.record({
  policy: fc.constantFrom("Cluster" as const, "Local" as const),
  address: fc.constantFrom("10.77.1.1", "10.77.1.2", "10.78.0.1", "10.79.0.1"),
  endpoints: fc.array(anyEndpoint, { maxLength: 3 }),
});
const anyView = fc.record({
  nodes: fc.uniqueArray(anyNode, { selector: ({ name }) => name }),
  live: fc.option(fc.subarray(NAMES), { nil: undefined }),
  self: fc.constantFrom(...NAMES),
  election: fc.constantFrom("v0.11" as const, "v0.10" as const),
  ignoreExcludeLabel: fc.boolean(),
});

function nodesOf(facts: readonly Omit<NodeFacts, "labels">[]): ReadonlyMap<string, NodeFacts> {
  return new Map(facts.map((one) => [one.name, { ...one, labels: new Map() }]));
}

function endpointOf(part: Pick<EndpointFacts, "nodeName" | "ready" | "terminating">) {
  return { addresses: ["10.1.0.1"], serving: part.ready, ...part };
}

Deno.test("shortList() changes no plan, from view to view, by layer 2 and BGP", () => {
  let announced = 0;
  fc.assert(
    fc.property(
      fc.array(anyView, { minLength: 1, maxLength: 6 }),
      fc.array(anyService),
      (views, all) => {
        const elections = createElections();
        for (const { nodes, live, ...rest } of views) {
          const view: SpeakerView = {
            config: POOLS,
            nodes: nodesOf(nodes),
            liveSpeakers: live === undefined ? undefined : new Set(live),
            lbClass: undefined,
            ...rest,
          };
          const electorate = elections.open();
          for (const [place, { policy, address, endpoints }] of all.entries()) {
            const key = serviceKey("default", `s${place}`);
            const slices = [{ key, service: key, endpoints: endpoints.map(endpointOf) }];
            const part = { assigned: [ip(address)], externalTrafficPolicy: policy };
            const given = [ip(address), [service(`s${place}`, part)], () => slices, view] as const;
            const { candidates: _, ...whole } = planAddress(...given);
            const { candidates, ...short } = planAddress(...given, electorate);
            assert.deepEqual(short, whole);
            if (whole.owner !== undefined) assert.ok(candidates.length <= 2 || nodes.length === 0);
            if (whole.announce) announced++;
          }
        }
      },
    ),
    { seed: 44, numRuns: 1_000 },
  );
  assert.ok(announced > 100, String(announced));
});
