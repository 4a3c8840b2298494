import assert from "node:assert/strict";
import { createBook, hold } from "../../lib/controller/allocations.ts";
import { judgePresent, unwanted } from "../../lib/controller/keep.ts";
import { config, ips, pool, requests, service } from "./fixture.ts";

const BOOK = createBook(config(
  pool("a", ["10.0.0.0/24", "fd00::/64"], { avoidBuggyIps: true }),
  pool("b", "fd01::/64", { autoAssign: false }),
));
hold(BOOK, service("holder", { sharingKey: "k" }), "a", ips("10.0.0.9"));

const PRESENT: readonly {
  readonly name: string;
  readonly part?: Parameters<typeof service>[1];
  readonly has: string[];
  readonly is: string;
}[] = [
  { name: "a free address", has: ["10.0.0.1"], is: "legal a" },
  {
    name: "one of a pool without auto-assign",
    part: { families: [6] },
    has: ["fd01::1"],
    is: "legal b",
  },
  {
    name: "both families",
    part: { families: [6, 4] },
    has: ["10.0.0.1", "fd00::1"],
    is: "legal a",
  },
  { name: "no address", has: [], is: "the Service is IPv4" },
  {
    name: "one of two families",
    part: { families: [4, 6] },
    has: ["10.0.0.1"],
    is: "the Service is IPv4 and IPv6",
  },
  {
    name: "families of two pools",
    part: { families: [4, 6] },
    has: ["10.0.0.1", "fd01::1"],
    is: "no single pool holds all of its addresses",
  },
  { name: "one in no pool", has: ["10.9.0.1"], is: "no pool holds 10.9.0.1" },
  {
    name: "a buggy one",
    has: ["10.0.0.255"],
    is: "10.0.0.255 ends in .0 or .255 and avoid-buggy-ips is set",
  },
  {
    name: "one of another Service",
    has: ["10.0.0.9"],
    is: "default/holder uses it, and not both Services have a sharing key",
  },
  {
    name: "one that is shared",
    part: { sharingKey: "k", ports: [{ protocol: "UDP", port: 1 }] },
    has: ["10.0.0.9"],
    is: "legal a",
  },
];
for (const { name, part, has, is } of PRESENT) {
  Deno.test(`A3 judgePresent() on ${name}`, () => {
    const found = judgePresent(service("web", part), ips(...has), BOOK);
    assert.equal(found.kind === "legal" ? `legal ${found.pool}` : found.why, is);
    if (found.kind === "legal") assert.deepEqual(found.ips, ips(...has));
  });
}

Deno.test("A4 unwanted() minds the pool annotation, A5 the requested addresses", () => {
  const why = (part: Parameters<typeof service>[1]) =>
    unwanted(service("web", part), "a", ips("10.0.0.1"), BOOK);
  assert.equal(why({}), undefined);
  assert.equal(why({ poolRequest: "a", ...requests("10.0.0.1") }), undefined);
  assert.equal(why({ poolRequest: "b" }), 'annotation address-pool asks for the pool "b"');
  assert.match(why({ poolRequest: "c" }) ?? "", /"c", which does not exist/);
  assert.equal(why(requests("10.0.0.2")), "the Service asks for 10.0.0.2");
  assert.equal(why({ addressRequest: { kind: "invalid", event: "e", message: "m" } }), undefined);
});
