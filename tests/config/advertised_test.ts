import assert from "node:assert/strict";
import {
  advertisedPools,
  advertisedWith,
  forServices,
  onNode,
  protocolsByPool,
} from "../../lib/config/advertised.ts";
import type { Config, LabelSelector } from "../../lib/config/types.ts";
import { config, ip, pool, selecting, service, withBgp } from "../controller/fixture.ts";

const RED: LabelSelector = { matchLabels: new Map([["color", "red"]]), matchExpressions: [] };
const red = new Map([["color", "red"]]);
const BASE = withBgp(config(pool("one", "10.1.0.0/24")), pool("two", "10.2.0.0/24"));

/** The pools that an advertisement of layer 2 selects, beside what `BASE` has. */
function selected(part: Partial<ReturnType<typeof selecting>>): string[] {
  const advertisement = { ...selecting(""), pools: [], ...part, interfaces: [] };
  const pools = [...BASE.pools, pool("painted", "10.3.0.0/24", { labels: red })];
  return advertisedPools({ ...BASE, pools, layer2: [advertisement] })
    .filter(({ layer2 }) => layer2.length > 0).map(({ pool: { name } }) => name);
}

Deno.test("S1: an advertisement covers the pools that it names and those of its selectors; without both all", () => {
  assert.deepEqual(selected({}), ["one", "two", "painted"]);
  assert.deepEqual(selected({ pools: ["two"] }), ["two"]);
  assert.deepEqual(selected({ poolSelectors: [RED] }), ["painted"]);
  assert.deepEqual(selected({ pools: ["one", "unknown"], poolSelectors: [RED] }), [
    "one",
    "painted",
  ]);
  assert.deepEqual(selected({ pools: ["unknown"] }), [], "given and matching nothing: no pool");
});

Deno.test("S2, S3: a pool is announced by layer 2, by BGP, by both or not at all", () => {
  const both: Config = {
    ...BASE,
    pools: [...BASE.pools, pool("silent", "10.4.0.0/24")],
    layer2: [...BASE.layer2, { ...selecting("two"), interfaces: [] }],
  };
  assert.deepEqual([...protocolsByPool(both)], [
    ["one", "layer2"],
    ["two", "layer2, bgp"],
    ["silent", ""],
  ]);
});

Deno.test("advertisedWith() finds the pool of an address, and makes the lists of one configuration once", () => {
  const found = advertisedWith(BASE, ip("10.2.0.7"));
  assert.equal(found?.pool.name, "two");
  assert.deepEqual(found.bgp.map(({ order }) => order), [0]);
  assert.equal(advertisedWith(BASE, ip("10.2.0.9")), found);
  assert.equal(advertisedWith(BASE, ip("10.9.0.1")), undefined);
  assert.notEqual(advertisedWith({ ...BASE }, ip("10.2.0.7")), found);
});

Deno.test("forServices() and onNode() leave out what the labels of Service and node are not for", () => {
  const plain = selecting("one");
  const forRed = { ...plain, serviceSelectors: [RED] };
  const onRed = { ...plain, nodeSelectors: [RED] };
  const web = service("web");
  const painted = service("painted", { labels: red });
  assert.deepEqual(forServices([plain, forRed], [web]), [plain]);
  assert.deepEqual(forServices([forRed], [web, painted]), [forRed], "one of them is enough");
  const all = [plain, onRed];
  assert.equal(forServices(all, []), all, "the same list where nothing is left out");
  assert.deepEqual(onNode(all, new Map()), [plain]);
  assert.deepEqual(onNode(all, red), all);
});
