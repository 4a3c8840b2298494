import { stringify } from "yaml";
import { dashboardQueries } from "../prometheus/queries.ts";
import { alertsOf, RULES } from "../prometheus/rules.ts";
import type { Host } from "../support/lan.ts";
import { ensurePrometheus } from "../support/prometheus.ts";
import { startBird } from "../support/routers/bird.ts";
import { waitFor } from "../support/wait.ts";
import { type Failover, makeFailover, VIP } from "./failover_scene.ts";
import { serviceManifest, sliceManifest } from "./scene.ts";

const ROUTER = "10.77.1.1";
const CONTROLLER = "10.244.1.5";
const ASN = { herald: 64500, router: 64501 };
/** A forecast takes ten minutes, which other tests do not wait for either. */
const TAKE_LONG = new Set(["Full in", "Until a pool is full"]);

const config = (text: string) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "metallb-system", name: "config" },
    data: { config: text },
  });
const FULL = `
address-pools:
- { name: default, protocol: layer2, addresses: [10.77.1.220-10.77.1.240, "fd77::220-fd77::240"] }
- { name: routed, protocol: bgp, addresses: [198.51.100.0/30] }
peers: [{ peer-address: ${ROUTER}, peer-asn: ${ASN.router}, my-asn: ${ASN.herald}, bfd-profile: quick }]
bfd-profiles: [{ name: quick, receive-interval: 100, transmit-interval: 100 }]
`;
const OTHER = "address-pools: [{ name: other, protocol: layer2, addresses: [10.77.1.250/32] }]";

interface Watched {
  /** The value of each series that the expression gives now, by its labels. */
  ask(expr: string): Promise<readonly { readonly metric: Readonly<Record<string, string>> }[]>;
  /** The alerts that are pending or firing. */
  alerts(): Promise<readonly string[]>;
}

/** Runs Prometheus on a host of the LAN, with the labels that a PodMonitor gives. */
async function watch(held: AsyncDisposableStack, host: Host, nodes: number): Promise<Watched> {
  const folder = await Deno.makeTempDir({ prefix: "herald-prometheus-" });
  held.defer(() => Deno.remove(folder, { recursive: true }));
  const target = (address: string, pod: string, container: string) => ({
    targets: [`${address}:7472`],
    labels: { namespace: "metallb-system", pod, container, endpoint: "monitoring" },
  });
  const targets = [
    target(CONTROLLER, "controller-1", "controller"),
    ...Array.from(
      { length: nodes },
      (_, at) => target(`10.77.1.${11 + at}`, `speaker-${at}`, "speaker"),
    ),
  ];
  await Deno.writeTextFile(
    `${folder}/prometheus.yaml`,
    stringify({
      global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
      rule_files: [RULES],
      scrape_configs: [{ job_name: "herald", static_configs: targets }],
    }),
  );
  const { prometheus } = await ensurePrometheus();
  held.use(
    host.start(prometheus, [
      `--config.file=${folder}/prometheus.yaml`,
      `--storage.tsdb.path=${folder}/data`,
      "--web.listen-address=127.0.0.1:9090",
    ]),
  );
  async function get(path: string, ...query: string[]) {
    const url = `http://127.0.0.1:9090/api/v1/${path}`;
    const said = await host.run("curl", "-sG", "--max-time", "5", url, ...query);
    const { status, data, error } = JSON.parse(said.stdout || '{"error": "no answer"}');
    if (status !== "success") throw new Error(`${path} ${query.join(" ")}: ${error}`);
    return data;
  }
  return {
    ask: async (expr) => (await get("query", "--data-urlencode", `query=${expr}`)).result,
    async alerts() {
      const { alerts } = await get("alerts");
      const names = alerts.map(({ labels }: { labels: Record<string, string> }) =>
        labels.alertname
      );
      return [...new Set<string>(names)].sort();
    },
  };
}

/** A Service of a pool that is announced by BGP, beside those of the scene. */
async function routedService({ scene, names }: Failover): Promise<void> {
  const annotation = "metallb.universe.tf/address-pool: routed";
  await scene.write("routed.yaml", serviceManifest("routed", 80, "", annotation));
  await scene.write("routed-slice.yaml", sliceManifest("routed", names));
}

Deno.test("Prometheus sees a run, a failover and an end as they are", async (t) => {
  await using failover = await makeFailover();
  await using held = new AsyncDisposableStack();
  const { scene } = failover;
  const outputs = () => scene.nodes.map((_, at) => failover.process(at).output()).join("---\n");
  const router = await scene.lan.addHost("router", { addresses: [`${ROUTER}/24`] });
  const host = await scene.lan.addHost("prometheus", { addresses: ["10.77.1.64/24"] });
  await host.must("ip", "route", "add", "10.244.1.0/24", "via", "10.77.1.11");
  held.use(
    await startBird(router, {
      asn: ASN.router,
      routerId: ROUTER,
      neighbors: scene.nodes.map((_, at) => ({
        address: `10.77.1.${11 + at}`,
        asn: ASN.herald,
        bfd: { intervalMs: 100, multiplier: 5 },
      })),
    }),
  );
  await scene.write("config.yaml", config(FULL));
  await routedService(failover);
  const { alerts, ask } = await watch(held, host, scene.nodes.length);
  const told = (what: string, is: () => Promise<boolean>, instead: () => unknown = () => "") =>
    waitFor(what, () => is().catch(() => false), { timeoutMs: 30_000 }).catch((error) => {
      throw new Error(`${JSON.stringify(instead())}\n${outputs()}`, { cause: error });
    });
  const count = async (expr: string) => (await ask(expr)).length;

  await t.step("where all is well no alert is even pending", async () => {
    await told("all sessions", async () =>
      await count("up == 1") === 4 &&
      await count("metallb_bgp_session_up == 1") === 3 &&
      await count("metallb_bfd_session_up == 1") === 3 &&
      await count("metallb_bgp_announced_prefixes_total == 1") === 3 &&
      await count('metallb_speaker_announced{protocol="layer2"}') === 2);
    await told("no alert", async () => (await alerts()).length === 0);
  });

  await t.step("a speaker that is killed is told, and all that its fellows see of it", async () => {
    for (const ip of [VIP[4]]) await scene.client.arping(ip, 2);
    await failover.end(await failover.owner(VIP[4]), "SIGKILL");
    await told("the alerts", async () => {
      const found = await alerts();
      return ["HeraldDown", "HeraldSpeakerMissing"].every((name) => found.includes(name));
    });
    const others = new Set(
      (await alertsOf()).filter(({ labels }) => labels.severity === "critical")
        .map(({ alert }) => alert),
    );
    await told(
      "nothing that is critical",
      async () => (await alerts()).every((name) => !others.has(name)),
    );
  });

  await t.step("each query of the dashboards has an answer", async () => {
    let empty: string[] = [];
    await told("answers", async () => {
      empty = [];
      for (const { panel, expr } of dashboardQueries()) {
        // What is shown only when it is much, or little, is shown here in any case.
        const any = expr.replace(/ [<>] [\d *]+$/, "");
        if (!TAKE_LONG.has(panel) && await count(any) === 0) empty.push(`${panel}: ${any}`);
      }
      return empty.length === 0;
    }, () => empty);
  });

  await t.step("what is gone is gone from the metrics too", async () => {
    for (const name of ["v4", "v6", "routed"]) await scene.remove(`${name}.yaml`);
    await scene.write("config.yaml", config(OTHER));
    const stale = '{ip!=""} or {service!=""} or {peer!=""} or {pool=~"default|routed"}';
    let left: unknown = undefined;
    await told("no series of what was removed", async () => {
      left = (await ask(stale)).map(({ metric }) => metric);
      return await count(stale) === 0 && await count('{pool="other"}') > 0;
    }, () => left);
  });
});
