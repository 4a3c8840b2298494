import assert from "node:assert/strict";
import { explainService } from "../../lib/cli/explain.ts";
import { explanationText } from "../../lib/cli/explanation.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import type { AskedSpeakers } from "../../lib/host/inspect/speakers.ts";
import type { SpeakerStatus } from "../../lib/status/types.ts";
import type { Snapshot } from "../../lib/host/inspect/snapshot.ts";
import { readEndpointSlice, readNode } from "../../lib/model/cluster.ts";
import { readService } from "../../lib/model/service.ts";

function service(name: string, ip?: string) {
  const facts = readService({
    metadata: { name, namespace: "default", uid: name },
    spec: { type: "LoadBalancer", clusterIPs: ["172.17.0.1"], ports: [{ port: 80 }] },
    status: { loadBalancer: { ingress: ip === undefined ? [] : [{ ip }] } },
  });
  return facts ?? assert.fail("no Service");
}

function snapshot(services: readonly ReturnType<typeof service>[], ready = true): Snapshot {
  const slice = readEndpointSlice({
    metadata: {
      name: "web-1",
      namespace: "default",
      labels: { "kubernetes.io/service-name": "web" },
    },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.244.1.5"], nodeName: "node1", conditions: { ready } }],
  });
  const nodes = ["node1", "node2"].map((name) => readNode({ metadata: { name } }) ?? assert.fail());
  return {
    description: "store /srv/lb",
    services: new Map(services.map((facts) => [facts.key, facts])),
    slices: slice === undefined ? [] : [slice],
    nodes: new Map(nodes.map((node) => [node.name, node])),
    config:
      parseConfig("address-pools: [{name: p, protocol: layer2, addresses: [10.77.1.220/32]}]", "c")
        .config,
    configReason: "",
    unread: [],
  };
}

function explained(
  facts: ReturnType<typeof service>,
  from: Snapshot,
  speakers?: AskedSpeakers,
): string {
  return explanationText(explainService(facts, from, undefined, speakers));
}

/** A speaker that says this of 10.77.1.220. */
function speaker(
  node: string,
  announcing: boolean,
  reason: string,
  more: Partial<SpeakerStatus> = {},
): [string, SpeakerStatus] {
  const addresses = [{ ip: "10.77.1.220", services: ["default/web"], announcing, reason }];
  return [node, { node, backend: "socket", interfaces: [], addresses, ...more }];
}

function asked(
  answers: readonly [string, SpeakerStatus][],
  more: Partial<AskedSpeakers> = {},
): AskedSpeakers {
  return { answers: new Map(answers), silent: [], ...more };
}

Deno.test("explainService() tells address, pool, owner, the others and the endpoints", () => {
  const web = service("web", "10.77.1.220");
  const text = explained(web, snapshot([web]));
  for (
    const line of [
      /^Service default\/web \(store \/srv\/lb\)$/m,
      /^It has 10\.77\.1\.220 of pool "p":$/m,
      /^By the election node1 should announce 10\.77\.1\.220; no speaker could be asked\.$/m,
      /^ {2}1\. node1$/m,
      /^ {2}2\. node2$/m,
      /^ {2}10\.244\.1\.5 on node1, ready$/m,
    ]
  ) {
    assert.match(text, line);
  }
});

Deno.test("explainService() tells why there is no address, and why nobody announces one", () => {
  const taken = service("other", "10.77.1.220");
  const web = service("web");
  assert.match(explained(web, snapshot([taken, web])), /^It has no address:$[^]*pool "p"/m);
  const alone = explained(web, snapshot([web], false));
  assert.match(alone, /which is not in its status yet/);
  assert.match(alone, /Nobody announces 10\.77\.1\.220: no endpoint of the Service is ready/);
});

Deno.test("explainService() says what is missing when there is no configuration", () => {
  const web = service("web");
  const from = { ...snapshot([web]), config: undefined, configReason: "there is no ConfigMap" };
  assert.throws(() => explainService(web, from, undefined), /there is no ConfigMap/);
});

Deno.test("explainService() tells which node tells which route to which peer, and why another does not", () => {
  const web = service("web", "198.51.100.10");
  const { config } = parseConfig(
    `address-pools:
- name: p
  protocol: bgp
  addresses: [198.51.100.0/24]
  bgp-advertisements: [{aggregation-length: 32}, {aggregation-length: 24}]
peers:
- {peer-address: 10.0.0.1, peer-asn: 64501, my-asn: 64500}
- peer-address: 10.0.0.2
  peer-asn: 64502
  my-asn: 64500
  node-selectors: [{match-labels: {rack: a}}]
`,
    "c",
  );
  const text = explained(web, { ...snapshot([web]), config });
  for (
    const line of [
      /^By BGP these nodes would have 198\.51\.100\.10 routed to them:$/m,
      /^ {2}198\.51\.100\.10\/32, 198\.51\.100\.0\/24 from node1 to 10\.0\.0\.1 \(AS 64501\)$/m,
      /^ {2}.* from node2 to 10\.0\.0\.2 \(AS 64502\): not, by its node-selectors$/m,
    ]
  ) assert.match(text, line);
  const alone = explained(web, { ...snapshot([web], false), config });
  assert.match(alone, /Nobody announces 198\.51\.100\.10: no endpoint of the Service is ready/);
});

Deno.test("explainService() believes the speakers: who announces it is seen, not reckoned", () => {
  const web = service("web", "10.77.1.220");
  const from = snapshot([web]);
  const agreed = asked([
    speaker("node1", true, "owner"),
    speaker("node2", false, "node1 comes first in the election"),
  ]);
  const text = explained(web, from, agreed);
  assert.match(text, /^node1 announces 10\.77\.1\.220 \(seen at node1's speaker\)\.$/m);
  assert.match(text, /^ {2}2\. node2 \(its speaker: node1 comes first in the election\)$/m);
  assert.match(text, /^Asked: the speakers of node1, node2\.$/m);
  const found = explainService(web, from, undefined, agreed);
  assert.deepEqual([found.announcements[0]?.owner, found.announcements[0]?.elected], [
    "node1",
    "node1",
  ]);

  const other = explained(
    web,
    from,
    asked([speaker("node1", false, "no interface"), speaker("node2", true, "owner")]),
  );
  assert.match(other, /^node2 announces 10\.77\.1\.220 \(seen at node2's speaker\)\.$/m);
  assert.match(other, /^By the election it should be node1, whose speaker says: no interface\.$/m);

  const both = asked([speaker("node1", true, "owner"), speaker("node2", true, "owner")]);
  assert.match(explained(web, from, both), /^node1 and node2 announce 10\.77\.1\.220 at once/m);
  const nobody = asked([speaker("node1", false, "not acquainted"), speaker("node2", false, "x")]);
  assert.match(explained(web, from, nobody), /^Nobody announces .*, say the speakers/m);
  assert.match(explained(web, from, nobody), /should be node1, whose speaker says: not acquainted/);
});

Deno.test("explainService() says which speakers could not be asked, and what that leaves open", () => {
  const web = service("web", "10.77.1.220");
  const silent = [{ node: "node1", why: "no answer at 10.0.0.1:7472" }];
  const one = asked([speaker("node2", false, "node1 comes first")], { silent });
  const text = explained(web, snapshot([web]), one);
  assert.match(
    text,
    /^By the election node1 should .*; its speaker could not be asked \(no answer at 10\.0\.0\.1:7472\)\.$/m,
  );
  assert.match(text, /^Not reached: node1 \(no answer at 10\.0\.0\.1:7472\)\.$/m);
  assert.equal(
    explainService(web, snapshot([web]), undefined, one).announcements[0]?.owner,
    undefined,
    "nobody saw one",
  );
  const problem = "Pods cannot be listed";
  assert.match(
    explained(web, snapshot([web]), asked([], { problem })),
    /no speaker could be asked \(Pods cannot be listed\)\./,
  );
});

Deno.test("explainService() holds the election as the speakers do: their rule, their live fellows", () => {
  const web = service("web", "10.77.1.220");
  const old = { election: "v0.10" } as const;
  const byOld = asked([speaker("node1", true, "owner", old), speaker("node2", false, "x", old)]);
  // By v0.10 only nodes with a ready endpoint are candidates.
  assert.match(explained(web, snapshot([web]), byOld), /^ {2}- {2}node2: no ready endpoint/m);
  const live = { live: ["node2"] };
  const alone = asked([speaker("node2", true, "owner", live)]);
  assert.match(explained(web, snapshot([web]), alone), /^ {2}- {2}node1: no live speaker on the/m);
  const ready = new Set(["node2"]);
  assert.match(
    explained(web, snapshot([web]), asked([], { ready })),
    /^By the election node2 should announce/m,
  );
  const mixed = asked([speaker("node1", true, "owner", old), speaker("node2", false, "x")]);
  assert.match(
    explained(web, snapshot([web]), mixed),
    /^Warning: the speakers differ in --l2-election: node1 says v0\.10; node2 says v0\.11\.$/m,
  );
});

Deno.test("explainService() tells of BGP what each speaker told, and what the others would", () => {
  const web = service("web", "10.77.1.220");
  const { config } = parseConfig(
    `address-pools: [{name: p, protocol: bgp, addresses: [10.77.1.220/32]}]
peers: [{peer-address: 10.0.0.1, peer-asn: 64501, my-asn: 64500}]
`,
    "c",
  );
  const [node, status] = speaker("node1", true, "routed here by BGP");
  const routes = ["10.77.1.220/32 to 10.0.0.1:179: the session is not established"];
  const told = { ...status, addresses: status.addresses.map((one) => ({ ...one, routes })) };
  const text = explained(web, { ...snapshot([web]), config }, asked([[node, told]]));
  for (
    const line of [
      /^10\.77\.1\.220 is routed by BGP to node1 \(seen at its speaker\)\. The nodes:$/m,
      /^ {2}node1: 10\.77\.1\.220\/32 to 10\.0\.0\.1:179: the session is not established$/m,
      /^ {2}10\.77\.1\.220\/32 from node2 to 10\.0\.0\.1 \(AS 64501\)$/m,
    ]
  ) assert.match(text, line);
  assert.ok(!text.includes("from node1 to"), text);
});

Deno.test("explainService() tells what it knows where Nodes must not be read, and who may be asked", () => {
  const web = service("web", "10.77.1.220");
  const reason = "Cannot list nodes at https://api: HTTP 403: forbidden";
  const part = { ...snapshot([web]), slices: [], nodes: new Map(), unread: [reason] };
  const alone = explained(web, part);
  for (
    const line of [
      /^It has 10\.77\.1\.220 of pool "p":$/m,
      /^ {2}Cannot list nodes at https:\/\/api: HTTP 403: forbidden$/m,
      /^ {2}kubectl -n metallb-system exec ds\/speaker -- herald explain service default\/web$/m,
    ]
  ) assert.match(alone, line);
  assert.doesNotMatch(alone, /no endpoint|[Nn]obody announces|election/);
  const told = explained(web, part, asked([speaker("node1", true, "owner")]));
  assert.match(told, /^node1 announces 10\.77\.1\.220 \(seen at node1's speaker\)\.$/m);
});

Deno.test("explainService() names a node where neither objects nor endpoints do", () => {
  const web = service("web", "10.77.1.220");
  const nameless = readEndpointSlice({
    metadata: {
      name: "web-1",
      namespace: "default",
      labels: { "kubernetes.io/service-name": "web" },
    },
    addressType: "IPv4",
    endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true } }],
  }) ?? assert.fail();
  const folder = { ...snapshot([web]), nodes: new Map(), slices: [nameless] };
  const alone = explained(web, folder, asked([speaker("vm", false, "no interface answers")]));
  assert.match(alone, /^By the election it should be vm, whose speaker says: no interface/m);
  assert.match(alone, /^ {2}1\. vm/m);
  assert.match(explained(web, folder), /^By the election this machine should announce/m);
});
