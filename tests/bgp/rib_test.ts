import assert from "node:assert/strict";
import { createRib } from "../../lib/bgp/rib.ts";
import { ip6 } from "../../lib/net/ip.ts";
import { ip4 } from "../support/addresses.ts";

const ATTRIBUTES = { localPref: 0, communities: [1], largeCommunities: [] };
const prefix = (last: number) => ({ address: ip4(0x0a000000 + last), length: 32 });

Deno.test("set() tells of changes only, and keeps equal attributes and prefixes as one object", () => {
  const rib = createRib();
  const first = rib.set(prefix(1), ATTRIBUTES);
  assert.ok(first);
  assert.equal(rib.set(prefix(1), { ...ATTRIBUTES, communities: [1] }), undefined);
  const second = rib.set(prefix(2), { ...ATTRIBUTES });
  assert.ok(second);
  assert.equal(rib.routes.get(first), rib.routes.get(second));
  assert.equal(rib.set(prefix(1), { ...ATTRIBUTES, localPref: 5 }), first);
  assert.equal(rib.set(prefix(1), undefined), first);
  assert.equal(rib.set(prefix(1), undefined), undefined);
  assert.equal(rib.interned(prefix(1)), first, "withdrawn, and known to peers as sent");
  assert.equal(rib.set(prefix(1), ATTRIBUTES), first, "one that comes back is the same object");
  assert.equal(rib.interned(prefix(3)), undefined);
});

Deno.test("every address and length is a route of its own", () => {
  const rib = createRib();
  for (const length of [0, 31, 32]) rib.set({ address: ip4(0), length }, ATTRIBUTES);
  for (const address of [0n, 1n, 1n << 100n]) {
    rib.set({ address: ip6(address), length: 64 }, ATTRIBUTES);
  }
  rib.set({ address: ip4(1), length: 0 }, ATTRIBUTES);
  assert.equal(rib.routes.size, 7);
});
