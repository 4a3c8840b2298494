import assert from "node:assert/strict";
import fc from "fast-check";
import {
  createAdjRibOut,
  drain,
  formFor,
  resend,
  type RouteTerms,
} from "../../lib/bgp/adj_rib_out.ts";
import { createRib } from "../../lib/bgp/rib.ts";
import { encodeEndOfRib } from "../../lib/bgp/update.ts";
import { type Ip, ip6 } from "../../lib/net/ip.ts";
import { formatPrefix } from "../../lib/net/prefix.ts";
import { decode, described, texts } from "./vectors.ts";
import { hex } from "../../lib/bgp/notification.ts";
import { ip4 } from "../support/addresses.ts";

const TERMS: RouteTerms = {
  myAsn: 64500,
  ebgp: true,
  asnBytes: 4,
  maxLength: 4096,
  families: new Set([4, 6] as const),
  nextHop4: ip4(0x0a4d010b),
  nextHops6: [ip6(0xfd77n << 112n | 11n)],
  extendedNextHop: false,
};
const PLAIN = { localPref: 100, communities: [], largeCommunities: [] };

function host(ip: number | bigint) {
  const address: Ip = typeof ip === "number" ? ip4(0x0a000000 + ip) : ip6(ip);
  return { address, length: typeof ip === "number" ? 32 : 128 };
}

/** A peer that believes all it is told. */
function listener() {
  const table = new Map<string, string>();
  let messages = 0;
  return {
    table,
    count: () => messages,
    hear(all: readonly Uint8Array[]) {
      for (const bytes of all) {
        messages++;
        const update = decode(bytes, true);
        assert.ok(update.kind === "update");
        for (const one of texts(update.withdrawn)) {
          assert.ok(table.delete(one), `${one} was unknown`);
        }
        for (const one of update.attributes) {
          if (one.kind === "mp-unreach") texts(one.withdrawn).forEach((text) => table.delete(text));
        }
        const said = JSON.stringify(
          update.attributes.filter(({ kind }) => kind === "communities").map(described),
        );
        const reach = update.attributes.find((one) => one.kind === "mp-reach");
        for (const one of [...texts(update.nlri), ...reach ? texts(reach.nlri) : []]) {
          table.set(one, said);
        }
      }
    },
  };
}

Deno.test("attributes are MetalLB's: incomplete, our AS outside, local preference inside", () => {
  const outside = formFor(4, { ...PLAIN, communities: [0xffffff02] }, TERMS);
  assert.ok(typeof outside === "object");
  assert.equal(
    hex(outside.attributes),
    "40010102" + "40020602010000fbf4" + "4003040a4d010b" + "c00804ffffff02",
  );
  const inside = formFor(4, { ...PLAIN, largeCommunities: [[1, 2, 3]] }, { ...TERMS, ebgp: false });
  assert.ok(typeof inside === "object");
  assert.equal(
    hex(inside.attributes),
    "40010102" + "400200" + "4003040a4d010b" + "40050400000064" + "c0200c000000010000000200000003",
  );
  const old = formFor(4, PLAIN, { ...TERMS, asnBytes: 2 });
  assert.ok(typeof old === "object");
  assert.match(hex(old.attributes), /^400101024002040201fbf4/);
});

Deno.test("formFor() says why a peer does not hear a family", () => {
  assert.equal(formFor(6, PLAIN, { ...TERMS, families: new Set([4]) }), "family-not-agreed");
  assert.equal(formFor(6, PLAIN, { ...TERMS, nextHops6: [] }), "no-next-hop");
  assert.equal(formFor(4, PLAIN, { ...TERMS, nextHop4: undefined }), "no-next-hop");
  const byIp6 = formFor(4, PLAIN, { ...TERMS, nextHop4: undefined, extendedNextHop: true });
  assert.ok(typeof byIp6 === "object");
  assert.deepEqual(byIp6.mpNextHops, TERMS.nextHops6, "RFC 8950");
});

Deno.test("B6: one changed route of 10,000 is one message with one prefix, an equal one none", () => {
  const rib = createRib();
  const adj = createAdjRibOut();
  for (let index = 0; index < 10_000; index++) rib.set(host(index), PLAIN);
  resend(adj, rib);
  assert.ok(drain(adj, rib, TERMS, 20_000).messages.length <= 16);
  const changed = rib.set(host(77), { ...PLAIN, communities: [5] });
  assert.ok(changed);
  adj.pending.set(changed, false);
  const { messages } = drain(adj, rib, TERMS, 20_000);
  const [only, ...more] = messages.map((bytes) => decode(bytes));
  assert.ok(only?.kind === "update" && more.length === 0);
  assert.deepEqual(texts(only.nlri), ["10.0.0.77/32"]);
  adj.pending.set(changed, false);
  assert.deepEqual(drain(adj, rib, TERMS, 20_000).messages, []);
  for (let index = 0; index < 500; index++) {
    const gone = rib.set(host(index), undefined);
    if (gone) adj.pending.set(gone, false);
  }
  const withdrawals = drain(adj, rib, TERMS, 20_000);
  assert.deepEqual([withdrawals.messages.length, withdrawals.withdrawn], [1, 500]);
});

Deno.test("B14: the End-of-RIB comes once, after the whole table, however slowly it goes", () => {
  const rib = createRib();
  const adj = createAdjRibOut();
  for (let index = 0; index < 50; index++) rib.set(host(index), PLAIN);
  resend(adj, rib);
  adj.trailers = [encodeEndOfRib(4), encodeEndOfRib(6)];
  const parts = Array.from({ length: 10 }, () => drain(adj, rib, TERMS, 10).messages);
  assert.deepEqual(parts.map(({ length }) => length), [1, 1, 1, 1, 3, 0, 0, 0, 0, 0]);
  assert.deepEqual(parts[4]?.slice(1).map(hex), [encodeEndOfRib(4), encodeEndOfRib(6)].map(hex));
});

Deno.test("B7: what changes a hundred times while a peer is slow is told once, at its last value", () => {
  const rib = createRib();
  const adj = createAdjRibOut();
  for (let turn = 0; turn < 100; turn++) {
    for (let index = 0; index < 1000; index++) {
      const prefix = rib.set(host(index), { ...PLAIN, communities: [turn] });
      if (prefix) adj.pending.set(prefix, false);
    }
  }
  assert.equal(adj.pending.size, 1000);
  const { messages, announced } = drain(adj, rib, TERMS, 20_000);
  assert.deepEqual([messages.length <= 2, announced], [true, 1000]);
});

Deno.test("withdrawals go before new routes", () => {
  const rib = createRib();
  const adj = createAdjRibOut();
  const first = rib.set(host(1), PLAIN);
  resend(adj, rib);
  drain(adj, rib, TERMS, 10);
  rib.set(host(1), undefined);
  const second = rib.set(host(2), PLAIN);
  assert.ok(first && second);
  adj.pending.set(second, false).set(first, false);
  const [before, then] = drain(adj, rib, TERMS, 10).messages.map((bytes) => decode(bytes));
  assert.ok(before?.kind === "update" && then?.kind === "update");
  assert.deepEqual([texts(before.withdrawn), texts(then.nlri)], [["10.0.0.1/32"], ["10.0.0.2/32"]]);
});

Deno.test("a peer's table is the RIB after any sequence of changes, drains and refreshes", () => {
  const change = fc.record({
    ip: fc.oneof(fc.nat(15), fc.bigInt({ min: 1n, max: 8n })),
    community: fc.option(fc.nat(2), { nil: undefined }),
  });
  const action = fc.oneof(
    { weight: 8, arbitrary: change },
    fc.constant("drain" as const),
    fc.constant("refresh" as const),
  );
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 60 }),
      fc.integer({ min: 1, max: 5 }),
      (actions, limit) => {
        const rib = createRib();
        const adj = createAdjRibOut();
        const peer = listener();
        for (const one of actions) {
          if (one === "drain") peer.hear(drain(adj, rib, TERMS, limit).messages);
          else if (one === "refresh") resend(adj, rib, 4);
          else {
            const wanted = one.community === undefined
              ? undefined
              : { ...PLAIN, communities: [one.community] };
            const changed = rib.set(host(one.ip), wanted);
            if (changed && !adj.pending.has(changed)) adj.pending.set(changed, false);
          }
        }
        while (adj.pending.size > 0) peer.hear(drain(adj, rib, TERMS, limit).messages);
        const wanted = [...rib.routes.keys()].map(formatPrefix).sort();
        assert.deepEqual([...peer.table.keys()].sort(), wanted);
        for (const [prefix, { communities }] of rib.routes) {
          assert.match(
            peer.table.get(formatPrefix(prefix)) ?? "",
            new RegExp(`0:${communities[0]}"`),
          );
        }
        assert.equal(adj.sent.size, rib.routes.size);
      },
    ),
    { seed: 3, numRuns: 500 },
  );
});
