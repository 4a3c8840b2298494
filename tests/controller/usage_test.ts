import assert from "node:assert/strict";
import { createBook, hold } from "../../lib/controller/allocations.ts";
import { instant } from "../../lib/base/time.ts";
import { remember } from "../../lib/controller/sticky.ts";
import { serviceKey } from "../../lib/model/facts.ts";
import { poolUsage } from "../../lib/controller/usage.ts";
import { config, ips, pool, range, service } from "./fixture.ts";

Deno.test("poolUsage() counts a shared address once and each Service that holds it", () => {
  const book = createBook(config(
    pool("main", ["10.0.0.0/30", "10.1.0.1"], { reserved: [range("10.0.0.2-10.0.0.3")] }),
    pool("six", ["fd00::/64", "10.2.0.1"]),
  ));
  hold(book, service("a", { sharingKey: "k" }), "main", ips("10.0.0.1"));
  hold(book, service("b", { sharingKey: "k" }), "main", ips("10.0.0.1"));
  hold(book, service("c", { families: [4, 6] }), "six", ips("10.2.0.1", "fd00::1"));
  remember(book, {
    service: serviceKey("default", "gone"),
    pool: "main",
    ips: ips("10.0.0.0"),
    until: instant(1),
  });
  assert.deepEqual(poolUsage(book), [
    {
      pool: "main",
      addresses: 5n,
      addressesCapped: 5,
      inUse: 1,
      services: 2,
      kept: 1,
      reserved: 2,
    },
    {
      pool: "six",
      addresses: (1n << 64n) + 1n,
      addressesCapped: Number.MAX_SAFE_INTEGER,
      inUse: 2,
      services: 1,
      kept: 0,
      reserved: 0,
    },
  ]);
});
