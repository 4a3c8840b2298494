import assert from "node:assert/strict";
import fc from "fast-check";
import type { BgpAdvertisement, Layer2Advertisement } from "../../lib/config/types.ts";
import {
  type EndpointFacts,
  type NodeFacts,
  type ServiceFacts,
  type ServiceKey,
  serviceKey,
} from "../../lib/model/facts.ts";
import { rankCandidates } from "../../lib/speaker/election.ts";
import { judgementOf } from "../../lib/speaker/judgement.ts";
import type { SpeakerView } from "../../lib/speaker/view.ts";
import { type AddressPlan, planAddress } from "../../lib/speaker/plan.ts";
import { config, ip, pool, selecting, service, withBgp } from "../controller/fixture.ts";
import { endpoint, node, nodesOf, slice, speakerView } from "../support/facts.ts";

const IP = ip("10.77.1.220");
const POOLS = withBgp(
  config(
    pool("default", "10.77.1.220-10.77.1.229"),
    pool("six", "2001:db8::220-2001:db8::229"),
  ),
  pool("routed", "10.78.0.0/24"),
);
const EXCLUDED = "the node is labelled node.kubernetes.io/exclude-from-external-load-balancers";

interface Case {
  readonly nodes?: readonly NodeFacts[];
  /** Of the Service `default/nginx`. */
  readonly endpoints?: readonly EndpointFacts[];
  readonly service?: Partial<ServiceFacts>;
  readonly view?: Partial<SpeakerView>;
  readonly ip?: typeof IP;
}

const THREE = [node("node1"), node("node2"), node("node3")];

function plan(one: Case, self = "node1"): AddressPlan {
  const address = one.ip ?? IP;
  const facts = service("nginx", { assigned: [address], ...one.service });
  const nodes = nodesOf(...one.nodes ?? THREE);
  const view = speakerView({ config: POOLS, nodes, self, ...one.view });
  return planAddress(
    address,
    [facts],
    (key) => [slice(key, ...one.endpoints ?? [endpoint("node1")])],
    view,
  );
}

function ownerOf({ announce }: AddressPlan): string | undefined {
  return announce.layer2?.owner;
}

function isHere({ announce }: AddressPlan): boolean {
  return announce.layer2?.here === true;
}

/** The candidates in their order, and `NODE: REASON` of the others. */
function verdicts({ candidates: { layer2 = [] } }: AddressPlan): string[] {
  return layer2.map(({ node, eligible, reason }) => eligible ? node : `${node}: ${reason}`);
}

// By sha256sum: node3, node1, node2 for 10.77.1.220; node2, node1, node3 for default/nginx.
const NONE = "no ready endpoint on the node";
const DEAD = "no live speaker on the node";
for (
  const [name, given, expected] of [
    ["policy Cluster: every node, wherever the endpoints are", {}, ["node3", "node1", "node2"]],
    [
      "policy Local: only nodes with a ready endpoint",
      {
        service: { externalTrafficPolicy: "Local" },
        endpoints: [endpoint("node1"), endpoint("node2"), endpoint("node3", { ready: false })],
      },
      ["node1", "node2", `node3: ${NONE}`],
    ],
    [
      "v0.10, policy Cluster: only nodes with a ready endpoint, by the Service's name",
      {
        view: { election: "v0.10" },
        endpoints: [endpoint("node1"), endpoint("node2")],
      },
      ["node2", "node1", `node3: ${NONE}`],
    ],
    [
      "v0.10, policy Local: the same",
      {
        view: { election: "v0.10" },
        service: { externalTrafficPolicy: "Local" },
        endpoints: [endpoint("node1"), endpoint("node3")],
      },
      ["node1", "node3", `node2: ${NONE}`],
    ],
    [
      "a node that is not ready is none",
      { nodes: [node("node1"), node("node2"), node("node3", { ready: false })] },
      ["node1", "node2", "node3: the node is not ready"],
    ],
    [
      "unless no node is ready: then the control plane is rather ill",
      { nodes: THREE.map((one) => ({ ...one, ready: false })) },
      ["node3", "node1", "node2"],
    ],
    [
      "a node without network is none, even if no other is ready",
      {
        nodes: [
          node("node1", { ready: false }),
          node("node2", { ready: false }),
          node("node3", { networkUnavailable: true }),
        ],
      },
      ["node1", "node2", "node3: the node's network is unavailable"],
    ],
    [
      "an excluded node is none",
      { nodes: [node("node1"), node("node2"), node("node3", { excluded: true })] },
      ["node1", "node2", `node3: ${EXCLUDED}`],
    ],
    [
      "unless told to ignore the label",
      {
        nodes: [node("node1"), node("node2"), node("node3", { excluded: true })],
        view: { judgement: judgementOf("Herald", true, new Map()) },
      },
      ["node3", "node1", "node2"],
    ],
    [
      "a node without a live speaker is none",
      { view: { liveSpeakers: new Set(["node1", "node2", "elsewhere"]) } },
      ["node1", "node2", `node3: ${DEAD}`],
    ],
    [
      "v0.10: a node with an endpoint and no live speaker is none",
      {
        view: { election: "v0.10", liveSpeakers: new Set(["node1", "node3"]) },
        endpoints: [endpoint("node1"), endpoint("node2")],
      },
      ["node1", `node2: ${DEAD}`, `node3: ${NONE}`],
    ],
    [
      "without Node objects the endpoints name the nodes",
      { nodes: [], endpoints: [endpoint("node2"), endpoint("node1"), endpoint(undefined)] },
      ["node1", "node2"],
    ],
    [
      "without Node objects the live speakers come first",
      { nodes: [], view: { liveSpeakers: new Set(["node2", "node3"]) } },
      ["node3", "node2"],
    ],
    [
      "without Node objects and node names this machine is the one",
      { nodes: [], endpoints: [endpoint(undefined)] },
      ["node1"],
    ],
    [
      "the same under policy Local",
      {
        nodes: [],
        endpoints: [endpoint(undefined)],
        service: { externalTrafficPolicy: "Local" },
      },
      ["node1"],
    ],
    [
      "a ready endpoint on one node beats one that only still serves on another",
      {
        service: { externalTrafficPolicy: "Local" },
        endpoints: [
          endpoint("node1", { ready: false, serving: true, terminating: true }),
          endpoint("node2"),
        ],
      },
      ["node2", `node1: ${NONE}`, `node3: ${NONE}`],
    ],
    [
      "one that still serves while it terminates is better than none",
      {
        service: { externalTrafficPolicy: "Local" },
        endpoints: [
          endpoint("node1", { ready: false, serving: true, terminating: true }),
          endpoint("node2", { ready: false, serving: false, terminating: true }),
        ],
      },
      ["node1", `node2: ${NONE}`, `node3: ${NONE}`],
    ],
    [
      "a ready endpoint that terminates (publishNotReadyAddresses) counts as serving",
      {
        service: { externalTrafficPolicy: "Local" },
        endpoints: [endpoint("node1", { terminating: true })],
      },
      ["node1", `node2: ${NONE}`, `node3: ${NONE}`],
    ],
  ] as const satisfies readonly (readonly [string, Case, readonly string[]])[]
) {
  Deno.test(`planAddress() knows the candidates: ${name}`, () => {
    const expectedOwner = expected[0];
    for (const self of ["node1", "node2", "node3"]) {
      // Where nothing names a node, the one that looks is the only one.
      if (expected.length === 1 && self !== expectedOwner) continue;
      const made = plan(given, self);
      assert.deepEqual(verdicts(made), expected, self);
      assert.equal(ownerOf(made), expectedOwner);
      assert.equal(isHere(made), self === expectedOwner);
      assert.equal(made.silent, undefined);
      assert.equal(made.pool, "default");
    }
  });
}

for (
  const [name, given, silent, reason] of [
    [
      "no endpoint",
      { endpoints: [] },
      "no-ready-endpoint",
      "no endpoint of the Service is ready",
    ],
    [
      "no endpoint is ready",
      { endpoints: [endpoint("node1", { ready: false })] },
      "no-ready-endpoint",
      "no endpoint of the Service is ready",
    ],
    [
      "an endpoint serves, yet neither ready nor terminating",
      { endpoints: [endpoint("node1", { ready: false, serving: true })] },
      "no-ready-endpoint",
      "no endpoint of the Service is ready",
    ],
    [
      "the last endpoint terminates and serves no more",
      { endpoints: [endpoint("node1", { ready: false, serving: false, terminating: true })] },
      "no-ready-endpoint",
      "no endpoint of the Service is ready",
    ],
    [
      "policy Local, and the endpoint's node is unknown",
      { service: { externalTrafficPolicy: "Local" }, endpoints: [endpoint("node9")] },
      "no-candidate",
      `no node can announce it (node1: ${NONE}; node2: ${NONE}; node3: ${NONE})`,
    ],
    [
      "policy Local, and no endpoint names its node",
      { service: { externalTrafficPolicy: "Local" }, endpoints: [endpoint(undefined)] },
      "no-candidate",
      `no node can announce it (node1: ${NONE}; node2: ${NONE}; node3: ${NONE})`,
    ],
    [
      "no live speaker",
      { view: { liveSpeakers: new Set<string>() } },
      "no-candidate",
      `no node can announce it (node1: ${DEAD}; node2: ${DEAD}; node3: ${DEAD})`,
    ],
    [
      "all nodes are excluded",
      { nodes: THREE.map((one) => ({ ...one, excluded: true })) },
      "no-candidate",
      `no node can announce it (node1: ${EXCLUDED}; node2: ${EXCLUDED}; node3: ${EXCLUDED})`,
    ],
    [
      "no pool has the address",
      { ip: ip("10.77.1.230") },
      "not-in-pool",
      "no pool of the configuration has this address",
    ],
  ] as const satisfies readonly (readonly [string, Case, AddressPlan["silent"], string])[]
) {
  Deno.test(`planAddress() lets nobody announce when ${name}`, () => {
    for (const self of ["node1", "node2", "node3"]) {
      const made = plan(given, self);
      assert.equal(made.silent, silent);
      assert.equal(made.reason, reason);
      assert.equal(isHere(made), false);
      assert.equal(ownerOf(made), undefined);
      assert.ok(made.candidates.layer2?.every(({ eligible }) => !eligible) ?? true);
    }
  });
}

Deno.test("planAddress() names three nodes that cannot announce, and that there are more", () => {
  const nodes = [...THREE, node("node4")].map((one) => ({ ...one, excluded: true }));
  assert.match(plan({ nodes }).reason, /\(node1: [^;]*; node2: [^;]*; node3: [^;]*; …\)$/);
});

Deno.test("planAddress() says to each node why it announces or not", () => {
  const nodes = [node("node1"), node("node2", { ready: false }), node("node3")];
  assert.equal(plan({ nodes }, "node3").reason, "owner");
  assert.equal(plan({ nodes }, "node1").reason, "node3 comes first in the election");
  assert.equal(plan({ nodes }, "node2").reason, "the node is not ready; node3 announces");
  assert.equal(
    plan({ nodes }, "Node3").reason,
    'this node ("Node3") is not known to the cluster; node3 announces',
  );
});

Deno.test("planAddress() elects by the Service's first address, by its name in v0.10", () => {
  const assigned = [ip("10.77.1.221"), IP];
  // By sha256sum node1 is first for 10.77.1.221, node2 for default/nginx.
  assert.equal(ownerOf(plan({ service: { assigned } })), "node1");
  const everywhere = ["node1", "node2", "node3"].map((name) => endpoint(name));
  assert.equal(ownerOf(plan({ endpoints: everywhere, view: { election: "v0.10" } })), "node2");
});

Deno.test("planAddress() gives an address that Services share one owner, who can serve any", () => {
  const web = service("web", { assigned: [IP], externalTrafficPolicy: "Local" });
  const dns = service("dns", { assigned: [IP], externalTrafficPolicy: "Local" });
  const on = new Map([[web.key, "node1"], [dns.key, "node2"]]);
  for (const self of ["node1", "node2", "node3"]) {
    const view = viewOf(self);
    const both = planAddress(IP, [web, dns], (key) => [slice(key, endpoint(on.get(key)))], view);
    assert.deepEqual(both.services, ["default/dns", "default/web"]);
    assert.deepEqual(verdicts(both), ["node1", "node2", `node3: ${NONE}`]);
    assert.equal(isHere(both), self === "node1");
    // One of them has nothing behind it: the other still is served.
    const one = planAddress(
      IP,
      [web, dns],
      (key) => key === dns.key ? [slice(key, endpoint("node2"))] : [],
      view,
    );
    assert.equal(ownerOf(one), "node2");
  }
});

Deno.test("planAddress() asks all slices of a Service", () => {
  const nginx = service("nginx", { assigned: [IP], externalTrafficPolicy: "Local" });
  const made = planAddress(
    IP,
    [nginx],
    (key) => [
      slice(key),
      slice(key, endpoint("node1", { ready: false })),
      slice(key, endpoint("node2")),
    ],
    viewOf("node1"),
  );
  assert.equal(ownerOf(made), "node2");
});

Deno.test("planAddress() leaves Services of another class and type to others", () => {
  const rows = [
    [{ loadBalancerClass: "example.org/other" }, undefined, false],
    [{ loadBalancerClass: "example.org/herald" }, "example.org/herald", true],
    [{}, "example.org/herald", false],
    [{ isLoadBalancer: false }, undefined, false],
    [{}, undefined, true],
  ] as const;
  for (const [part, lbClass, ours] of rows) {
    const made = plan({ service: part, view: { lbClass } });
    assert.equal(ownerOf(made) !== undefined, ours, JSON.stringify([part, lbClass]));
    assert.equal(made.services.length, ours ? 1 : 0);
  }
});

function viewOf(self: string): SpeakerView {
  return speakerView({ config: POOLS, nodes: nodesOf(...THREE), self });
}

const RED = { matchLabels: new Map([["color", "red"]]), matchExpressions: [] };
const red = new Map([["color", "red"]]);

/** The pool `default` of layer 2 with one advertisement that says this, and any of BGP. */
function advertised(
  layer2: readonly Partial<Layer2Advertisement>[],
  bgp: readonly Partial<BgpAdvertisement>[] = [],
): Pick<Case, "view"> {
  const [route] = POOLS.bgp;
  assert.ok(route);
  const selection = selecting("default");
  return {
    view: {
      config: {
        ...POOLS,
        layer2: layer2.map((part) => ({ ...selection, interfaces: [], ...part })),
        bgp: bgp.map((part) => ({ ...route, ...selection, ...part })),
      },
    },
  };
}

Deno.test("S3: planAddress() announces an address by layer 2 from one node and by BGP from all", () => {
  for (const self of ["node1", "node2", "node3"]) {
    const made = plan(advertised([{}], [{}, { aggregationLength: 24 }]), self);
    const { layer2, bgp } = made.announce;
    assert.equal(layer2?.owner, "node3");
    assert.equal(layer2.here, self === "node3");
    assert.equal(bgp?.here, true);
    assert.deepEqual(bgp.routes.map(({ prefix }) => prefix.length), [32, 24]);
    const own = self === "node3" ? "owner" : "node3 comes first in the election";
    assert.equal(made.reason, `layer 2: ${own}; BGP: routed here by BGP`);
  }
});

Deno.test("S2: planAddress() announces nothing of a pool without an advertisement", () => {
  const made = plan(advertised([]));
  assert.deepEqual([made.pool, made.silent], ["default", "no-advertisement"]);
  assert.equal(made.reason, "no advertisement of the configuration is for this address");
});

Deno.test("S5: planAddress() elects among the nodes that any advertisement selects, and unites their interfaces", () => {
  const nodes = [node("node1", { labels: red }), node("node2"), node("node3")];
  const given = (...parts: Partial<Layer2Advertisement>[]) => ({ ...advertised(parts), nodes });
  const chosen = plan(given({ nodeSelectors: [RED], interfaces: ["eth1"] }));
  const refused = "no advertisement selects the node";
  assert.deepEqual(verdicts(chosen), ["node1", `node2: ${refused}`, `node3: ${refused}`]);
  assert.deepEqual(chosen.announce.layer2?.interfaces, ["eth1"]);
  const elsewhere = { nodeSelectors: [RED], interfaces: ["eth1"] };
  const two = plan(given(elsewhere, { interfaces: ["eth2"] }));
  assert.equal(ownerOf(two), "node3");
  assert.deepEqual(two.announce.layer2?.interfaces, ["eth2"], "the first is not for node3");
  const all = plan(given({ interfaces: ["eth2"] }, {}));
  assert.equal(all.announce.layer2?.interfaces, undefined, "one without makes it all");
});

Deno.test("S6: planAddress() counts an advertisement for Services of its selectors alone", () => {
  const given = advertised([{ serviceSelectors: [RED] }]);
  assert.equal(plan(given).silent, "no-advertisement");
  assert.equal(ownerOf(plan({ ...given, service: { labels: red } })), "node3");
  // Of two Services that share the address, the one that is selected must have an endpoint.
  const [web, dns] = [
    service("web", { assigned: [IP], labels: red }),
    service("dns", { assigned: [IP] }),
  ];
  const shared = (on: ServiceKey) =>
    planAddress(IP, [web, dns], (key) => key === on ? [slice(key, endpoint("node1"))] : [], {
      ...viewOf("node3"),
      ...given.view,
    });
  assert.equal(ownerOf(shared(web.key)), "node3");
  assert.equal(shared(dns.key).silent, "no-ready-endpoint");
});

Deno.test("S8, S11: planAddress() tells by BGP what the advertisements that select this node make of it", () => {
  const nodes = [node("node1", { labels: red }), node("node2")];
  const given = {
    nodes,
    ...advertised([], [{ nodeSelectors: [RED], peers: ["tor"] }, { aggregationLength: 24 }]),
  };
  const routes = (self: string) =>
    plan(given, self).announce.bgp?.routes.map(({ prefix, peers }) => [prefix.length, ...peers]);
  assert.deepEqual(routes("node1"), [[32, "tor"], [24]]);
  assert.deepEqual(routes("node2"), [[24]]);
  const only = { nodes, ...advertised([], [{ nodeSelectors: [RED] }]) };
  assert.equal(plan(only, "node1").announce.bgp?.here, true);
  assert.deepEqual(plan(only, "node2").announce.bgp?.routes, []);
  assert.equal(plan(only, "node2").reason, "no advertisement selects the node; node1 announces");
});

const NAMES = ["node1", "node2", "node3", "node4"];
const anyNode = (name: string) =>
  fc.record({
    ready: fc.boolean(),
    networkUnavailable: fc.boolean(),
    excluded: fc.boolean(),
  }).map((part) => node(name, part));
const anyEndpoint = fc.record({
  nodeName: fc.constantFrom(undefined, ...NAMES),
  ready: fc.boolean(),
  serving: fc.boolean(),
  terminating: fc.boolean(),
}).map(({ nodeName, ...part }) => endpoint(nodeName, part));
const anyServices = fc.array(
  fc.record({
    policy: fc.constantFrom("Cluster" as const, "Local" as const),
    endpoints: fc.array(anyEndpoint, { maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 3 },
);
const anyCase = fc.record({
  services: anyServices,
  nodes: fc.tuple(...NAMES.map(anyNode)),
  // At least two, for a single one may be asked about a cluster without Nodes.
  present: fc.integer({ min: 2, max: NAMES.length }),
  live: fc.option(fc.subarray(NAMES), { nil: undefined }),
  election: fc.constantFrom("v0.11" as const, "v0.10" as const),
  ignoreExcludeLabel: fc.boolean(),
});

Deno.test("planAddress() makes all nodes with one view agree on one owner, who can serve", () => {
  let announced = 0;
  fc.assert(
    fc.property(anyCase, ({ services, nodes, present, live, election, ignoreExcludeLabel }) => {
      const all = services.map(({ policy }, place) =>
        service(`s${place}`, { assigned: [IP], externalTrafficPolicy: policy })
      );
      const slices = new Map(
        services.map(({ endpoints }, place) => [serviceKey("default", `s${place}`), endpoints]),
      );
      const known = nodes.slice(0, present);
      const plans = NAMES.map((self) =>
        planAddress(
          IP,
          all,
          (key) => [slice(key, ...slices.get(key) ?? [])],
          speakerView({
            config: POOLS,
            nodes: nodesOf(...known),
            liveSpeakers: live === undefined ? undefined : new Set(live),
            self,
            election,
            judgement: judgementOf("Herald", ignoreExcludeLabel, nodesOf(...known)),
          }),
        )
      );
      const owners = new Set(plans.map(ownerOf));
      assert.equal(owners.size, 1, "the nodes disagree");
      const [owner] = owners;
      assert.equal(plans.filter(isHere).length, owner === undefined ? 0 : 1);
      const usable = [...slices.values()].flat().filter(({ ready, serving, terminating }) =>
        ready || (terminating && serving)
      );
      if (usable.length === 0) assert.equal(owner, undefined, "announced with nothing behind it");
      if (owner === undefined) return;
      announced++;
      const facts = known.find(({ name }) => name === owner);
      assert.ok(facts, "an unknown node owns it");
      assert.ok(!facts.networkUnavailable);
      assert.ok(!facts.excluded || ignoreExcludeLabel || known.every(({ excluded }) => excluded));
      assert.ok(live === undefined || live.includes(owner));
      if (election === "v0.10" || services.every(({ policy }) => policy === "Local")) {
        assert.ok(usable.some(({ nodeName }) => nodeName === owner), "no endpoint on the owner");
      }
      const first = plans[0]?.candidates.layer2?.filter(({ eligible }) => eligible).map((
        { node },
      ) => node);
      if (election === "v0.11") assert.deepEqual(first, rankCandidates(first ?? [], "10.77.1.220"));
    }),
    { seed: 50, numRuns: 3_000 },
  );
  assert.ok(announced > 500, `only ${announced} cases had an owner`);
});
