import assert from "node:assert/strict";
import { virtualClock } from "../../support/clock.ts";
import { instant } from "../../../lib/base/time.ts";
import { createBook, hold } from "../../../lib/controller/allocations.ts";
import { remember } from "../../../lib/controller/sticky.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import { createPoolMetrics } from "../../../lib/host/controller/pools.ts";
import { serviceKey } from "../../../lib/model/facts.ts";
import { config, ips, pool, range, service } from "../../controller/fixture.ts";

const MINUTE = 60_000;

Deno.test("createPoolMetrics() shows use, what is kept and reserved, and when a pool will be full", async () => {
  const metrics = createMetrics();
  const clock = virtualClock();
  const pools = createPoolMetrics(metrics, clock);
  const reserved = [range("10.0.0.250-10.0.0.255")];
  const book = createBook(config(pool("main", "10.0.0.0/24", { reserved, stickyMs: 1 })));
  for (let minute = 0; minute <= 20; minute++) {
    if (minute > 0) clock.advance(MINUTE);
    hold(book, service(`s${minute}`), "main", ips(`10.0.0.${minute}`));
    pools.note(book);
  }
  remember(book, {
    service: serviceKey("default", "gone"),
    pool: "main",
    ips: ips("10.0.0.99"),
    until: instant(clock.now() + 1),
  });
  const [found] = pools.read(book);
  assert.deepEqual([found?.inUse, found?.kept, found?.reserved], [21, 1, 6]);
  assert.equal(Math.round((found?.fullInMs ?? 0) / MINUTE), 256 - 21);
  pools.show(book);
  const text = await metrics.registry.metrics();
  assert.match(text, /^metallb_allocator_addresses_in_use_total\{pool="main"\} 21$/m);
  assert.match(text, /^herald_pool_addresses_kept\{pool="main"\} 1$/m);
  assert.match(text, /^herald_pool_addresses_reserved\{pool="main"\} 6$/m);
  assert.match(text, /^herald_pool_full_in_seconds\{pool="main"\} 141\d\d/m);
});

Deno.test("createPoolMetrics() shows nothing of a controller that does not lead", async () => {
  const metrics = createMetrics();
  const pools = createPoolMetrics(metrics, virtualClock());
  pools.show(createBook(config(pool("main", "10.0.0.0/24"))));
  pools.show(undefined);
  assert.doesNotMatch(await metrics.registry.metrics(), /pool="main"/);
});
