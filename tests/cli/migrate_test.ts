import assert from "node:assert/strict";
import fc from "fast-check";
import { migrationOf, migrationText } from "../../lib/cli/migrate.ts";
import type { Snapshot } from "../../lib/host/inspect/snapshot.ts";
import { config, ips, pool, service, withBgp } from "../controller/fixture.ts";
import { endpoint, node, nodesOf, slice } from "../support/facts.ts";

const SERVICES = [1, 2, 3, 4].map((at) =>
  service(`s${at}`, { assigned: ips(`10.0.0.${at}`), hasIngress: true })
);

function snapshot(part: Partial<Snapshot> = {}): Snapshot {
  return {
    description: "https://10.0.0.9:6443",
    services: new Map(SERVICES.map((facts) => [facts.key, facts])),
    slices: SERVICES.map(({ key }) => slice(key, endpoint("n1"), endpoint("n2"))),
    nodes: nodesOf(node("n1"), node("n2")),
    config: config(pool("a", "10.0.0.1-10.0.0.9")),
    configReason: "",
    unread: [],
    ...part,
  };
}

const text = (part: Partial<Snapshot>) =>
  migrationText(migrationOf(snapshot(part), undefined, "v0.12", undefined));

Deno.test("migrate --check is content where each address stays with its node, and names the roll", () => {
  const report = migrationOf(snapshot(), undefined, "v0.12", undefined);
  assert.equal(report.good, true);
  assert.equal(
    migrationText(report),
    "Herald in the place of MetalLB v0.12 in https://10.0.0.9:6443:\n" +
      "Nothing stands in the way: 4 addresses of Services would stay, each with its node.\n" +
      "The first way is the roll, node by node, with --compat=v0.12: docs/upgrade.md.\n",
  );
});

Deno.test("d04, F2: migrate --check names each address that would move, from where to where, and why", () => {
  const nodes = nodesOf(node("n1", { excluded: true }), node("n2"));
  const report = migrationOf(snapshot({ nodes }), undefined, "v0.12", undefined);
  assert.equal(report.good, false);
  assert.ok(report.moves.length > 0 && report.moves.length < 4);
  assert.ok(report.moves.every(({ from, to }) => from === "n1" && to === "n2"));
  assert.match(
    migrationText(report),
    /^Warning: where MetalLB v0\.12 announces now, \d address(es)? would move .*\n {2}10\.0\.0\.\d: n1 -> n2 \(the node is labelled .*; n2 announces\)$/m,
  );
  assert.equal(migrationOf(snapshot({ nodes }), undefined, "v0.16", undefined).good, true);
  const elsewhere = migrationOf(snapshot({ nodes }), new Set(["n2"]), "v0.12", undefined);
  assert.equal(elsewhere.good, true, "on n1 is no speaker of MetalLB");
});

Deno.test("migrate --check says what it cannot compare, and which addresses no pool gives", () => {
  const unused = text({ config: undefined, configReason: "there is no ConfigMap" });
  assert.match(unused, /^No configuration there can be used: there is no ConfigMap\.$/m);
  assert.match(unused, /custom resources: write the ConfigMap for Herald first/);
  assert.match(
    text({ unread: ["nodes: forbidden"] }),
    /^Nothing is known of:\n {2}nodes: forbidden$/m,
  );
  assert.match(
    text({ config: config(pool("a", "10.0.0.2-10.0.0.9")) }),
    /^1 Service would lose an address:\n {2}default\/s1: 10\.0\.0\.1/m,
  );
  assert.match(
    text({ nodes: nodesOf(node("n1", { addresses: ips("10.0.0.8") }), node("n2")) }),
    /^ {2}10\.0\.0\.8 of node n1, pool "a"$/m,
  );
});

Deno.test("migrate --check names what BGP would route to fewer nodes, and whom Herald leaves alone", () => {
  const nodes = nodesOf(node("n1", { excluded: true }), node("n2"));
  const byBgp = snapshot({ nodes, config: withBgp(config(), pool("a", "10.0.0.1-10.0.0.9")) });
  const report = migrationOf(byBgp, undefined, "v0.12", undefined);
  assert.deepEqual([report.good, report.routes.length, report.moves.length], [false, 4, 0]);
  assert.match(
    migrationText(report),
    /^Warning: .* BGP would route 4 addresses to fewer nodes:\n {2}10\.0\.0\.1: no more to n1, still to n2 \(the node is labelled/m,
  );
  const other = service("s9", { assigned: ips("10.0.0.9"), loadBalancerClass: "x/y" });
  const services = new Map([...snapshot().services, [other.key, other]]);
  const slices = [...snapshot().slices, slice(other.key, endpoint("n1"))];
  assert.match(
    text({ services, slices }),
    /^ {2}10\.0\.0\.9: n[12] -> nobody announces it \(Service default\/s9 has the loadBalancerClass x\/y/m,
  );
  const foreign = service("far", { assigned: ips("192.0.2.1"), loadBalancerClass: "x/y" });
  assert.match(
    text({ services: new Map([...snapshot().services, [foreign.key, foreign]]) }),
    /^Nothing stands in the way: 4 addresses of Services would stay/m,
  );
});

const NAMES = ["n1", "n2", "n3"];
const NODE = fc.record({
  excluded: fc.boolean(),
  ready: fc.boolean(),
  networkUnavailable: fc.boolean(),
  addresses: fc.constantFrom([], ips("10.0.0.1"), ips("10.0.0.4")),
});
const ENDPOINT = fc.record({
  on: fc.constantFrom(...NAMES, undefined),
  ready: fc.boolean(),
  serving: fc.boolean(),
  terminating: fc.boolean(),
});
const SERVICE = fc.record({
  assigned: fc.uniqueArray(fc.constantFrom("10.0.0.1", "10.0.0.4", "10.0.0.5", "fd00::1"), {
    minLength: 1,
    maxLength: 2,
  }),
  externalTrafficPolicy: fc.constantFrom("Local" as const, "Cluster" as const),
  loadBalancerClass: fc.constantFrom(undefined, "x/y"),
  endpoints: fc.array(ENDPOINT, { maxLength: 3 }),
});

Deno.test("whatever a cluster holds, migrate --check gives each move a node that announces, and a cause", () => {
  const pools = withBgp(
    config(pool("a", "10.0.0.1-10.0.0.4"), pool("c", "fd00::/120")),
    pool("b", "10.0.0.5"),
  );
  const clusters = fc.record({
    nodes: fc.array(NODE, { maxLength: 3 }),
    services: fc.array(SERVICE, { maxLength: 4 }),
    speakers: fc.option(fc.subarray(NAMES, { minLength: 1 }), { nil: undefined }),
    compat: fc.constantFrom("v0.10" as const, "v0.12" as const, "v0.16" as const),
  });
  fc.assert(
    fc.property(clusters, ({ compat, nodes, services, speakers }) => {
      const facts = services.map(({ assigned, endpoints: _, ...one }, at) =>
        service(`s${at}`, { ...one, assigned: ips(...assigned), hasIngress: true })
      );
      const among = speakers && new Set(speakers);
      const report = migrationOf(
        snapshot({
          services: new Map(facts.map((one) => [one.key, one])),
          slices: facts.map(({ key }, at) =>
            slice(
              key,
              ...(services[at]?.endpoints ?? []).map(({ on, ...one }) => endpoint(on, one)),
            )
          ),
          nodes: nodesOf(...nodes.map((one, at) => node(NAMES[at] ?? "", one))),
          config: pools,
        }),
        among,
        compat,
        undefined,
      );
      const text = migrationText(report);
      const announces = (name: string) =>
        NAMES.slice(0, nodes.length).includes(name) && among?.has(name) !== false;
      for (const { ip, from, to, why } of report.moves) {
        assert.ok(announces(from) && from !== to && why !== "" && why !== "owner", why);
        assert.ok(text.includes(`${ip}: ${from} -> `), text);
        // No rule but v0.10's elects another among the same nodes.
        assert.ok(compat === "v0.10" || !/^\S+ comes first/.test(why), why);
      }
      for (const { from, left, why } of report.routes) {
        assert.ok(from.length > 0 && from.every(announces) && why !== "");
        assert.ok(left.every((one) => announces(one) && !from.includes(one)));
      }
      assert.equal(text.includes("Nothing stands in the way"), report.good);
    }),
    { seed: 16, numRuns: 400 },
  );
});
