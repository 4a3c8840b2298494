import assert from "node:assert/strict";
import fc from "fast-check";
import { parseConfig } from "../../lib/config/parse.ts";
import { formatPrefix } from "../../lib/net/prefix.ts";
import { type Ip, parseIp } from "../../lib/net/ip.ts";
import { contributions, createRoutes } from "../../lib/speaker/routes.ts";

function config(text: string) {
  const { config: read, problems } = parseConfig(text, "c");
  assert.ok(read, JSON.stringify(problems));
  return read;
}

function ip(text: string): Ip {
  const read = parseIp(text);
  assert.ok(read !== undefined);
  return read;
}

const TWO = config(`address-pools:
- name: a
  protocol: bgp
  addresses: [198.51.100.0/24, "2001:db8::/112"]
  bgp-advertisements:
  - {aggregation-length: 32, localpref: 100}
  - {aggregation-length: 24, aggregation-length-v6: 112}
- {name: l2, protocol: layer2, addresses: [10.0.0.0/24]}
`);

function table(routes: ReturnType<typeof createRoutes>): string[] {
  return [...routes.rib.routes].map(([prefix, { localPref }]) =>
    `${formatPrefix(prefix)} ${localPref}`
  ).sort();
}

Deno.test("each advertisement of the pool makes a route, of both families", () => {
  const routes = createRoutes();
  routes.setConfig(TWO);
  assert.equal(routes.setAnnounced(ip("198.51.100.9"), true).length, 2);
  routes.setAnnounced(ip("2001:db8::9"), true);
  assert.deepEqual(table(routes), [
    "198.51.100.0/24 0",
    "198.51.100.9/32 100",
    "2001:db8::/112 0",
    "2001:db8::9/128 100",
  ]);
  assert.equal(routes.routesOf(ip("198.51.100.9")).length, 2);
});

Deno.test("an aggregate goes with its last address", () => {
  const routes = createRoutes();
  routes.setConfig(TWO);
  routes.setAnnounced(ip("198.51.100.9"), true);
  routes.setAnnounced(ip("198.51.100.10"), true);
  assert.equal(routes.setAnnounced(ip("198.51.100.9"), false).length, 1);
  assert.equal(routes.setAnnounced(ip("198.51.100.10"), false).length, 2);
  assert.deepEqual(table(routes), []);
  assert.deepEqual(routes.setAnnounced(ip("198.51.100.10"), false), []);
});

Deno.test("a new configuration changes what differs and nothing else", () => {
  const routes = createRoutes();
  routes.setConfig(TWO);
  routes.setAnnounced(ip("198.51.100.9"), true);
  assert.deepEqual(routes.setConfig({ ...TWO }), []);
  const plain = config("address-pools: [{name: a, protocol: bgp, addresses: [198.51.100.0/24]}]");
  assert.equal(routes.setConfig(plain).length, 2);
  assert.deepEqual(table(routes), ["198.51.100.9/32 0"]);
});

Deno.test("addresses of layer 2 and of no pool have no route; equal prefixes take the last one written", () => {
  assert.deepEqual(contributions(TWO, ip("10.0.0.1")), []);
  assert.deepEqual(contributions(TWO, ip("192.0.2.1")), []);
  const routes = createRoutes();
  routes.setConfig(config(`address-pools:
- name: a
  protocol: bgp
  addresses: [198.51.100.0/24]
  bgp-advertisements: [{localpref: 1}, {localpref: 2}]
`));
  routes.setAnnounced(ip("198.51.100.9"), true);
  assert.deepEqual(table(routes), ["198.51.100.9/32 2"]);
});

Deno.test("the table is that of the announced addresses, whatever came before", () => {
  const address = fc.nat(20).map((last) => ip(`198.51.100.${last}`));
  fc.assert(
    fc.property(fc.array(fc.tuple(address, fc.boolean())), (changes) => {
      const routes = createRoutes();
      routes.setConfig(TWO);
      const announced = new Set<Ip>();
      for (const [one, on] of changes) {
        routes.setAnnounced(one, on);
        if (on) announced.add(one);
        else announced.delete(one);
      }
      const fresh = createRoutes();
      fresh.setConfig(TWO);
      for (const one of announced) fresh.setAnnounced(one, true);
      assert.deepEqual(table(routes), table(fresh));
    }),
    { seed: 2, numRuns: 200 },
  );
});
