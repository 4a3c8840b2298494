import assert from "node:assert/strict";
import { metricRows } from "../../.ci/metrics.ts";
import { run } from "../support/process.ts";
import { ensurePrometheus } from "../support/prometheus.ts";
import {
  both,
  healthy,
  inputSeries,
  type Installation,
  named,
  NAMESPACE,
  ofPod,
  remove,
  replace,
  scrapedTwice,
  set,
  silence,
} from "./installation.ts";
import { alertsOf, RULES } from "./rules.ts";

/** What happens to an installation, and all alerts that fire then, each with how many of it. */
interface Situation {
  readonly name: string;
  readonly happens: (installation: Installation) => void;
  readonly at: number;
  readonly fires: Readonly<Record<string, number>>;
}

function otherNamespace(installation: Installation, namespace: string, prefix = ""): void {
  for (const one of healthy(installation.minutes, namespace).series) {
    const instance = `9${one.labels.instance}`;
    if (one.name.startsWith(prefix)) {
      installation.series.push({ ...one, labels: { ...one.labels, instance } });
    }
  }
}

/** Speakers no longer live, as the others see them. */
function missing(installation: Installation, live: number, from: number, to?: number): void {
  set(installation, named("herald_speakers_live"), live, { from, to });
}

/** An address moves from the first of the nodes to the second. */
function moves(installation: Installation, at: number): void {
  const gone = installation.series.find(({ name, labels }) =>
    name === "metallb_speaker_announced" && labels.node === "node3"
  );
  const heir = installation.series.find(({ labels }) => labels.node === "node2");
  if (gone === undefined || heir === undefined) throw new Error("no such series");
  installation.series.push({
    name: gone.name,
    labels: { ...heir.labels, ip: gone.labels.ip ?? "", service: gone.labels.service ?? "" },
    values: heir.values.map((value, minute) => minute < at ? undefined : value),
  });
}

const ANY = () => true;
const CONFIG = {
  loaded: named("metallb_k8s_client_config_loaded_bool"),
  stale: named("metallb_k8s_client_config_stale_bool"),
};

const SITUATIONS: readonly Situation[] = [
  { name: "nothing happens", happens: () => undefined, at: 59, fires: {} },
  {
    name: "everything is rolled out anew, one pod after the other",
    happens(installation) {
      for (const at of [1, 2, 3]) {
        replace(installation, `speaker-${at}`, 5 * at);
        missing(installation, 2, 5 * at, 5 * at + 1);
      }
      replace(installation, "controller-1", 20, "10.244.3.6");
      replace(installation, "controller-2", 22, "10.244.3.7");
    },
    at: 23,
    fires: {},
  },
  {
    name: "and half an hour after that",
    happens(installation) {
      for (const at of [1, 2, 3]) replace(installation, `speaker-${at}`, at);
      replace(installation, "controller-1", 5, "10.244.3.6");
    },
    at: 35,
    fires: {},
  },
  {
    name: "a node loses its power: others do its work, and nobody has to get up",
    happens(installation) {
      for (const pod of ["speaker-3", "controller-2"]) silence(installation, pod, { from: 10 });
      missing(installation, 2, 10);
      moves(installation, 10);
    },
    at: 30,
    fires: { "HeraldDown warning": 2, "HeraldSpeakerMissing warning": 1 },
  },
  {
    name: "and then it is removed for good",
    happens(installation) {
      silence(installation, "speaker-3", { from: 10 });
      missing(installation, 2, 10, 30);
      moves(installation, 10);
      remove(installation, "speaker-3", { from: 30 });
      for (const name of ["herald_speakers_expected", "herald_speakers_live"]) {
        set(installation, both(named(name), ofPod("speaker")), 2, { from: 30 });
      }
      remove(installation, "speaker-3", { from: 10 });
    },
    at: 45,
    fires: {},
  },
  {
    name: "Prometheus was away for a quarter of an hour",
    happens: (installation) => set(installation, ANY, undefined, { from: 20, to: 35 }),
    at: 36,
    fires: {},
  },
  {
    name: "two jobs of Prometheus scrape the same pods",
    happens: scrapedTwice,
    at: 40,
    fires: {},
  },
  {
    name: "it is installed, and there is no configuration yet",
    happens(installation) {
      set(installation, CONFIG.loaded, 0, { from: 0 });
      set(installation, CONFIG.stale, 1, { from: 0 });
      set(installation, named("herald_ready"), 0, { from: 0 });
      for (const name of ["metallb_speaker_announced", "metallb_bgp_session_up"]) {
        set(installation, named(name), undefined, { from: 0 });
      }
      missing(installation, 0, 0);
      set(installation, ({ labels }) => labels.pool !== undefined, undefined, { from: 0 });
    },
    at: 40,
    fires: { "HeraldConfigNotLoaded critical": 1, "HeraldSpeakerMissing warning": 1 },
  },
  {
    name: "a configuration with a mistake is applied",
    happens: (installation) => set(installation, CONFIG.stale, 1, { from: 10 }),
    at: 20,
    fires: { "HeraldConfigStale warning": 1 },
  },
  {
    name: "the DaemonSet is deleted: no process is left that could complain",
    happens: (installation) => remove(installation, "speaker", { from: 10 }),
    at: 20,
    fires: { "HeraldNoSpeaker critical": 1 },
  },
  {
    name: "the Deployment is deleted",
    happens: (installation) => remove(installation, "controller", { from: 10 }),
    at: 20,
    fires: { "HeraldNoLeader critical": 1 },
  },
  {
    name: "no speaker may list the Services after an upgrade",
    happens(installation) {
      set(installation, both(named("herald_ready"), ofPod("speaker")), 0, { from: 10 });
      set(installation, named("metallb_speaker_announced"), undefined, { from: 10 });
    },
    at: 20,
    fires: {
      "HeraldNoSpeaker critical": 1,
      "HeraldNotReady warning": 3,
      "HeraldAddressNotAnnounced critical": 1,
    },
  },
  {
    name: "both are uninstalled",
    happens: (installation) => remove(installation, "", { from: 10 }),
    at: 20,
    fires: {},
  },
  {
    name: "MetalLB in another namespace is in trouble",
    happens(installation) {
      otherNamespace(installation, "metallb", "metallb_");
      const its = ({ labels }: { readonly labels: Readonly<Record<string, string>> }) =>
        labels.namespace === "metallb";
      set(installation, both(its, CONFIG.loaded), 0, { from: 5 });
      set(installation, both(its, CONFIG.stale), 1, { from: 5 });
      for (const name of ["metallb_bgp_session_up", "metallb_bfd_session_up"]) {
        set(installation, both(its, named(name)), 0, { from: 5 });
      }
      set(installation, both(its, named("metallb_allocator_addresses_in_use_total")), 10, {
        from: 5,
      });
      const errors = installation.series.find(
        both(its, named("metallb_k8s_client_update_errors_total")),
      );
      errors?.values.forEach((_, at, values) => values[at] = at);
      const downs = installation.series.find(both(its, named("metallb_bfd_session_down_events")));
      downs?.values.forEach((_, at, values) => values[at] = at);
    },
    at: 50,
    fires: {},
  },
  {
    name: "two installations, each with its own pool",
    happens: (installation) => {
      otherNamespace(installation, "herald-b");
      for (
        const one of installation.series.filter(({ labels }) => labels.namespace === "herald-b")
      ) {
        if (one.labels.ip === undefined) continue;
        Object.assign(one.labels, { ip: `9${one.labels.ip}` });
      }
    },
    at: 50,
    fires: {},
  },
  {
    name: "two installations have one pool, and other nodes for it",
    happens(installation) {
      otherNamespace(installation, "herald-b");
      for (const { labels } of installation.series) {
        if (labels.namespace !== "herald-b" || labels.node === undefined) continue;
        Object.assign(labels, { node: `${labels.node}b` });
      }
    },
    at: 50,
    // Of three addresses, in either namespace.
    fires: { "HeraldAddressTwoOwners critical": 6 },
  },
  {
    name: "a pool of one address is given, as it was meant",
    happens: (installation) => {
      for (
        const name of [
          "metallb_allocator_addresses_total",
          "metallb_allocator_addresses_in_use_total",
        ]
      ) {
        const one = installation.series.find(named(name)) ?? assert.fail();
        installation.series.push({
          name,
          labels: { ...one.labels, pool: "single" },
          values: one.values.map(() => 1),
        });
      }
      for (
        const one of installation.series.filter(named("metallb_speaker_announced")).slice(0, 1)
      ) {
        installation.series.push({ ...one, labels: { ...one.labels, ip: "203.0.113.9" } });
      }
    },
    at: 50,
    fires: { "HeraldPoolExhausted critical": 1 },
  },
  {
    name: "the router is gone",
    happens(installation) {
      for (const name of ["metallb_bgp_session_up", "metallb_bfd_session_up"]) {
        set(installation, named(name), 0, { from: 10 });
      }
    },
    at: 20,
    fires: {
      "HeraldBFDSessionDown warning": 3,
      "HeraldBGPPeerLost critical": 1,
      "HeraldBGPSessionDown warning": 3,
    },
  },
  {
    name: "and then it is taken out of the configuration",
    happens(installation) {
      for (const name of ["metallb_bgp_session_up", "metallb_bfd_session_up"]) {
        set(installation, named(name), 0, { from: 10 });
        set(installation, named(name), undefined, { from: 20 });
      }
    },
    at: 27,
    fires: {},
  },
];

/** Compares all that fires at once with what should; the alert's name and severity stand together. */
function unitTest({ name, happens, at, fires }: Situation) {
  const installation = healthy(at + 1);
  happens(installation);
  const expr = 'count by (alertname, severity) (ALERTS{alertstate="firing"})';
  return {
    name,
    interval: "1m",
    input_series: inputSeries(installation),
    promql_expr_test: [{
      expr,
      eval_time: `${at}m`,
      exp_samples: Object.entries(fires).map(([alert, value]) => {
        const [alertname, severity] = alert.split(" ");
        return { labels: `{alertname="${alertname}",severity="${severity}"}`, value };
      }),
    }],
  };
}

Deno.test("in each situation those alerts fire that tell of it, and no others, by promtool", async () => {
  const { promtool } = await ensurePrometheus();
  const file = await Deno.makeTempFile({ prefix: "herald-situations-", suffix: ".yaml" });
  try {
    const tests = SITUATIONS.map(unitTest);
    await Deno.writeTextFile(file, JSON.stringify({ rule_files: [RULES], tests }));
    const { code, stdout, stderr } = await run(promtool, ["test", "rules", file]);
    assert.equal(code, 0, stdout + stderr);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("the installation of the situations has each metric that an alert asks for, with its labels", async () => {
  const labels = new Map((await metricRows()).map((row) => [row.name, [...row.labels].sort()]));
  const { series } = healthy(1);
  const names = new Set(series.map(({ name }) => name));
  for (const { alert, expr } of await alertsOf()) {
    for (const [name] of expr.matchAll(/\b(?:herald|metallb|process)_\w+|\bup\b/g)) {
      assert.ok(names.has(name), `${alert} asks for ${name}`);
    }
  }
  const ofTarget = new Set(["namespace", "pod", "container", "endpoint", "instance", "job", "le"]);
  for (const one of series.filter(({ name }) => name !== "up")) {
    const own = Object.keys(one.labels).filter((label) => !ofTarget.has(label)).sort();
    assert.deepEqual(own, labels.get(one.name.replace(/_(bucket|count)$/, "")), one.name);
    assert.equal(one.labels.namespace, NAMESPACE);
  }
});
