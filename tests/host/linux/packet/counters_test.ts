import assert from "node:assert/strict";
import { exportCounters } from "../../../../lib/host/linux/packet/counters.ts";
import type { FrameDropReason } from "../../../../lib/host/linux/packet/socket_responder.ts";
import { createMetrics } from "../../../../lib/host/metrics/metrics.ts";
import type { Ip } from "../../../../lib/net/ip.ts";
import { ip4 } from "../../../support/addresses.ts";
import { fakeOutlets } from "./fake_outlets.ts";

const ONE = ip4(0x0a4d01dc);
const TWO = ip4(0x0a4d01dd);

Deno.test("exportCounters() adds what the kernel answered, and takes the place of the last export", async () => {
  const metrics = createMetrics();
  const { responder } = fakeOutlets();
  const counted = {
    ...responder,
    counters: (ip: Ip) =>
      ip === ONE
        ? { requests: 7, replies: 5, gratuitous: 2 }
        : { requests: 0, replies: 0, gratuitous: 0 },
    drops: () => new Map<FrameDropReason, number>([["not-owned", 3], ["stale", 0]]),
    foreignSenders: () => 4,
  };
  const inKernel = (ip: Ip) => ip === ONE ? 10 : 1;
  exportCounters(counted, inKernel, metrics, [ONE]);
  exportCounters(counted, inKernel, metrics, [ONE, TWO]);
  const text = await metrics.registry.metrics();
  const lines = text.split("\n").filter((line) => /layer2_(req|res|gra|fra|for)/.test(line))
    .filter((line) => !line.startsWith("#"));
  assert.deepEqual(lines.map((line) => line.replace(/^metallb_|^herald_/, "")), [
    'layer2_requests_received{ip="10.77.1.220"} 17',
    'layer2_requests_received{ip="10.77.1.221"} 1',
    'layer2_responses_sent{ip="10.77.1.220"} 15',
    'layer2_responses_sent{ip="10.77.1.221"} 1',
    'layer2_gratuitous_sent{ip="10.77.1.220"} 2',
    'layer2_gratuitous_sent{ip="10.77.1.221"} 0',
    'layer2_frames_dropped_total{reason="not-owned"} 3',
    'layer2_frames_dropped_total{reason="stale"} 0',
    "layer2_foreign_senders_total 4",
  ]);
  exportCounters(counted, inKernel, metrics, []);
  assert.doesNotMatch(await metrics.registry.metrics(), /requests_received\{/);
});
