import assert from "node:assert/strict";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";

/** MetalLB's names with its types and labels; dashboards and alerts rest on them. */
const METALLB: readonly (readonly [name: string, type: string, ...labels: string[]])[] = [
  ["metallb_allocator_addresses_total", "gauge", "pool"],
  ["metallb_allocator_addresses_in_use_total", "gauge", "pool"],
  ["metallb_allocator_services_allocated_total", "gauge", "pool"],
  ["metallb_k8s_client_updates_total", "counter"],
  ["metallb_k8s_client_update_errors_total", "counter"],
  ["metallb_k8s_client_config_loaded_bool", "gauge"],
  ["metallb_k8s_client_config_stale_bool", "gauge"],
  ["metallb_speaker_announced", "gauge", "service", "protocol", "node", "ip"],
  ["metallb_layer2_requests_received", "counter", "ip"],
  ["metallb_layer2_responses_sent", "counter", "ip"],
  ["metallb_layer2_gratuitous_sent", "counter", "ip"],
  ["metallb_bgp_session_up", "gauge", "peer"],
  ["metallb_bgp_updates_total", "counter", "peer"],
  ["metallb_bgp_announced_prefixes_total", "gauge", "peer"],
  ["metallb_bgp_pending_prefixes_total", "gauge", "peer"],
  ["metallb_bgp_opens_sent", "counter", "peer"],
  ["metallb_bgp_opens_received", "counter", "peer"],
  ["metallb_bgp_notifications_sent", "counter", "peer"],
  ["metallb_bgp_update_total_received", "counter", "peer"],
  ["metallb_bgp_keepalives_sent", "counter", "peer"],
  ["metallb_bgp_keepalives_received", "counter", "peer"],
  ["metallb_bgp_route_refresh_sent", "counter", "peer"],
  ["metallb_bgp_total_sent", "counter", "peer"],
  ["metallb_bgp_total_received", "counter", "peer"],
  ["metallb_bfd_session_up", "gauge", "peer"],
  ["metallb_bfd_control_packet_input", "counter", "peer"],
  ["metallb_bfd_control_packet_output", "counter", "peer"],
  ["metallb_bfd_session_up_events", "counter", "peer"],
  ["metallb_bfd_session_down_events", "counter", "peer"],
];

Deno.test("createMetrics() declares MetalLB's metrics by name, type and labels", async () => {
  const { registry, allocator, layer2, bgp, bfd } = createMetrics();
  // A metric shows its labels only with a value.
  for (const one of [allocator.addresses, allocator.inUse, allocator.services]) {
    one.set({ pool: "p" }, 1);
  }
  for (const one of [layer2.requests, layer2.responses, layer2.gratuitous]) {
    one.inc({ ip: "10.77.1.220" });
  }
  bgp.open("10.0.0.1:179");
  bfd.sessionUp.set({ peer: "10.0.0.1:179" }, 1);
  bfd.set({
    key: "10.0.0.1:179",
    controlPacketsInput: 1,
    controlPacketsOutput: 1,
    upEvents: 1,
    downEvents: 0,
    dropped: {},
  });
  layer2.announced.set({ service: "a/b", protocol: "layer2", node: "n", ip: "10.77.1.220" }, 1);
  const found = new Map((await registry.getMetricsAsJSON()).map((metric) => [metric.name, metric]));
  for (const [name, type, ...labels] of METALLB) {
    const metric = found.get(name);
    assert.ok(metric, name);
    assert.equal(metric.type, type, name);
    assert.deepEqual(Object.keys(metric.values[0]?.labels ?? {}), labels, name);
  }
});

Deno.test("createMetrics() names everything else herald_, or process_ as all do, with a help text", async () => {
  const names = new Set(METALLB.map(([name]) => name));
  for (const { name, help } of await createMetrics().registry.getMetricsAsJSON()) {
    assert.ok(names.has(name) || /^(herald|process)_/.test(name), name);
    assert.ok(help.length > 5, name);
  }
});

Deno.test("createMetrics() asks for shared memory's counters once, before it shows any", async () => {
  const { registry, layer2 } = createMetrics();
  let scrapes = 0;
  layer2.onScrape = () => {
    scrapes++;
    for (const one of [layer2.requests, layer2.responses, layer2.gratuitous]) {
      one.reset();
      one.inc({ ip: "10.77.1.220" }, 10 * scrapes);
    }
    layer2.dropped.reset();
    layer2.dropped.inc({ reason: "not-owned" }, scrapes);
  };
  for (const scrape of [1, 2]) {
    const text = await registry.metrics();
    assert.equal(scrapes, scrape);
    for (const name of ["requests_received", "responses_sent", "gratuitous_sent"]) {
      const line = `metallb_layer2_${name}{ip="10.77.1.220"} ${10 * scrape}\n`;
      assert.ok(text.includes(line), line);
    }
    assert.ok(text.includes(`herald_layer2_frames_dropped_total{reason="not-owned"} ${scrape}\n`));
  }
});

Deno.test("createMetrics() escapes what came from outside", async () => {
  const { registry, allocator } = createMetrics();
  allocator.addresses.set({ pool: 'a"b\\c\nd' }, 1);
  assert.match(await registry.metrics(), /\{pool="a\\"b\\\\c\\nd"\} 1\n/);
});

Deno.test("createMetrics() gives each process its own", async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.updates.inc();
  assert.match(await one.registry.metrics(), /^metallb_k8s_client_updates_total 1$/m);
  assert.match(await other.registry.metrics(), /^metallb_k8s_client_updates_total 0$/m);
});
