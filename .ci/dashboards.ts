// Writes the dashboards of deploy/grafana. usage: dashboards.ts
// Grafana imports them as they are; it asks which Prometheus to read (`datasource`).

const FOLDER = new URL("../deploy/grafana/", import.meta.url);
const SOURCE = { type: "prometheus", uid: "${datasource}" };
const COLUMNS = 24;

/** What is asked of Prometheus, and how a series is called. */
type Query = readonly [expr: string, legend: string];

interface Panel {
  readonly title: string;
  readonly description: string;
  readonly type: "timeseries" | "stat" | "table" | "bargauge";
  readonly queries: readonly Query[];
  readonly unit?: string;
  /** Value from which the colour is yellow, and red. */
  readonly thresholds?: readonly [warn: number, bad: number];
  /** Of the 24 columns. */
  readonly width?: number;
}

type Row = readonly [title: string, panels: readonly Panel[]];

const AT = 'cluster=~"$cluster",namespace=~"$namespace"';
const BY = "by (cluster, namespace, pool)";

const POOLS: readonly Row[] = [
  ["Now", [
    {
      title: "Used of each pool",
      description: "Share of the addresses that are given out.",
      type: "bargauge",
      queries: [[
        `100 * max ${BY} (metallb_allocator_addresses_in_use_total{${AT},pool=~"$pool"}) / ` +
        `max ${BY} (metallb_allocator_addresses_total{${AT},pool=~"$pool"})`,
        "{{namespace}} {{pool}}",
      ]],
      unit: "percent",
      thresholds: [75, 95],
    },
    {
      title: "Full in",
      description: "If the use goes on as in the last day; nothing while a pool does not grow.",
      type: "table",
      queries: [[
        `max ${BY} (herald_pool_full_in_seconds{${AT},pool=~"$pool"}) < 365 * 24 * 3600`,
        "{{namespace}} {{pool}}",
      ]],
      unit: "s",
    },
    {
      title: "Services without address",
      description: "They found none: see the events AllocationFailed.",
      type: "stat",
      queries: [[
        `sum(max by (cluster, namespace) (herald_allocator_services_waiting{${AT}}))`,
        "waiting",
      ]],
      thresholds: [1, 5],
    },
  ]],
  ["Course", [
    {
      title: "Addresses in use",
      description: "Given out, with the size of the pool.",
      type: "timeseries",
      queries: [
        [
          `max ${BY} (metallb_allocator_addresses_in_use_total{${AT},pool=~"$pool"})`,
          "{{namespace}} {{pool}}",
        ],
        [
          `max ${BY} (metallb_allocator_addresses_total{${AT},pool=~"$pool"})`,
          "{{namespace}} {{pool}}: size",
        ],
      ],
      width: 12,
    },
    {
      title: "Kept and reserved",
      description: "Addresses that wait for deleted Services, and those given only when asked for.",
      type: "timeseries",
      queries: [
        [
          `max ${BY} (herald_pool_addresses_kept{${AT},pool=~"$pool"})`,
          "{{namespace}} {{pool}}: kept",
        ],
        [
          `max ${BY} (herald_pool_addresses_reserved{${AT},pool=~"$pool"})`,
          "{{namespace}} {{pool}}: reserved",
        ],
      ],
      width: 12,
    },
    {
      title: "Services of each pool",
      description: "Those that have an address of it; several may share one.",
      type: "timeseries",
      queries: [[
        `max ${BY} (metallb_allocator_services_allocated_total{${AT},pool=~"$pool"})`,
        "{{namespace}} {{pool}}",
      ]],
      width: 12,
    },
    {
      title: "Until a pool is full",
      description: "The forecast, as it was at each time.",
      type: "timeseries",
      queries: [[
        `max ${BY} (herald_pool_full_in_seconds{${AT},pool=~"$pool"}) < 365 * 24 * 3600`,
        "{{namespace}} {{pool}}",
      ]],
      unit: "s",
      width: 12,
    },
  ]],
  ["Controllers", [
    {
      title: "Leader",
      description: "1 for the controller that gives out addresses; it should be one.",
      type: "timeseries",
      queries: [[
        `herald_leader{${AT}} and on (job, instance) herald_build_info{role!="speaker"}`,
        "{{instance}}",
      ]],
    },
    {
      title: "From Service to decision",
      description: "99 of 100 take no longer.",
      type: "timeseries",
      queries: [[
        `histogram_quantile(0.99, sum by (le) (rate(herald_allocation_seconds_bucket{${AT}}[$__rate_interval])))`,
        "99 %",
      ]],
      unit: "s",
    },
    {
      title: "Writes of statuses",
      description: "A second, by what became of them.",
      type: "timeseries",
      queries: [[
        `sum by (outcome) (rate(herald_status_writes_total{${AT}}[$__rate_interval]))`,
        "{{outcome}}",
      ]],
      unit: "ops",
    },
    {
      title: "One write",
      description: "From the request to the API server's answer, 99 of 100.",
      type: "timeseries",
      queries: [[
        `histogram_quantile(0.99, sum by (le) (rate(herald_status_write_seconds_bucket{${AT}}[$__rate_interval])))`,
        "99 %",
      ]],
      unit: "s",
    },
    {
      title: "Configuration",
      description: "Processes that go on with an older one, and those that have none.",
      type: "timeseries",
      queries: [
        [`sum(metallb_k8s_client_config_stale_bool{${AT}})`, "stale"],
        [`count(metallb_k8s_client_config_loaded_bool{${AT}} == 0) or vector(0)`, "none"],
      ],
    },
    {
      title: "Memory",
      description: "What each process occupies.",
      type: "timeseries",
      queries: [[
        `process_resident_memory_bytes{${AT}} and on (job, instance) herald_build_info`,
        "{{instance}}",
      ]],
      unit: "bytes",
    },
  ]],
];

const ANNOUNCEMENTS: readonly Row[] = [
  ["Now", [
    {
      title: "Speakers missing",
      description: "Nodes that are to have a speaker and have none that lives and can announce.",
      type: "stat",
      queries: [[
        `max(herald_speakers_expected{${AT}} - herald_speakers_live{${AT}})`,
        "missing",
      ]],
      thresholds: [1, 2],
      width: 6,
    },
    {
      title: "Addresses without owner",
      description: "No node is to announce them, by why.",
      type: "stat",
      queries: [[
        `max by (reason) (herald_addresses_without_owner{${AT}})`,
        "{{reason}}",
      ]],
      thresholds: [1, 1],
      width: 12,
    },
    {
      title: "Conflicts in an hour",
      description: "Frames in which another host has an address of Herald's.",
      type: "stat",
      queries: [[
        `sum(increase(herald_layer2_conflicts_total{${AT},kind="conflict"}[1h]))`,
        "conflicts",
      ]],
      thresholds: [1, 1],
      width: 6,
    },
    {
      title: "Who announces what",
      description: "Each address with its Service and node.",
      type: "table",
      queries: [[
        `max by (ip, service, node, protocol) (metallb_speaker_announced{${AT}})`,
        "{{ip}} {{service}} {{node}} {{protocol}}",
      ]],
      width: 24,
    },
  ]],
  ["Layer 2", [
    {
      title: "Addresses of each node",
      description: "How they are spread; a step is a failover or a handover.",
      type: "timeseries",
      queries: [[
        `count by (node) (count by (node, ip) (metallb_speaker_announced{${AT},protocol="layer2"}))`,
        "{{node}}",
      ]],
    },
    {
      title: "Handovers",
      description: "Addresses that nodes claimed and released in a minute.",
      type: "timeseries",
      queries: [[
        `sum by (outcome) (60 * rate(herald_layer2_handovers_total{${AT}}[$__rate_interval]))`,
        "{{outcome}}",
      ]],
    },
    {
      title: "Speakers missed",
      description: "Times that heartbeats of another stayed away, in a minute.",
      type: "timeseries",
      queries: [[
        `sum by (instance) (60 * rate(herald_heartbeat_downs_total{${AT}}[$__rate_interval]))`,
        "{{instance}}",
      ]],
    },
    {
      title: "Silence before a speaker was given up",
      description: "Half of them, and 99 of 100: what a failover waits for.",
      type: "timeseries",
      queries: [0.5, 0.99].map((share): Query => [
        `histogram_quantile(${share}, sum by (le) (rate(herald_heartbeat_silence_seconds_bucket{${AT}}[1h])))`,
        `${100 * share} %`,
      ]),
      unit: "s",
    },
    {
      title: "Requests and replies",
      description: "ARP requests and neighbour solicitations for announced addresses, and answers.",
      type: "timeseries",
      queries: [
        [
          `sum(rate(metallb_layer2_requests_received{${AT}}[$__rate_interval]))`,
          "requests",
        ],
        [`sum(rate(metallb_layer2_responses_sent{${AT}}[$__rate_interval]))`, "replies"],
        [`sum(rate(metallb_layer2_gratuitous_sent{${AT}}[$__rate_interval]))`, "gratuitous"],
      ],
      unit: "pps",
    },
    {
      title: "Conflicts",
      description: "Frames in which another host, or a fellow speaker (split), has our address.",
      type: "timeseries",
      queries: [[
        `sum by (instance, kind) (increase(herald_layer2_conflicts_total{${AT}}[$__rate_interval]))`,
        "{{instance}} {{kind}}",
      ]],
      thresholds: [1, 1],
    },
    {
      title: "Speakers, as each sees them",
      description: "Members of the gossip, and those whose heartbeat is heard (without itself).",
      type: "timeseries",
      queries: [
        [`herald_gossip_members{${AT}} > 0`, "{{instance}}: gossip"],
        [`herald_heartbeat_peers_up{${AT}} > 0`, "{{instance}}: heartbeat"],
      ],
    },
    {
      title: "Pauses",
      description: "Times that a speaker got no CPU for so long that others take its addresses.",
      type: "timeseries",
      queries: [[
        `sum by (instance) (increase(herald_heartbeat_pauses_total{${AT}}[$__rate_interval]))`,
        "{{instance}}",
      ]],
    },
    {
      title: "Event loop",
      description: "How late it was, 99 of 100.",
      type: "timeseries",
      queries: [[
        `histogram_quantile(0.99, sum by (instance, le) (rate(herald_event_loop_lag_seconds_bucket{${AT}}[$__rate_interval])))`,
        "{{instance}}",
      ]],
      unit: "s",
      thresholds: [0.2, 1],
    },
  ]],
  ["BGP and BFD", [
    {
      title: "BGP sessions",
      description: "1 while the session is established.",
      type: "timeseries",
      queries: [[`metallb_bgp_session_up{${AT}}`, "{{instance}} {{peer}}"]],
    },
    {
      title: "BFD sessions",
      description: "1 while the session is up.",
      type: "timeseries",
      queries: [[`metallb_bfd_session_up{${AT}}`, "{{instance}} {{peer}}"]],
    },
    {
      title: "Prefixes",
      description: "Told to each peer, and those that wait.",
      type: "timeseries",
      queries: [
        [`metallb_bgp_announced_prefixes_total{${AT}}`, "{{instance}} {{peer}}"],
        [
          `metallb_bgp_pending_prefixes_total{${AT}} > 0`,
          "{{instance}} {{peer}}: pending",
        ],
      ],
    },
    {
      title: "Session changes in an hour",
      description: "How often sessions came or went.",
      type: "timeseries",
      queries: [
        [`changes(metallb_bgp_session_up{${AT}}[1h])`, "{{instance}} {{peer}}: BGP"],
        [`increase(metallb_bfd_session_down_events{${AT}}[1h])`, "{{instance}} {{peer}}: BFD down"],
      ],
    },
    {
      title: "UPDATEs sent",
      description: "A second.",
      type: "timeseries",
      queries: [[
        `sum by (peer) (rate(metallb_bgp_updates_total{${AT}}[$__rate_interval]))`,
        "{{peer}}",
      ]],
      unit: "ops",
    },
    {
      title: "What went wrong",
      description: "NOTIFICATIONs and malformed messages in an hour.",
      type: "timeseries",
      queries: [
        [
          `sum by (peer) (increase(herald_bgp_notifications_received_total{${AT}}[1h]))`,
          "{{peer}}: NOTIFICATIONs received",
        ],
        [
          `sum by (peer) (increase(metallb_bgp_notifications_sent{${AT}}[1h]))`,
          "{{peer}}: NOTIFICATIONs sent",
        ],
        [
          `sum by (peer) (increase(herald_bgp_bad_messages_received_total{${AT}}[1h]))`,
          "{{peer}}: malformed",
        ],
      ],
    },
  ]],
];

function thresholdSteps([warn, bad]: readonly [number, number]) {
  const steps = [{ color: "green", value: null }, { color: "yellow", value: warn }];
  return { mode: "absolute", steps: [...steps, { color: "red", value: bad }] };
}

function panelJson(panel: Panel, id: number, x: number, y: number) {
  const { title, description, type, queries, unit = "short", thresholds, width = 8 } = panel;
  const isTable = type === "table";
  return {
    id,
    title,
    description,
    type,
    datasource: SOURCE,
    gridPos: { x, y, w: width, h: 8 },
    fieldConfig: {
      defaults: {
        unit,
        min: unit === "percent" ? 0 : undefined,
        max: unit === "percent" ? 100 : undefined,
        color: { mode: thresholds && type !== "timeseries" ? "thresholds" : "palette-classic" },
        thresholds: thresholdSteps(
          thresholds ?? [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
        ),
      },
      overrides: [],
    },
    options: type === "timeseries"
      ? { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } }
      : isTable
      ? {}
      : { reduceOptions: { calcs: ["lastNotNull"] }, orientation: "horizontal" },
    targets: queries.map(([expr, legendFormat], at) => ({
      refId: String.fromCharCode("A".charCodeAt(0) + at),
      datasource: SOURCE,
      expr,
      legendFormat,
      instant: isTable || undefined,
      range: !isTable,
      format: isTable ? "table" : "time_series",
    })),
    transformations: isTable
      ? [{ id: "organize", options: { excludeByName: { Time: true } } }]
      : [],
  };
}

function rowsJson(rows: readonly Row[]) {
  const panels: unknown[] = [];
  let [id, y] = [0, 0];
  for (const [title, own] of rows) {
    panels.push({
      id: ++id,
      title,
      type: "row",
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
    });
    y++;
    let x = 0;
    for (const panel of own) {
      const { width = 8 } = panel;
      if (x + width > COLUMNS) [x, y] = [0, y + 8];
      panels.push(panelJson(panel, ++id, x, y));
      x += width;
    }
    y += 8;
  }
  return panels;
}

const variable = (name: string, label: string, query: string) => ({
  name,
  label,
  type: "query",
  datasource: SOURCE,
  query: { query, refId: name },
  definition: query,
  refresh: 2,
  includeAll: true,
  // Where nothing sets the label, it is empty, and that is let through too.
  allValue: ".*",
  multi: true,
  current: { text: "All", value: "$__all" },
});

function dashboard(uid: string, title: string, rows: readonly Row[], more: readonly unknown[]) {
  return {
    uid,
    title,
    tags: ["herald", "load balancer"],
    schemaVersion: 39,
    version: 1,
    editable: true,
    timezone: "browser",
    time: { from: "now-6h", to: "now" },
    refresh: "30s",
    templating: {
      list: [
        { name: "datasource", label: "Prometheus", type: "datasource", query: "prometheus" },
        variable("cluster", "Cluster", "label_values(herald_build_info, cluster)"),
        variable(
          "namespace",
          "Namespace",
          'label_values(herald_build_info{cluster=~"$cluster"}, namespace)',
        ),
        ...more,
      ],
    },
    panels: rowsJson(rows),
  };
}

/** The dashboards, by file name. */
export function dashboards(): Readonly<Record<string, string>> {
  const pool = variable(
    "pool",
    "Pool",
    `label_values(metallb_allocator_addresses_total{${AT}}, pool)`,
  );
  const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return {
    "herald-pools.json": text(
      dashboard("herald-pools", "Herald: pools and forecast", POOLS, [pool]),
    ),
    "herald-announcements.json": text(
      dashboard("herald-announcements", "Herald: announcements", ANNOUNCEMENTS, []),
    ),
  };
}

if (import.meta.main) {
  await Deno.mkdir(FOLDER, { recursive: true });
  for (const [name, text] of Object.entries(dashboards())) {
    await Deno.writeTextFile(new URL(name, FOLDER), text);
  }
}
