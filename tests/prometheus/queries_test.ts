import assert from "node:assert/strict";
import { dashboards } from "../../.ci/dashboards.ts";
import { metricRows } from "../../.ci/metrics.ts";
import { must } from "../support/process.ts";
import { ensurePrometheus } from "../support/prometheus.ts";
import { dashboardQueries } from "./queries.ts";
import { alertsOf } from "./rules.ts";

const LABELS = new Map((await metricRows()).map(({ name, labels }) => [name, labels]));
/** What Prometheus and its service discovery add to each series. */
const OF_TARGETS = ["cluster", "namespace", "instance", "job"];

/** What a query asks for that Herald does not have, one sentence each. */
function mistakes(expr: string): string[] {
  const found: string[] = [];
  const known = new Set([...OF_TARGETS, "le"]);
  for (
    const [, name = "", selector = ""] of expr.matchAll(
      /\b((?:herald|metallb|process)_\w+)(?:\{([^}]*)\})?/g,
    )
  ) {
    const labels = LABELS.get(name) ?? LABELS.get(name.replace(/_(bucket|count|sum)$/, ""));
    if (labels === undefined) {
      found.push(`there is no metric ${name}`);
      continue;
    }
    for (const label of labels) known.add(label);
    const own = new Set([...labels, ...OF_TARGETS, ...name.endsWith("_bucket") ? ["le"] : []]);
    for (const [, label = ""] of selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)) {
      if (!own.has(label)) found.push(`${name} has no label ${label}`);
    }
  }
  for (const [, names = ""] of expr.matchAll(/\b(?:by|on|ignoring|without) \(([^)]*)\)/g)) {
    for (const label of names.split(",").map((one) => one.trim())) {
      if (!known.has(label)) found.push(`no metric of it has a label ${label}`);
    }
  }
  return found;
}

Deno.test("the alerts ask for metrics and labels that Herald has", async () => {
  for (const { alert, expr } of await alertsOf()) assert.deepEqual(mistakes(expr), [], alert);
});

Deno.test("the dashboards ask for metrics and labels that Herald has", () => {
  const queries = dashboardQueries();
  assert.ok(queries.length > 30, `${queries.length}`);
  for (const { panel, expr } of queries) assert.deepEqual(mistakes(expr), [], panel);
});

Deno.test("a metric or a label that Herald has not is found", () => {
  assert.deepEqual(mistakes("sum(herald_no_such_total)"), [
    "there is no metric herald_no_such_total",
  ]);
  assert.deepEqual(mistakes('herald_leader{pool="p"}'), ["herald_leader has no label pool"]);
  assert.deepEqual(mistakes("sum by (peer) (herald_leader)"), ["no metric of it has a label peer"]);
});

Deno.test("promtool parses every query of the dashboards", async () => {
  const { promtool } = await ensurePrometheus();
  const rules = dashboardQueries().map(({ expr }, at) => ({ record: `query:${at}`, expr }));
  const file = await Deno.makeTempFile({ prefix: "herald-queries-", suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, JSON.stringify({ groups: [{ name: "queries", rules }] }));
    const said = await must(promtool, ["check", "rules", file]);
    assert.match(said, new RegExp(`SUCCESS: ${rules.length} rules found`));
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("deploy/grafana holds what deno run -A .ci/dashboards.ts writes", async () => {
  const folder = new URL("../../deploy/grafana/", import.meta.url);
  const made = dashboards();
  assert.deepEqual(
    [...Deno.readDirSync(folder)].map(({ name }) => name).sort(),
    Object.keys(made).sort(),
  );
  for (const [name, text] of Object.entries(made)) {
    assert.equal(await Deno.readTextFile(new URL(name, folder)), text);
  }
});

Deno.test("the dashboards can be imported: panels apart, each with a source that is chosen", () => {
  for (const [name, text] of Object.entries(dashboards())) {
    const { panels, schemaVersion, templating, uid } = JSON.parse(text);
    assert.equal(`${uid}.json`, name);
    assert.ok(schemaVersion >= 39);
    assert.equal(templating.list[0].type, "datasource");
    const ids = panels.map(({ id }: { id: number }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const taken = new Set<string>();
    for (
      const { title, type, gridPos: { x, y, w, h }, targets = [], datasource, description }
        of panels
    ) {
      for (let at = 0; at < w * h; at++) {
        const place = `${x + at % w} ${y + Math.floor(at / w)}`;
        assert.ok(!taken.has(place) && x + w <= 24, `${title} lies over another`);
        taken.add(place);
      }
      if (type === "row") continue;
      assert.ok(description.length > 3, title);
      assert.equal(datasource.uid, "${datasource}", title);
      for (const target of targets) assert.equal(target.datasource.uid, "${datasource}", title);
    }
  }
});

Deno.test("two installations are told apart: what is asked of each namespace is named after it", () => {
  for (const [name, text] of Object.entries(dashboards())) {
    const { panels, templating } = JSON.parse(text);
    for (const { title, targets = [] } of panels) {
      for (const { expr, legendFormat } of targets) {
        if (/^(?:100 \* )?max by \(cluster, namespace/.test(expr)) {
          assert.match(legendFormat, /\{\{namespace\}\}/, `${title} of ${name}`);
        }
      }
    }
    // Each choice leaves for the next what there is of it, and of no other program.
    const chosen = templating.list.map((one: { name: string }) => one.name);
    for (const [at, { name, definition = "" }] of templating.list.entries()) {
      for (const before of chosen.slice(1, at)) {
        assert.ok(definition.includes(`${before}=~"$${before}"`), `${name} asks for no ${before}`);
      }
    }
  }
});
