type Labels = Readonly<Record<string, string>>;

/** One series with its value of each minute; undefined where there was none to scrape. */
interface Series {
  readonly name: string;
  readonly labels: Labels;
  readonly values: (number | undefined)[];
}

/** Which series of an installation, and from which minute to which. */
interface Span {
  readonly from: number;
  /** The first minute that is not meant any more; without it, all that come. */
  readonly to?: number;
}

type Match = (series: Pick<Series, "name" | "labels">) => boolean;

/** An installation as Prometheus sees it by the chart's PodMonitor, over some time. */
export interface Installation {
  readonly minutes: number;
  readonly series: Series[];
}

/** What the PodMonitor gives a target. A pod of a DaemonSet on the host's network has its address. */
interface Target {
  readonly namespace: string;
  readonly pod: string;
  readonly ip: string;
}

export const NAMESPACE = "metallb-system";
const PEER = "192.0.2.1:179";
const VIPS = ["198.51.100.1", "198.51.100.2", "198.51.100.3"] as const;

function targetLabels({ namespace, pod, ip }: Target): Labels {
  const container = pod.startsWith("controller") ? "controller" : "speaker";
  return {
    namespace,
    pod,
    container,
    endpoint: "monitoring",
    instance: `${ip}:7472`,
    job: "herald",
  };
}

/** Two controllers of which the first leads, and three speakers with layer 2, BGP and BFD: all is well. */
export function healthy(minutes: number, namespace = NAMESPACE): Installation {
  const installation: Installation = { minutes, series: [] };
  for (const at of [1, 2]) {
    addController(installation, { namespace, pod: `controller-${at}`, ip: `10.244.${at}.5` }, at);
  }
  for (const at of [1, 2, 3]) {
    const target = { namespace, pod: `speaker-${at}`, ip: `10.0.0.${at}` };
    addSpeaker(installation, target, `node${at}`, VIPS[at - 1] ?? "");
  }
  return installation;
}

/** Adds series to a target, each with the same value all the time, or one more each minute. */
function add(installation: Installation, target: Target, all: Readonly<Record<string, number>>) {
  for (const [text, value] of Object.entries(all)) {
    const [name = "", selector = ""] = text.split(/[{}]/);
    const pairs = [...selector.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, to]) => [key, to]);
    const grows = /_events$|_total$|_(count|bucket)$/.test(name) && !name.startsWith("metallb_a") &&
      value > 0;
    installation.series.push({
      name,
      labels: { ...targetLabels(target), ...Object.fromEntries(pairs) },
      values: Array.from({ length: installation.minutes }, (_, at) => value + (grows ? at : 0)),
    });
  }
}

function addProcess(installation: Installation, target: Target, role: string) {
  const lag = "herald_event_loop_lag_seconds";
  add(installation, target, {
    up: 1,
    [`herald_build_info{version="0.1.0",commit="c",role="${role}"}`]: 1,
    herald_ready: 1,
    metallb_k8s_client_config_loaded_bool: 1,
    metallb_k8s_client_config_stale_bool: 0,
    process_start_time_seconds: 1_700_000_000,
    process_open_fds: 40,
    'herald_watch_last_heard_seconds{kind="Service"}': 30,
    [`${lag}_bucket{le="1"}`]: 240,
    [`${lag}_bucket{le="+Inf"}`]: 240,
    [`${lag}_count`]: 240,
  });
}

function addController(installation: Installation, target: Target, at: number) {
  const leads = at === 1;
  addProcess(installation, target, "controller");
  add(installation, target, {
    herald_leader: leads ? 1 : 0,
    herald_allocator_services_waiting: 0,
    metallb_k8s_client_update_errors_total: 0,
  });
  if (!leads) return;
  add(installation, target, {
    'metallb_allocator_addresses_total{pool="p"}': 10,
    'metallb_allocator_addresses_in_use_total{pool="p"}': VIPS.length,
    'herald_pool_full_in_seconds{pool="p"}': Infinity,
  });
}

function addSpeaker(installation: Installation, target: Target, node: string, ip: string) {
  addProcess(installation, target, "speaker");
  add(installation, target, {
    herald_leader: 0,
    herald_speakers_expected: 3,
    herald_speakers_live: 3,
    herald_layer2_interfaces: 1,
    herald_heartbeat_downs_total: 0,
    herald_heartbeat_pauses_total: 0,
    'herald_heartbeat_refused_total{reason="bad-key"}': 0,
    'herald_addresses_without_owner{reason="no-candidate"}': 0,
    'herald_addresses_without_owner{reason="no-ready-endpoint"}': 0,
    'herald_layer2_conflicts_total{kind="conflict"}': 0,
    'herald_layer2_conflicts_total{kind="split"}': 0,
    [`metallb_speaker_announced{service="a/${ip}",protocol="layer2",node="${node}",ip="${ip}"}`]: 1,
    [`metallb_bgp_session_up{peer="${PEER}"}`]: 1,
    [`metallb_bgp_pending_prefixes_total{peer="${PEER}"}`]: 0,
    [`metallb_bfd_session_up{peer="${PEER}"}`]: 1,
    [`metallb_bfd_session_down_events{peer="${PEER}"}`]: 0,
  });
}

export const named = (name: string): Match => (one) => one.name === name;
export const ofPod = (beginning: string): Match => ({ labels }) =>
  labels.pod?.startsWith(beginning) === true;
export const both = (...matches: readonly Match[]): Match => (one) =>
  matches.every((match) => match(one));
const isUp = named("up");

/** Gives series another value for a time; undefined: they are not there. */
export function set(
  installation: Installation,
  match: Match,
  value: number | undefined,
  { from, to = installation.minutes }: Span,
): void {
  for (const one of installation.series) if (match(one)) one.values.fill(value, from, to);
}

/** The pods are deleted: Prometheus has no such targets any more. */
export function remove(installation: Installation, pods: string, span: Span): void {
  set(installation, ofPod(pods), undefined, span);
}

/** The pods are there for the API server, and do not answer. */
export function silence(installation: Installation, pods: string, span: Span): void {
  remove(installation, pods, span);
  set(installation, both(ofPod(pods), isUp), 0, span);
}

/** A pod is replaced, within a minute: another name, its counters begin anew. */
export function replace(installation: Installation, pod: string, at: number, ip?: string): void {
  for (const { name, labels, values } of installation.series.filter(ofPod(pod))) {
    const begun = name === "process_start_time_seconds" ? 60 * at : 0;
    installation.series.push({
      name,
      labels: {
        ...labels,
        pod: `${labels.pod}-new`,
        instance: ip === undefined ? labels.instance ?? "" : `${ip}:7472`,
      },
      values: values.map((value, minute) =>
        minute <= at || value === undefined ? undefined : value + begun
      ),
    });
  }
  // Those that came last have the longer name.
  set(installation, ({ labels }) => labels.pod === pod, undefined, { from: at });
}

/** The same targets once more, by another job of Prometheus. */
export function scrapedTwice(installation: Installation): void {
  for (const { name, labels, values } of [...installation.series]) {
    installation.series.push({
      name,
      labels: { ...labels, job: "kubernetes-pods" },
      values: [...values],
    });
  }
}

/** As promtool's unit tests write series. */
export function inputSeries(
  { series }: Installation,
): readonly { readonly series: string; readonly values: string }[] {
  return series.map(({ name, labels, values }) => ({
    series: `${name}{${Object.entries(labels).map(([key, to]) => `${key}="${to}"`).join(",")}}`,
    values: values.map((value, at) => {
      if (value === undefined) return values[at - 1] === undefined ? "_" : "stale";
      return value === Infinity ? "Inf" : `${value}`;
    }).join(" "),
  }));
}
