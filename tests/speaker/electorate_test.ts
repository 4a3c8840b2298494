import assert from "node:assert/strict";
import fc from "fast-check";
import { type Config, PROTOCOLS } from "../../lib/config/types.ts";
import { type EndpointFacts, type NodeFacts, serviceKey } from "../../lib/model/facts.ts";
import { createElections } from "../../lib/speaker/electorate.ts";
import { planAddress } from "../../lib/speaker/plan.ts";
import { judgementOf, METALLB_VERSIONS } from "../../lib/speaker/judgement.ts";
import { addressesOf } from "../../lib/speaker/node_addresses.ts";
import type { SpeakerView } from "../../lib/speaker/view.ts";
import { config, ip, pool, selecting, service, withBgp } from "../controller/fixture.ts";

const NAMES = Array.from({ length: 12 }, (_, number) => `node${number}`);
/** The pools of one way each, and one that is announced in both, not on all nodes, for some. */
const POOLS = bothWays(
  withBgp(config(pool("default", "10.77.1.0/24")), pool("routed", "10.78.0.0/24")),
);

function bothWays(of: Config): Config {
  const rack = { matchLabels: new Map([["rack", "a"]]), matchExpressions: [] };
  const chosen = { ...selecting("chosen"), nodeSelectors: [rack], interfaces: [] };
  const routed = withBgp(of, pool("chosen", "10.80.0.0/24"));
  const layer2 = [...of.layer2, chosen, {
    ...chosen,
    nodeSelectors: [],
    serviceSelectors: [rack],
  }];
  return { ...routed, layer2 };
}

const anyLabels = fc.constantFrom("a", "b").map((rack) => new Map([["rack", rack]]));
const anyNode = fc.record({
  name: fc.constantFrom(...NAMES),
  labels: anyLabels,
  ready: fc.boolean(),
  networkUnavailable: fc.boolean(),
  excluded: fc.boolean(),
  // Few nodes have an address of a pool.
  addresses: fc.option(fc.constant(ip("10.77.1.1")), { nil: undefined, freq: 19 })
    .map((own) => own === undefined ? [] : [own]),
});
const anyEndpoint = fc.record({
  nodeName: fc.constantFrom(undefined, ...NAMES),
  ready: fc.boolean(),
  terminating: fc.boolean(),
});
const anyService = fc.record({
  policy: fc.constantFrom("Cluster" as const, "Local" as const),
  address: fc.constantFrom("10.77.1.1", "10.77.1.2", "10.78.0.1", "10.79.0.1", "10.80.0.1"),
  labels: anyLabels,
  endpoints: fc.array(anyEndpoint, { maxLength: 3 }),
});
const anyView = fc.record({
  nodes: fc.uniqueArray(anyNode, { selector: ({ name }) => name }),
  live: fc.option(fc.subarray(NAMES), { nil: undefined }),
  stale: fc.subarray(NAMES),
  self: fc.constantFrom(...NAMES),
  election: fc.constantFrom("v0.11" as const, "v0.10" as const),
  judge: fc.constantFrom("Herald" as const, ...METALLB_VERSIONS),
  ignoreExcludeLabel: fc.boolean(),
});

function nodesOf(facts: readonly NodeFacts[]): ReadonlyMap<string, NodeFacts> {
  return new Map(facts.map((one) => [one.name, one]));
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
        for (const { nodes: present, live, stale, self, election, ...rules } of views) {
          const nodes = nodesOf(present);
          const view: SpeakerView = {
            config: POOLS,
            nodes,
            nodeAddresses: addressesOf(present),
            staleSpeakers: new Set(stale),
            liveSpeakers: live === undefined ? undefined : new Set(live),
            lbClass: undefined,
            self,
            election,
            judgement: judgementOf(rules.judge, rules.ignoreExcludeLabel, nodes),
          };
          const hasOwn = (address: string) => view.nodeAddresses.has(ip(address));
          const electorate = elections.open();
          for (const [place, { policy, address, labels, endpoints }] of all.entries()) {
            const key = serviceKey("default", `s${place}`);
            const family = undefined;
            const slices = [{ key, service: key, family, endpoints: endpoints.map(endpointOf) }];
            const part = { assigned: [ip(address)], externalTrafficPolicy: policy, labels };
            const given = [ip(address), [service(`s${place}`, part)], () => slices, view] as const;
            const { candidates: _, ...whole } = planAddress(...given);
            const { candidates, ...short } = planAddress(...given, electorate);
            assert.deepEqual(short, whole);
            const { layer2, bgp } = whole.announce;
            for (const way of PROTOCOLS) {
              if (whole.announce[way]?.silent !== undefined || nodes.size === 0) continue;
              if (hasOwn(address)) continue;
              assert.ok((candidates[way] ?? []).length <= 2);
            }
            if (layer2?.here || bgp?.here) announced++;
          }
        }
      },
    ),
    { seed: 44, numRuns: 1_000 },
  );
  assert.ok(announced > 100, String(announced));
});
