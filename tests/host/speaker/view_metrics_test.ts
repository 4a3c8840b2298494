import assert from "node:assert/strict";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import { showView } from "../../../lib/host/speaker/view_metrics.ts";
import type { PodFacts } from "../../../lib/model/facts.ts";
import { layer2Plan } from "./parts.ts";

const PODS = new Map<string, PodFacts>(
  ["node1", "node2", undefined].map((nodeName, at) => {
    const key = `metallb-system/speaker-${at}`;
    return [key, {
      key,
      nodeName,
      ip: undefined,
      pagePort: undefined,
      pageTls: false,
      ready: at === 0,
    }];
  }),
);
const NODES = new Map(["node1", "node2", "node3"].map((name) => [name, {} as never]));

async function shown(
  pods: ReadonlyMap<string, PodFacts> | undefined,
  live: ReadonlySet<string> | undefined,
  ...silent: ("no-candidate" | "no-ready-endpoint" | undefined)[]
): Promise<string[]> {
  const metrics = createMetrics();
  const plans = silent.map((reason, at) => ({
    ...layer2Plan(`10.77.1.${at + 1}`, "node1"),
    silent: reason,
  }));
  const facts = { nodes: () => NODES, pods: () => pods, readyPods: () => undefined };
  const byIp = new Map(plans.map((plan) => [plan.ip, plan]));
  showView({ facts, fellows: { live: () => live }, plans: { plans: byIp } }, metrics.speaker);
  return (await metrics.registry.metrics()).split("\n");
}

Deno.test("showView() expects a speaker wherever there is a pod of one, and all nodes where no pod tells", async () => {
  const live = new Set(["node1", "elsewhere"]);
  const withPods = await shown(PODS, live);
  assert.ok(withPods.includes("herald_speakers_expected 2"));
  assert.ok(withPods.includes("herald_speakers_live 1"));
  for (const pods of [undefined, new Map()]) {
    const without = await shown(pods, live);
    assert.ok(without.includes("herald_speakers_expected 3"));
    assert.ok(without.includes("herald_speakers_live 1"));
  }
});

Deno.test("showView() takes every node for live where nothing tells of the speakers", async () => {
  const lines = await shown(undefined, undefined);
  assert.ok(lines.includes("herald_speakers_live 3"));
});

Deno.test("showView() counts the addresses that nobody announces by reason, each from zero", async () => {
  const lines = await shown(PODS, new Set(), "no-candidate", undefined, "no-candidate");
  for (
    const [reason, count] of [
      ["no-candidate", 2],
      ["no-ready-endpoint", 0],
      ["no-advertisement", 0],
      ["not-in-pool", 0],
    ]
  ) assert.ok(lines.includes(`herald_addresses_without_owner{reason="${reason}"} ${count}`));
});
