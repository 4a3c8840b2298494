import { type BfdMetrics, createBfdMetrics } from "./bfd.ts";
import { type BgpMetrics, createBgpMetrics } from "./bgp.ts";
import { declareIn } from "./declare.ts";
import { createHealthMetrics, type HealthMetrics } from "./health.ts";
import { createGossipMetrics, type GossipMetrics } from "./gossip.ts";
import { createHttpMetrics, type HttpMetrics } from "./http.ts";
import { createProcessMetrics, type ProcessMetrics } from "./process.ts";
import { createSpeakerMetrics, type SpeakerMetrics } from "./speaker.ts";
import { type Counter, type Gauge, type Histogram, Registry } from "prom-client";

/** Every metric of Herald, declared once; MetalLB's names where it has one. */
export interface Metrics {
  readonly registry: Registry;
  readonly config: {
    readonly loaded: Gauge;
    readonly stale: Gauge;
    readonly rejected: Counter;
  };
  readonly leader: Gauge;
  readonly leaderTransitions: Counter;
  readonly electionRefused: Gauge;
  /** Called before each scrape: asks whether the Lease is refused. */
  onScrapeElection: (() => void) | undefined;
  readonly updates: Counter;
  readonly updateErrors: Counter;
  readonly allocator: {
    readonly addresses: Gauge<"pool">;
    readonly inUse: Gauge<"pool">;
    readonly services: Gauge<"pool">;
    readonly waiting: Gauge;
    readonly kept: Gauge<"pool">;
    readonly reserved: Gauge<"pool">;
    readonly fullIn: Gauge<"pool">;
    readonly statusWrites: Counter<"outcome">;
    readonly statusRestored: Counter;
    readonly allocation: Histogram;
    readonly statusWrite: Histogram;
    /** Called before each scrape: counts the pools' addresses, which would cost each change more. */
    onScrape: (() => void) | undefined;
  };
  readonly layer2: {
    readonly announced: Gauge<"service" | "protocol" | "node" | "ip">;
    readonly requests: Counter<"ip">;
    readonly responses: Counter<"ip">;
    readonly gratuitous: Counter<"ip">;
    readonly dropped: Counter<"reason">;
    readonly foreignSenders: Counter;
    readonly interfaces: Gauge;
    readonly conflicts: Counter<"kind">;
    /** Called before each scrape: brings the counters of shared memory up to date. */
    onScrape: (() => void) | undefined;
  };
  readonly bgp: BgpMetrics;
  readonly bfd: BfdMetrics;
  readonly gossip: GossipMetrics;
  readonly health: HealthMetrics;
  readonly http: HttpMetrics;
  readonly process: ProcessMetrics;
  readonly speaker: SpeakerMetrics;
}

/** Seconds: from a plan of one Service to a write that waits for a slow API server. */
const LATENCY_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/** Makes the metrics of one process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const { counter, gauge, histogram } = declareIn(registry);
  const latency = (name: string, help: string) => histogram(name, help, LATENCY_BUCKETS);
  const layer2: Metrics["layer2"] = {
    announced: gauge(
      "metallb_speaker_announced",
      "Addresses this node answers for, or of which a BGP peer was told",
      [
        "service",
        "protocol",
        "node",
        "ip",
      ],
    ),
    requests: counter(
      "metallb_layer2_requests_received",
      "ARP requests and neighbour solicitations received for an announced address",
      ["ip"],
      () => layer2.onScrape?.(),
    ),
    responses: counter(
      "metallb_layer2_responses_sent",
      "ARP replies and neighbour advertisements sent for an address",
      ["ip"],
    ),
    gratuitous: counter(
      "metallb_layer2_gratuitous_sent",
      "Gratuitous ARP frames and unsolicited advertisements sent",
      ["ip"],
    ),
    dropped: counter("herald_layer2_frames_dropped_total", "Frames not answered, by reason", [
      "reason",
    ]),
    foreignSenders: counter(
      "herald_layer2_foreign_senders_total",
      "Requests answered whose Ethernet source is not their ARP sender",
    ),
    interfaces: gauge("herald_layer2_interfaces", "Interfaces that answer ARP and NDP"),
    conflicts: counter(
      "herald_layer2_conflicts_total",
      "Frames in which another host (conflict) or a fellow speaker (split) has our address",
      ["kind"],
    ),
    onScrape: undefined,
  };
  // What first appears with a value shows no rise to who asks for one.
  for (const kind of ["conflict", "split"]) layer2.conflicts.inc({ kind }, 0);
  const allocator: Metrics["allocator"] = {
    addresses: gauge(
      "metallb_allocator_addresses_total",
      "Addresses in a pool",
      ["pool"],
      () => allocator.onScrape?.(),
    ),
    inUse: gauge("metallb_allocator_addresses_in_use_total", "Addresses given out", ["pool"]),
    services: gauge("metallb_allocator_services_allocated_total", "Services served", ["pool"]),
    waiting: gauge("herald_allocator_services_waiting", "Services that found no address"),
    kept: gauge("herald_pool_addresses_kept", "Addresses kept for deleted Services", ["pool"]),
    reserved: gauge("herald_pool_addresses_reserved", "Addresses given only to who asks for them", [
      "pool",
    ]),
    fullIn: gauge(
      "herald_pool_full_in_seconds",
      "Until the pool is full if its use goes on as in the last day; +Inf while it does not grow",
      ["pool"],
    ),
    statusWrites: counter("herald_status_writes_total", "Writes of Service statuses", ["outcome"]),
    statusRestored: counter(
      "herald_status_restored_total",
      "Writes of a Service status that somebody else had written over",
    ),
    allocation: latency(
      "herald_allocation_seconds",
      "From a Service seen that needs an address to the decision, be it a refusal",
    ),
    statusWrite: latency(
      "herald_status_write_seconds",
      "One write of a Service's status, from the request to the answer",
    ),
    onScrape: undefined,
  };
  const metrics: Metrics = {
    registry,
    config: {
      loaded: gauge("metallb_k8s_client_config_loaded_bool", "1 once a configuration was loaded"),
      stale: gauge(
        "metallb_k8s_client_config_stale_bool",
        "1 while an older configuration is in force because the newest was rejected",
      ),
      rejected: counter("herald_config_rejected_total", "Configurations rejected"),
    },
    leader: gauge("herald_leader", "1 while this controller may give out addresses"),
    leaderTransitions: counter(
      "herald_leader_transitions_total",
      "How often this controller began or ceased to lead",
    ),
    electionRefused: gauge(
      "herald_leader_election_refused",
      "1 while the API server refuses the Lease by which controllers elect their leader",
      [],
      () => metrics.onScrapeElection?.(),
    ),
    onScrapeElection: undefined,
    updates: counter("metallb_k8s_client_updates_total", "Kubernetes objects processed"),
    updateErrors: counter("metallb_k8s_client_update_errors_total", "Objects that failed"),
    allocator,
    layer2,
    bgp: createBgpMetrics(registry),
    bfd: createBfdMetrics(registry),
    gossip: createGossipMetrics(registry),
    health: createHealthMetrics(registry),
    http: createHttpMetrics(registry),
    process: createProcessMetrics(registry),
    speaker: createSpeakerMetrics(registry),
  };
  return metrics;
}
