import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { controllerReady, freePort } from "../cluster/controller_process.ts";
import { configMap, replaceFile, statusAddresses } from "../support/folder.ts";
import { must, start } from "../support/process.ts";
import { ensurePrometheus } from "../support/prometheus.ts";
import { waitFor } from "../support/wait.ts";
import { dashboardQueries } from "./queries.ts";
import { alertsOf, RULES } from "./rules.ts";

const HERALD = fileURLToPath(new URL("../../dist/herald", import.meta.url));
const CONFIG = `
address-pools: [{ name: p, protocol: bgp, addresses: [198.51.100.1/32] }]
peers: [{ my-asn: 64500, peer-asn: 64501, peer-address: 127.0.0.9, bfd-profile: quick }]
bfd-profiles: [{ name: quick }]
`;
/** Panels without a value here: nothing is announced, nothing fails over, no pool grows. */
const EMPTY = new Set([
  "Full in",
  "Until a pool is full",
  "Who announces what",
  "Addresses of each node",
  "Handovers",
  "Silence before a speaker was given up",
  "Requests and replies",
  "Prefixes",
]);

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly alerts: readonly { readonly annotations: Readonly<Record<string, string>> }[];
}

/** Asks Prometheus; gives `data` of its answer. @throws Error with what it says */
async function ask<T>(port: number, path: string): Promise<T> {
  const answer = await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json();
  if (answer.status !== "success") throw new Error(`${path}: ${answer.error}`);
  return answer.data;
}

async function series(port: number, expr: string): Promise<readonly unknown[]> {
  const query = `query?query=${encodeURIComponent(expr)}`;
  return (await ask<{ readonly result: readonly unknown[] }>(port, query)).result;
}

function service() {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: { type: "LoadBalancer", ipFamilies: ["IPv4"], ports: [{ port: 80 }] },
  };
}

const node = { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } };

function prometheusConfig(targets: readonly string[]): string {
  const labels = { cluster: "c", namespace: "metallb-system" };
  return stringify({
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: [RULES],
    scrape_configs: [{ job_name: "herald", static_configs: [{ targets, labels }] }],
  });
}

Deno.test("a real Prometheus scrapes both roles of the binary and evaluates every alert and dashboard", async (t) => {
  await using held = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "herald-scrape-" });
  held.defer(() => Deno.remove(folder, { recursive: true }));
  const store = `${folder}/store`;
  await Deno.mkdir(store);
  for (
    const [name, object] of Object.entries({ config: configMap(CONFIG), web: service(), node })
  ) {
    await replaceFile(store, `${name}.json`, JSON.stringify(object));
  }
  const [controller, speaker, gossip, port] = [freePort(), freePort(), freePort(), freePort()];
  const common = ["run", `--store=${store}`, "--host=127.0.0.1"];
  const asSpeaker = [
    "--node-name=n1",
    "--interface=nothing0",
    "--ml-bindaddr=127.0.0.1",
    `--ml-bindport=${gossip}`,
  ];
  held.use(start(HERALD, [...common, "--role=controller", `--port=${controller}`]));
  held.use(start(HERALD, [...common, "--role=speaker", `--port=${speaker}`, ...asSpeaker]));
  const programs = await ensurePrometheus();
  const config = `${folder}/prometheus.yaml`;
  const targets = [controller, speaker].map((one) => `127.0.0.1:${one}`);
  await Deno.writeTextFile(config, prometheusConfig(targets));
  const flags = [`--config.file=${config}`, `--storage.tsdb.path=${folder}/data`];
  const prometheus = held.use(
    start(programs.prometheus, [...flags, `--web.listen-address=127.0.0.1:${port}`]),
  );
  await controllerReady(controller);
  await waitFor("the address", async () => (await statusAddresses(store, "web")).length === 1);
  const scraped = async () => {
    const found = await series(port, "changes(process_cpu_seconds_total[1m]) >= 1").catch(() => []);
    const allocated = await series(port, "metallb_allocator_addresses_in_use_total == 1")
      .catch(() => []);
    const down = await series(port, "metallb_bgp_session_up == 0").catch(() => []);
    return found.length === 2 && allocated.length === 1 && down.length === 1;
  };
  await waitFor(`two scrapes of both roles\n${prometheus.output()}`, scraped, {
    timeoutMs: 30_000,
  });

  await t.step(
    "each alert is evaluated without an error, and its texts have their values",
    async () => {
      const rules = async () => {
        const { groups } = await ask<
          { readonly groups: readonly { readonly rules: readonly Rule[] }[] }
        >(port, "rules");
        return groups.flatMap((group) => group.rules);
      };
      const bgpDown = async () =>
        (await rules()).some(({ name, alerts }) =>
          name === "HeraldBGPSessionDown" && alerts.length > 0
        );
      await waitFor("HeraldBGPSessionDown to be pending", bgpDown);
      const all = await rules();
      assert.equal(all.length, (await alertsOf()).length);
      for (const { name, health, lastError, alerts } of all) {
        assert.equal(health, "ok", `${name}: ${lastError}`);
        for (const text of alerts.flatMap(({ annotations }) => Object.values(annotations))) {
          assert.doesNotMatch(text, /\{\{|<no value>|error expanding/i, name);
        }
      }
    },
  );

  await t.step(
    "each query of the dashboards has an answer, and a value where something happens",
    async () => {
      const shown = new Map<string, number>();
      for (const { panel, expr } of dashboardQueries()) {
        shown.set(panel, (shown.get(panel) ?? 0) + (await series(port, expr)).length);
      }
      const empty = [...shown].filter(([panel, count]) => count === 0 && !EMPTY.has(panel));
      assert.deepEqual(empty, []);
    },
  );

  await t.step("promtool complains of names that are MetalLB's alone", async () => {
    for (const target of targets) {
      const text = await (await fetch(`http://${target}/metrics`)).text();
      const file = `${folder}/metrics.txt`;
      await Deno.writeTextFile(file, text);
      const said = await must("sh", [
        "-c",
        '"$1" check metrics <"$2" 2>&1 || true',
        "sh",
        programs.promtool,
        file,
      ]);
      const own = said.split("\n").filter((line) => line !== "" && !line.startsWith("metallb_"));
      assert.deepEqual(own, [], target);
    }
  });

  await t.step("the compiled binary may read what its process metrics tell of", async () => {
    for (
      const name of ["resident_memory_bytes", "open_fds", "start_time_seconds", "cpu_seconds_total"]
    ) {
      assert.equal((await series(port, `process_${name} > 0`)).length, 2, name);
    }
  });
});
