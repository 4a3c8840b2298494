import assert from "node:assert/strict";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";

Deno.test("a peer stands in MetalLB's BGP metrics from the start, and goes when it is removed", async () => {
  const { bgp, registry } = createMetrics();
  bgp.open("10.0.0.1:179");
  const text = await registry.metrics();
  for (
    const name of [
      "session_up",
      "updates_total",
      "announced_prefixes_total",
      "pending_prefixes_total",
      "opens_sent",
      "opens_received",
      "notifications_sent",
      "update_total_received",
      "keepalives_sent",
      "keepalives_received",
      "route_refresh_sent",
      "total_sent",
      "total_received",
    ]
  ) assert.ok(text.includes(`metallb_bgp_${name}{peer="10.0.0.1:179"} 0`), name);
  bgp.messageSent("10.0.0.1:179", "update", 3);
  bgp.messageReceived("10.0.0.1:179", "keepalive");
  const then = await registry.metrics();
  assert.match(then, /metallb_bgp_total_sent\{peer="10.0.0.1:179"\} 3/);
  assert.match(then, /metallb_bgp_keepalives_received\{peer="10.0.0.1:179"\} 1/);
  bgp.close("10.0.0.1:179");
  assert.ok(!(await registry.metrics()).includes("10.0.0.1:179"));
});
