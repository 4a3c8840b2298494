import assert from "node:assert/strict";
import fc from "fast-check";
import { advertisedWith } from "../../lib/config/advertised.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import type { Config } from "../../lib/config/types.ts";
import { formatPrefix } from "../../lib/net/prefix.ts";
import type { Ip } from "../../lib/net/ip.ts";
import {
  createRoutes,
  isForPeer,
  type Routes,
  routeWishes,
  sameWishes,
} from "../../lib/speaker/routes.ts";
import { ip } from "../controller/fixture.ts";

function config(text: string) {
  const { config: read, problems } = parseConfig(text, "c");
  assert.ok(read, JSON.stringify(problems));
  return read;
}

/** What the advertisements of the address's pool make of it. */
function wishes(of: Config, address: Ip) {
  return routeWishes(address, advertisedWith(of, address)?.bgp ?? []);
}

function announce(routes: Routes, of: Config, text: string) {
  return routes.setRoutes(ip(text), wishes(of, ip(text)));
}

const TEXT = `address-pools:
- name: a
  protocol: bgp
  addresses: [198.51.100.0/24, "2001:db8::/112"]
  bgp-advertisements:
  - {aggregation-length: 32, localpref: 100}
  - {aggregation-length: 24, aggregation-length-v6: 112}
- {name: l2, protocol: layer2, addresses: [10.0.0.0/24]}
`;
const TWO = config(TEXT);

function table(routes: Routes): string[] {
  return [...routes.rib.routes].map(([prefix, { localPref }]) =>
    `${formatPrefix(prefix)} ${localPref}`
  ).sort();
}

Deno.test("each advertisement of the pool makes a route, of both families", () => {
  const routes = createRoutes();
  assert.equal(announce(routes, TWO, "198.51.100.9").length, 2);
  announce(routes, TWO, "2001:db8::9");
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
  announce(routes, TWO, "198.51.100.9");
  announce(routes, TWO, "198.51.100.10");
  assert.equal(routes.setRoutes(ip("198.51.100.9"), []).length, 1);
  assert.equal(routes.setRoutes(ip("198.51.100.10"), []).length, 2);
  assert.deepEqual(table(routes), []);
  assert.deepEqual(routes.setRoutes(ip("198.51.100.10"), []), []);
});

Deno.test("a new configuration changes what differs and nothing else", () => {
  const routes = createRoutes();
  announce(routes, TWO, "198.51.100.9");
  assert.deepEqual(announce(routes, { ...TWO }, "198.51.100.9"), []);
  const plain = config("address-pools: [{name: a, protocol: bgp, addresses: [198.51.100.0/24]}]");
  assert.equal(announce(routes, plain, "198.51.100.9").length, 2);
  assert.deepEqual(table(routes), ["198.51.100.9/32 0"]);
});

Deno.test("addresses of layer 2 and of no pool have no route; equal prefixes take the last one written", () => {
  assert.deepEqual(wishes(TWO, ip("10.0.0.1")), []);
  assert.deepEqual(wishes(TWO, ip("192.0.2.1")), []);
  const routes = createRoutes();
  const twice = config(`address-pools:
- name: a
  protocol: bgp
  addresses: [198.51.100.0/24]
  bgp-advertisements: [{localpref: 1}, {localpref: 2}]
`);
  announce(routes, twice, "198.51.100.9");
  assert.deepEqual(table(routes), ["198.51.100.9/32 2"]);
});

Deno.test("sameWishes() is true of equal routes only, of the same or of another reading", () => {
  const again = config(TEXT);
  const of = (read: Config, text = "198.51.100.9") => wishes(read, ip(text));
  assert.ok(sameWishes(of(TWO), of(TWO)));
  assert.ok(sameWishes(of(TWO), of(again)));
  const others = [
    [],
    of(TWO, "198.51.100.10"),
    of(config(TEXT.replace("localpref: 100", "localpref: 101"))),
    of(config(TEXT.replace("{aggregation-length: 24", "{aggregation-length: 25"))),
    of(config(TEXT.replace("localpref: 100", "communities: ['1:1']"))),
    of(TWO).map((wish) => ({ ...wish, order: wish.order + 1 })),
    of(again).map((wish) => ({ ...wish, attributes: { ...wish.attributes }, peers: ["a"] })),
  ];
  for (const other of others) assert.ok(!sameWishes(of(TWO), other), JSON.stringify(other));
});

Deno.test("isForPeer() takes peers by their names where any are named", () => {
  const [peer] = config("peers: [{my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1}]").peers;
  const [wish] = wishes(TWO, ip("198.51.100.9"));
  assert.ok(peer && wish);
  assert.ok(isForPeer(wish, peer));
  const named = { ...wish, peers: ["tor"] };
  assert.deepEqual(
    [{}, { name: "tor" }, { name: "other" }].map((part) => isForPeer(named, { ...peer, ...part })),
    [false, true, false],
  );
});

Deno.test("the table is that of the announced addresses, whatever came before", () => {
  const address = fc.nat(20).map((last) => `198.51.100.${last}`);
  fc.assert(
    fc.property(fc.array(fc.tuple(address, fc.boolean())), (changes) => {
      const routes = createRoutes();
      const announced = new Set<string>();
      for (const [one, on] of changes) {
        if (on) {
          announce(routes, TWO, one);
          announced.add(one);
        } else {
          routes.setRoutes(ip(one), []);
          announced.delete(one);
        }
      }
      const fresh = createRoutes();
      for (const one of announced) announce(fresh, TWO, one);
      assert.deepEqual(table(routes), table(fresh));
    }),
    { seed: 2, numRuns: 200 },
  );
});
