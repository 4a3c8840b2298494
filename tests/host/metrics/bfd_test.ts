import assert from "node:assert/strict";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";

Deno.test("a BFD session's counts stand under MetalLB's names, replaced and not added, until it ends", async () => {
  const { bfd, registry } = createMetrics();
  const counts = {
    key: "10.0.0.1:179",
    controlPacketsInput: 7,
    controlPacketsOutput: 8,
    upEvents: 1,
    downEvents: 0,
    dropped: { "low-ttl": 2 },
  };
  bfd.sessionUp.set({ peer: counts.key }, 1);
  bfd.set(counts);
  bfd.set(counts);
  const text = await registry.metrics();
  for (
    const line of [
      'metallb_bfd_session_up{peer="10.0.0.1:179"} 1',
      'metallb_bfd_control_packet_input{peer="10.0.0.1:179"} 7',
      'metallb_bfd_control_packet_output{peer="10.0.0.1:179"} 8',
      'metallb_bfd_session_up_events{peer="10.0.0.1:179"} 1',
      'metallb_bfd_session_down_events{peer="10.0.0.1:179"} 0',
      'herald_bfd_packets_dropped_total{peer="10.0.0.1:179",reason="low-ttl"} 2',
    ]
  ) assert.ok(text.includes(line), line);
  bfd.remove(counts.key);
  assert.ok(!(await registry.metrics()).includes("10.0.0.1:179"));
});
