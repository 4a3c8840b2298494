import assert from "node:assert/strict";
import fc from "fast-check";
import { packRoutes, packWithdrawals } from "../../lib/bgp/pack.ts";
import { ip6 } from "../../lib/net/ip.ts";
import type { Prefix } from "../../lib/net/prefix.ts";
import { bytesOf, decode, texts } from "./vectors.ts";
import { formatPrefix } from "../../lib/net/prefix.ts";
import { ip4 } from "../support/addresses.ts";

const COMMON = bytesOf("40010102" + "40020602010000fbf4");
const PLAIN = bytesOf("40010102" + "40020602010000fbf4" + "4003040a000001");
const HOP6 = ip6(0xfd00n << 112n | 1n);

function hosts(family: 4 | 6, count: number): Prefix[] {
  return Array.from(
    { length: count },
    (_, index) =>
      family === 4
        ? { address: ip4(0x0a000000 + index), length: 32 }
        : { address: ip6((0x2001n << 112n) + BigInt(index)), length: 128 },
  );
}

/** All prefixes that messages tell, and all that they withdraw. */
function told(messages: readonly Uint8Array[]): { routes: string[]; withdrawn: string[] } {
  const routes: string[] = [];
  const withdrawn: string[] = [];
  for (const bytes of messages) {
    const update = decode(bytes);
    assert.ok(update.kind === "update");
    assert.deepEqual(update.mistakes, []);
    routes.push(...texts(update.nlri));
    withdrawn.push(...texts(update.withdrawn));
    for (const one of update.attributes) {
      if (one.kind === "mp-reach") routes.push(...texts(one.nlri));
      if (one.kind === "mp-unreach") withdrawn.push(...texts(one.withdrawn));
    }
  }
  return { routes, withdrawn };
}

Deno.test("B5: 10,000 IPv4 hosts fit in 16 messages, 10,000 IPv6 hosts in 48, none above 4,096 bytes", () => {
  const four = packRoutes(
    { family: 4, attributes: PLAIN, mpNextHops: undefined },
    hosts(4, 10_000),
    4096,
  );
  assert.ok(four.length <= 16, `${four.length}`);
  const six = packRoutes(
    { family: 6, attributes: COMMON, mpNextHops: [HOP6] },
    hosts(6, 10_000),
    4096,
  );
  assert.ok(six.length <= 48, `${six.length}`);
  for (const bytes of [...four, ...six]) assert.ok(bytes.length <= 4096);
  assert.equal(told(four).routes.length, 10_000);
  assert.equal(told(six).routes.length, 10_000);
});

Deno.test("packed routes and withdrawals say all prefixes in order, whatever the size of messages", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(4 as const, 6 as const),
      fc.boolean(),
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 110, max: 4096 }),
      (family, mp, count, maxLength) => {
        const prefixes = hosts(family, count);
        const byMp = mp || family === 6;
        const form = {
          family,
          attributes: byMp ? COMMON : PLAIN,
          mpNextHops: byMp ? [HOP6] : undefined,
        };
        const routes = packRoutes(form, prefixes, maxLength);
        const gone = packWithdrawals(family, prefixes, maxLength, byMp);
        const wanted = prefixes.map(formatPrefix);
        assert.deepEqual(told(routes), { routes: wanted, withdrawn: [] });
        assert.deepEqual(told(gone), { routes: [], withdrawn: wanted });
        for (const bytes of [...routes, ...gone]) assert.ok(bytes.length <= maxLength);
      },
    ),
    { seed: 11, numRuns: 300 },
  );
});

Deno.test("no prefixes make no message", () => {
  assert.deepEqual(packWithdrawals(4, [], 4096), []);
  assert.deepEqual(packRoutes({ family: 6, attributes: COMMON, mpNextHops: [HOP6] }, [], 4096), []);
});
