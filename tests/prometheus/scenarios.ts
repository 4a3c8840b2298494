/** Series with their values of each minute, and the alerts that must fire at a time, no others. */
export interface Scenario {
  readonly alert: string;
  readonly name: string;
  readonly series: Readonly<Record<string, string>>;
  /** Minutes from the beginning. */
  readonly at: number;
  /** Labels of each that fires, without the severity. */
  readonly fires: readonly Readonly<Record<string, string>>[];
}

type Labels = Readonly<Record<string, string>>;
type Lines = Readonly<Record<string, string>>;

const CLUSTER: Labels = { cluster: "c", namespace: "m" };
const on = (host: string): Labels => ({ ...CLUSTER, instance: `${host}:7472`, job: "j" });
/** What a rule that asks each instance gives. */
const N1 = on("n1");

/** A series as PromQL writes it. */
function series(name: string, ...labels: Labels[]): string {
  const pairs = Object.entries(Object.assign({}, ...labels) as Labels);
  return `${name}{${pairs.map(([key, value]) => `${key}="${value}"`).join(",")}}`;
}

/** One metric on several hosts. */
function each(name: string, values: Lines, more: Labels = {}): Lines {
  return Object.fromEntries(
    Object.entries(values).map(([host, text]) => [series(name, on(host), more), text]),
  );
}

const built = (host: string, role: string, values = "1x60"): Lines =>
  each("herald_build_info", { [host]: values }, { role, version: "1" });

/** Hosts n1, n2 and so on run Herald, though a scenario says nothing of it; others do not. */
function ofHerald(lines: Lines): Lines {
  const hosts = new Set(
    Object.keys(lines).map((line) => /instance="(n\d)/.exec(line)?.[1] ?? ""),
  );
  const told = Object.keys(lines).filter((line) => line.startsWith("herald_build_info"));
  const untold = [...hosts].filter((host) =>
    host !== "" && !told.some((line) => line.includes(`"${host}:`))
  );
  return Object.assign({}, lines, ...untold.map((host) => built(host, "speaker")));
}

function fires(alert: string, name: string, at: number, lines: Lines, ...labels: Labels[]) {
  return { alert, name, at, series: ofHerald(lines), fires: labels };
}

function silent(alert: string, name: string, at: number, lines: Lines): Scenario {
  return { alert, name, at, series: ofHerald(lines), fires: [] };
}

const STALE = "metallb_k8s_client_config_stale_bool";
const LOADED = "metallb_k8s_client_config_loaded_bool";
const ERRORS = "metallb_k8s_client_update_errors_total";
const IN_USE = "metallb_allocator_addresses_in_use_total";
const SIZE = "metallb_allocator_addresses_total";
const ANNOUNCED = "metallb_speaker_announced";
const OWNERLESS = "herald_addresses_without_owner";
const POOL: Labels = { pool: "p" };
const PEER: Labels = { peer: "10.0.0.1:179" };

const pool = (inUse: string, size: string): Lines => ({
  ...each(IN_USE, { n1: inUse }, POOL),
  ...each(SIZE, { n1: size }, POOL),
});
const conflicts = (kind: string, n1: string): Lines =>
  each("herald_layer2_conflicts_total", { n1 }, { kind });
const announced = (host: string, ip: string, values = "1x60", protocol = "layer2"): Lines =>
  each(ANNOUNCED, { [host]: values }, { service: "a/b", protocol, node: host, ip });

const CONTROLLER: readonly Scenario[] = [
  fires("HeraldConfigStale", "two processes refuse a configuration", 5, {
    ...each(STALE, { n1: "0x2 1x9", n2: "0x2 1x9", n3: "0x20" }),
    ...each(LOADED, { n1: "1x20", n2: "1x20", n3: "1x20" }),
  }, CLUSTER),
  silent("HeraldConfigStale", "it is stale for a moment, and one never had any", 8, {
    ...each(STALE, { n1: "0 1 0 1 0 1 0 1 0 1", n2: "1x20" }),
    ...each(LOADED, { n1: "1x20", n2: "0x20" }),
  }),
  fires("HeraldConfigNotLoaded", "a process never had one", 7, {
    ...each(LOADED, { n1: "0x20", n2: "1x20" }),
  }, CLUSTER),
  silent("HeraldConfigNotLoaded", "it comes four minutes after the start", 10, {
    ...each(LOADED, { n1: "0x4 1x20" }),
  }),
  fires("HeraldNoLeader", "two controllers stand by", 4, {
    ...each("herald_leader", { n1: "0x9", n2: "0x9", n3: "0x9" }),
    ...built("n1", "controller"),
    ...built("n3", "speaker"),
  }, CLUSTER),
  fires("HeraldNoLeader", "all controllers are gone", 9, {
    ...each("herald_leader", { n1: "1 1 stale", n3: "0x20" }),
    ...built("n1", "controller", "1 1 stale"),
    ...built("n3", "speaker"),
  }, CLUSTER),
  silent("HeraldNoLeader", "the lead passes from one to the other", 9, {
    ...each("herald_leader", { n1: "1 1 1 0 0 0 0 0 0 0", n2: "0 0 0 0 1 1 1 1 1 1" }),
    ...built("n1", "controller"),
  }),
  silent("HeraldNoLeader", "only speakers are scraped", 9, {
    ...each("herald_leader", { n1: "0x20" }),
    ...built("n1", "speaker"),
  }),
  fires("HeraldSeveralLeaders", "two lead for good", 4, {
    ...each("herald_leader", { n1: "1x9", n2: "1x9" }),
  }, CLUSTER),
  silent("HeraldSeveralLeaders", "one scrape is older than the other at a takeover", 6, {
    ...each("herald_leader", { n1: "1 1 1 1 0 0 0", n2: "0 0 0 1 1 1 1" }),
  }),
  fires("HeraldServicesWaiting", "a Service waits on", 7, {
    ...each("herald_allocator_services_waiting", { n1: "1x20", n2: "0x20" }),
  }, CLUSTER),
  silent("HeraldServicesWaiting", "each finds one in time", 9, {
    ...each("herald_allocator_services_waiting", { n1: "3 2 1 0 4 2 0 0 1 0" }),
  }),
  fires("HeraldStatusWritesFail", "writes fail again and again", 25, {
    ...each(ERRORS, { n1: "0+1x30" }),
  }, CLUSTER),
  silent("HeraldStatusWritesFail", "one write failed", 25, {
    ...each(ERRORS, { n1: "0 0 0 1x30" }),
  }),
];

const POOLS: readonly Scenario[] = [
  fires("HeraldPoolExhausted", "every address is given", 3, pool("7 8 8 8 8", "8x5"), {
    ...CLUSTER,
    ...POOL,
  }),
  silent("HeraldPoolExhausted", "one is left", 3, pool("7x5", "8x5")),
  silent("HeraldPoolExhausted", "a pool has no addresses of its own", 3, pool("0x5", "0x5")),
  ...[75, 85, 95].flatMap((percent) => [
    fires(
      `HeraldPoolUsage${percent}Percent`,
      `more than ${percent} of 100 are given`,
      7,
      pool(`${percent + 1}x9`, "100x9"),
      { ...CLUSTER, ...POOL },
    ),
    silent(
      `HeraldPoolUsage${percent}Percent`,
      `${percent} of 100 are given`,
      7,
      pool(`${percent}x9`, "100x9"),
    ),
    silent(
      `HeraldPoolUsage${percent}Percent`,
      "it goes over the threshold and back",
      9,
      pool(Array.from({ length: 10 }, (_, at) => percent + at % 2).join(" "), "100x9"),
    ),
  ]),
  fires("HeraldPoolFullSoon", "an hour is left", 35, {
    ...each("herald_pool_full_in_seconds", { n1: "7200-60x40" }, POOL),
    ...pool("60x40", "100x40"),
  }, { ...CLUSTER, ...POOL }),
  silent("HeraldPoolFullSoon", "a nearly empty pool grows fast", 35, {
    ...each("herald_pool_full_in_seconds", { n1: "7200-60x40" }, POOL),
    ...pool("10x40", "100x40"),
  }),
  silent("HeraldPoolFullSoon", "it does not grow", 35, {
    ...each("herald_pool_full_in_seconds", { n1: Array(40).fill("Inf").join(" ") }, POOL),
    ...pool("60x40", "100x40"),
  }),
  silent("HeraldPoolFullSoon", "it is full, which another alert tells", 35, {
    ...each("herald_pool_full_in_seconds", { n1: "0x40" }, POOL),
    ...pool("100x40", "100x40"),
  }),
];

const views = (expected: string, live: string): Lines => ({
  ...each("herald_speakers_expected", { n1: expected, n2: "3x60" }),
  ...each("herald_speakers_live", { n1: live, n2: "3x60" }),
});
const ownerless = (reason: string, values: string): Lines =>
  each(OWNERLESS, { n1: values }, { reason });

const SPEAKERS: readonly Scenario[] = [
  fires("HeraldNoSpeaker", "those that were there are gone, a controller is left", 9, {
    ...built("n1", "controller"),
    ...built("n2", "speaker", "1 1 stale"),
    ...each("herald_ready", { n1: "1x20", n2: "1 1 stale" }),
  }, CLUSTER),
  fires("HeraldNoSpeaker", "none of two is ready", 9, {
    ...each("herald_ready", { n1: "1 1 0x20", n2: "1 1 0x20" }),
  }, CLUSTER),
  silent(
    "HeraldNoSpeaker",
    "one of two is ready, and another installation has controllers only",
    9,
    {
      ...each("herald_ready", { n1: "0x20", n2: "1x20" }),
      [series("herald_build_info", { ...N1, namespace: "other", role: "controller" })]: "1x20",
    },
  ),
  fires("HeraldSpeakerMissing", "one of three does not live", 12, views("3x20", "2x20"), CLUSTER),
  silent("HeraldSpeakerMissing", "each restarts, one after the other", 12, {
    ...views("3x20", "2 2 3 2 2 3 2 2 3 2 2 3 2 2 3"),
  }),
  fires("HeraldSpeakerFlaps", "one is missed every three minutes", 30, {
    ...each("herald_heartbeat_downs_total", { n1: "0 0 0 1 1 1 2 2 2 3 3 3 4 4 4 5 5 5 6 6 6x20" }),
  }, CLUSTER),
  silent("HeraldSpeakerFlaps", "two nodes were rebooted", 30, {
    ...each("herald_heartbeat_downs_total", { n1: "0x4 1x9 2x20", n2: "0x4 1x9 2x20" }),
  }),
  fires("HeraldSpeakerStandsStill", "it got no CPU every two minutes", 30, {
    ...each("herald_heartbeat_pauses_total", { n1: "0 1 1 2 2 3 3 4 4 5 5 6 6 7 7x30" }),
  }, N1),
  silent("HeraldSpeakerStandsStill", "the virtual machine was paused once", 30, {
    ...each("herald_heartbeat_pauses_total", { n1: "0x9 1x30" }),
  }),
  fires("HeraldHeartbeatRefused", "another key", 25, {
    ...each("herald_heartbeat_refused_total", { n1: "0+600x30" }, { reason: "bad-key" }),
  }, N1),
  silent("HeraldHeartbeatRefused", "a few while the key changed", 25, {
    ...each("herald_heartbeat_refused_total", { n1: "0x9 400x30" }, { reason: "bad-key" }),
  }),
  fires("HeraldNoInterface", "the link is gone", 8, {
    ...each("herald_layer2_interfaces", { n1: "1 1 0x20" }),
    ...built("n1", "speaker"),
  }, N1),
  silent("HeraldNoInterface", "a controller needs none", 8, {
    ...each("herald_layer2_interfaces", { n1: "0x20" }),
    ...built("n1", "controller"),
  }),
  fires("HeraldAddressWithoutOwner", "no node is a candidate", 4, {
    ...ownerless("no-candidate", "2x9"),
    ...ownerless("not-in-pool", "0x9"),
  }, { ...CLUSTER, reason: "no-candidate" }),
  silent(
    "HeraldAddressWithoutOwner",
    "a candidate is found in a minute, and pods are not ready",
    5,
    {
      ...ownerless("no-candidate", "1 1 0 0 1 1 0 0"),
      ...ownerless("no-ready-endpoint", "9x9"),
    },
  ),
  fires("HeraldAddressWithoutEndpoint", "no pod becomes ready", 17, {
    ...ownerless("no-ready-endpoint", "1x20"),
  }, CLUSTER),
  silent("HeraldAddressWithoutEndpoint", "the pods take ten minutes", 17, {
    ...ownerless("no-ready-endpoint", "1x10 0x20"),
    ...ownerless("no-candidate", "1x30"),
  }),
  fires("HeraldAddressNotAnnounced", "one of three addresses is not told of", 7, {
    ...pool("3x20", "9x20"),
    ...announced("n1", "10.0.0.1"),
    ...announced("n1", "10.0.0.2", "1x60", "bgp"),
    ...announced("n2", "10.0.0.2", "1x60", "bgp"),
    ...ownerless("no-candidate", "0x20"),
  }, CLUSTER),
  fires("HeraldAddressNotAnnounced", "nothing is announced at all", 7, {
    ...pool("3x20", "9x20"),
    ...ownerless("no-candidate", "0x20"),
  }, CLUSTER),
  silent("HeraldAddressNotAnnounced", "the rest has no owner, which another alert tells", 7, {
    ...pool("3x20", "9x20"),
    ...announced("n1", "10.0.0.1"),
    ...announced("n2", "10.0.0.1"),
    ...ownerless("no-candidate", "1x20"),
    ...ownerless("no-ready-endpoint", "1x20"),
  }),
  silent("HeraldAddressNotAnnounced", "no speaker is scraped", 7, pool("3x20", "9x20")),
  fires("HeraldAddressTwoOwners", "two nodes answer", 4, {
    ...announced("n1", "10.0.0.1"),
    ...announced("n2", "10.0.0.1"),
    ...announced("n3", "10.0.0.3"),
  }, { ...CLUSTER, ip: "10.0.0.1" }),
  silent("HeraldAddressTwoOwners", "it is handed over, and routed by all", 6, {
    ...announced("n1", "10.0.0.1", "1 1 1 stale"),
    ...announced("n2", "10.0.0.1", "_ _ 1 1 1 1 1"),
    ...announced("n1", "10.0.0.2", "1x60", "bgp"),
    ...announced("n2", "10.0.0.2", "1x60", "bgp"),
  }),
  silent("HeraldAddressTwoOwners", "two Services share it", 6, {
    ...announced("n1", "10.0.0.1"),
    ...each(ANNOUNCED, { n1: "1x60" }, {
      service: "a/c",
      protocol: "layer2",
      node: "n1",
      ip: "10.0.0.1",
    }),
  }),
  fires(
    "HeraldAddressConflict",
    "one frame of another host",
    7,
    conflicts("conflict", "0x5 1x20"),
    N1,
  ),
  silent("HeraldAddressConflict", "it is ten minutes ago, and fellows contend", 16, {
    ...conflicts("conflict", "0x5 1x20"),
    ...conflicts("split", "0+5x30"),
  }),
  fires("HeraldSplitOwners", "they contend for long", 20, conflicts("split", "0+2x30"), N1),
  silent("HeraldSplitOwners", "a handover crossed a reply", 20, conflicts("split", "0x9 2x30")),
];

const session = (name: string, n1: string, n2 = "1x60"): Lines => each(name, { n1, n2 }, PEER);
const BGP_UP = "metallb_bgp_session_up";
const BFD_UP = "metallb_bfd_session_up";
const PENDING = "metallb_bgp_pending_prefixes_total";
const BFD_DOWNS = "metallb_bfd_session_down_events";

const BGP: readonly Scenario[] = [
  fires("HeraldBGPSessionDown", "one node has none", 4, session(BGP_UP, "1 0x9"), {
    ...N1,
    ...PEER,
  }),
  silent("HeraldBGPSessionDown", "it comes back in a minute", 6, session(BGP_UP, "1 0 0 1 1 1 1")),
  fires("HeraldBGPPeerLost", "no node has one", 4, session(BGP_UP, "1 0x9", "1 0x9"), {
    ...CLUSTER,
    ...PEER,
  }),
  silent("HeraldBGPPeerLost", "one node has", 4, session(BGP_UP, "0x9")),
  fires("HeraldBGPSessionFlaps", "it changes each minute", 15, {
    ...session(BGP_UP, "1 0 1 0 1 0 1x20"),
  }, { ...N1, ...PEER }),
  silent("HeraldBGPSessionFlaps", "the router was restarted", 15, {
    ...session(BGP_UP, "1x5 0 0 1x20"),
  }),
  fires("HeraldBGPPrefixesPending", "prefixes wait on", 13, {
    ...session(BGP_UP, "1x20"),
    ...session(PENDING, "2x20", "0x20"),
  }, { ...N1, ...PEER }),
  silent("HeraldBGPPrefixesPending", "the session is down", 13, {
    ...session(BGP_UP, "0x20"),
    ...session(PENDING, "2x20", "0x20"),
  }),
  fires("HeraldBFDSessionDown", "one node has none", 4, session(BFD_UP, "1 0x9"), {
    ...N1,
    ...PEER,
  }),
  silent("HeraldBFDSessionDown", "it comes back in a minute", 6, session(BFD_UP, "1 0 0 1 1 1 1")),
  fires("HeraldBFDSessionFlaps", "it goes down again and again", 15, {
    ...session(BFD_DOWNS, "0 0 1 2 3 4 5 6x20", "0x20"),
  }, { ...N1, ...PEER }),
  silent("HeraldBFDSessionFlaps", "it went down once", 15, session(BFD_DOWNS, "0x5 1x20", "0x20")),
];

const LAG = "herald_event_loop_lag_seconds";
const lag = (all: string, quick: string): Lines => ({
  ...each(`${LAG}_count`, { n1: all }),
  ...each(`${LAG}_bucket`, { n1: quick }, { le: "1" }),
  ...each(`${LAG}_bucket`, { n1: all }, { le: "+Inf" }),
});

const PROCESSES: readonly Scenario[] = [
  fires("HeraldDown", "it answers no more", 9, {
    ...each("up", { n1: "1 1 0x20", n2: "1x20" }),
    ...built("n1", "speaker", "1 1 stale"),
    ...built("n2", "speaker"),
  }, N1),
  silent("HeraldDown", "something else is down", 9, {
    ...each("up", { n1: "1x20", other: "0x20" }),
    ...built("n1", "speaker"),
  }),
  fires("HeraldNotReady", "it never becomes ready", 7, {
    ...each("herald_ready", { n1: "0x20", n2: "1x20" }),
  }, N1),
  silent("HeraldNotReady", "it takes four minutes, and one waits for its configuration", 9, {
    ...each("herald_ready", { n1: "0x4 1x20", n2: "0x20" }),
    ...each(LOADED, { n1: "1x20", n2: "0x20" }),
  }),
  fires("HeraldRestarts", "it begins anew three times", 20, {
    ...each("process_start_time_seconds", { n1: "1x3 2x3 3x3 4x30" }),
    ...built("n1", "speaker"),
  }, N1),
  silent("HeraldRestarts", "a rollout, and another program that crashes", 20, {
    ...each("process_start_time_seconds", { n1: "1x3 2x30", other: "1 2 3 4 5 6 7 8x30" }),
    ...built("n1", "speaker"),
  }),
  fires("HeraldStalls", "late by seconds each minute", 11, lag("0+240x20", "0+239x20"), N1),
  silent("HeraldStalls", "late once", 11, lag("0+240x20", "0 240 480 719+240x20")),
  fires("HeraldWatchSilent", "nothing is heard", 9, {
    ...each("herald_watch_last_heard_seconds", { n1: "0+60x20" }, { kind: "Service" }),
  }, { ...N1, kind: "Service" }),
  silent("HeraldWatchSilent", "a bookmark each minute", 9, {
    ...each("herald_watch_last_heard_seconds", { n1: "50x20" }, { kind: "Service" }),
  }),
  fires("HeraldFileDescriptors", "they are lost", 18, {
    ...each("process_open_fds", { n1: "900+50x30" }),
    ...built("n1", "speaker"),
  }, N1),
  silent("HeraldFileDescriptors", "they are many in another program", 18, {
    ...each("process_open_fds", { n1: "60x30", other: "9000x30" }),
    ...built("n1", "speaker"),
  }),
];

export const SCENARIOS: readonly Scenario[] = [
  ...CONTROLLER,
  ...POOLS,
  ...SPEAKERS,
  ...BGP,
  ...PROCESSES,
];
