import assert from "node:assert/strict";
import { impactOf, impactText } from "../../lib/cli/impact.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import type { Snapshot } from "../../lib/host/inspect/snapshot.ts";
import { ips, service } from "../controller/fixture.ts";
import { endpoint, node, nodesOf, slice } from "../support/facts.ts";
import type { ServiceFacts } from "../../lib/model/facts.ts";

function read(text: string) {
  const { config, problems } = parseConfig(text, "c");
  return config ?? assert.fail(JSON.stringify(problems));
}

function snapshot(config: string | undefined, ...services: ServiceFacts[]): Snapshot {
  return {
    description: "/srv/lb",
    services: new Map(services.map((facts) => [facts.key, facts])),
    slices: [],
    nodes: new Map(),
    config: config === undefined ? undefined : read(config),
    configReason: config === undefined ? "there is no ConfigMap" : "",
    unread: [],
  };
}

const POOL = "address-pools: [{name: a, protocol: layer2, addresses: [10.0.0.1-10.0.0.2]}]\n";

function web(name: string, ip: string): ServiceFacts {
  return service(name, { assigned: ips(ip), hasIngress: true });
}

Deno.test("impactText() says in plain words what goes, moves, comes and waits", () => {
  const after = read(`address-pools:
- {name: b, protocol: layer2, addresses: [10.0.0.2/32, 10.0.0.9/32]}
peers: [{peer-address: 10.9.9.9, my-asn: 64500, peer-asn: 64501, password: hidden-word}]
`);
  const present = snapshot(
    POOL,
    web("one", "10.0.0.1"),
    web("two", "10.0.0.2"),
    service("three", { createdMs: 1 }),
    service("four", { createdMs: 2 }),
  );
  const text = impactText(impactOf(after, present, undefined));
  for (
    const line of [
      /^Compared with what stands in \/srv\/lb:$/m,
      /^1 Service would lose an address, so a running controller would refuse the whole conf/m,
      /^ {2}default\/one: 10\.0\.0\.1 of pool "a", for no single pool .* gives it; it would have 10\.0\.0\.9 of pool "b"$/m,
      /^ {2}default\/two: 10\.0\.0\.2, pool "a" -> "b"$/m,
      /^2 Services would still have no address:$/m,
      /^ {2}default\/four: pool "b" is full/m,
      /^Pools:\n {2}\+ b; in use none -> 2 of 2\n {2}- a; in use 2 of 2 -> none$/m,
      /^BGP peers:\n {2}\+ 10\.9\.9\.9:179: AS 64501, from AS 64500 on every node$/m,
    ]
  ) assert.match(text, line);
  assert.ok(!text.includes("hidden-word"), text);
});

Deno.test("impactText() says so when nothing changes, and what there is nothing to compare with", () => {
  const same = impactText(impactOf(read(POOL), snapshot(POOL, web("one", "10.0.0.1")), undefined));
  assert.match(same, /^No Service would lose its address\.\nThe configuration says the same/m);
  const first = impactText(impactOf(read(POOL), snapshot(undefined, service("new")), undefined));
  assert.match(
    first,
    /^Compared with the Services of \/srv\/lb alone, .* \(there is no ConfigMap\):$/m,
  );
  assert.match(
    first,
    /^1 Service without an address would get one:\n {2}default\/new: 10\.0\.0\.1/m,
  );
});

Deno.test("impactText() judges a change by what was given where nothing in force is known (fault 8)", () => {
  const given = { ...web("one", "10.0.0.1"), allocatedFrom: "a" };
  const other = read(POOL.replace("10.0.0.1-10.0.0.2", "10.9.0.0/24"));
  const report = impactOf(other, snapshot(undefined, given), undefined);
  assert.ok(report.refused);
  assert.match(impactText(report), /^1 Service would lose an address/m);
  assert.equal(impactOf(read(POOL), snapshot(undefined, given), undefined).refused, false);
});

Deno.test("impactText() cuts long lists, impactOf() does not", () => {
  const many = Array.from({ length: 120 }, (_, index) => service(`s${index}`));
  const report = impactOf(read("address-pools: []"), snapshot("peers: []", ...many), undefined);
  assert.equal(report.without.length, 120);
  const text = impactText(report);
  assert.match(text, /^120 Services would still have no address:$/m);
  assert.match(text, /^ {2}and 70 more \(--output=json names them all\)$/m);
  assert.equal(text.split("\n").filter((line) => line.includes("default/s")).length, 50);
});

Deno.test("d04, d09: impactText() warns of the label that moves addresses, and of nodes' own addresses", () => {
  const services = [web("one", "10.0.0.1"), web("two", "10.0.0.2")];
  const slices = services.map(({ key }) => slice(key, endpoint("n1")));
  const report = (labelled: string[], own: string) => {
    const nodes = nodesOf(...["n1", "n2"].map((name) =>
      node(name, {
        excluded: labelled.includes(name),
        addresses: ips(name === "n1" ? own : "10.9.0.2"),
      })
    ));
    return impactOf(read(POOL), { ...snapshot(POOL, ...services), slices, nodes }, undefined);
  };
  const quiet = impactText(report([], "10.9.0.1"));
  assert.doesNotMatch(quiet, /Warning/);
  const [one] = [["n1"], ["n2"]].map((labelled) => impactText(report(labelled, "10.9.0.1")))
    .filter((text) => text.includes("would move"));
  assert.match(
    one ?? "",
    /^Warning: nodes are labelled node\.kubernetes\.io\/exclude-.* --ignore-exclude-lb:\n {2}10\.0\.0\.[12]: n[12] -> n[12]$/m,
  );
  assert.doesNotMatch(impactText(report(["n1", "n2"], "10.9.0.1")), /would move/, "all serve");
  const said = { ...report(["n1"], "10.9.0.1"), compat: "v0.12" as const };
  assert.match(
    impactText({ ...said, swapMoves: [{ ip: "10.0.0.1", from: "n1", to: "n2", why: "label" }] }),
    /^Warning: where MetalLB v0\.12 announces now, 1 address would move .*:\n {2}10\.0\.0\.1: n1 -> n2 \(label\)$/m,
  );
  assert.match(
    impactText(report([], "10.0.0.2")),
    /^Warning: pools hold nodes' own addresses; .*:\n {2}10\.0\.0\.2 of node n1, pool "a"$/m,
  );
});

Deno.test("impactText() counts only nodes with a speaker, and says what it could not read", () => {
  const services = [1, 2].map((at) => web(`s${at}`, `10.0.0.${at}`));
  const slices = services.map(({ key }) => slice(key, endpoint("n1")));
  const nodes = nodesOf(node("n1", { excluded: true }), node("n2"));
  const present = { ...snapshot(POOL, ...services), slices, nodes, unread: ["Pods: forbidden"] };
  const told = (speakers: ReadonlySet<string> | undefined) =>
    impactText(impactOf(read(POOL), present, undefined, { compat: "v0.12", speakers }));
  assert.match(told(undefined), /where MetalLB v0\.12 announces now, \d address(es)? would move/);
  assert.match(told(undefined), /^Not all is known of what would move, .*:\n {2}Pods: forbidden$/m);
  assert.doesNotMatch(told(new Set(["n2"])), /where MetalLB/, "on n1 is no speaker");
});
