import assert from "node:assert/strict";
import { must, run } from "../support/process.ts";
import { ensurePrometheus } from "../support/prometheus.ts";
import { type Alert, alertsOf, RULES } from "./rules.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";

const ALERTS = await alertsOf();
const { promtool } = await ensurePrometheus();

/** A scenario as promtool's unit tests write it; JSON is YAML too. */
function unitTest({ alert, name, series, at, fires }: Scenario) {
  const severity = ALERTS.find((one) => one.alert === alert)?.labels.severity;
  return {
    name: `${alert}: ${name}`,
    interval: "1m",
    input_series: Object.entries(series).map(([key, values]) => ({ series: key, values })),
    alert_rule_test: [{
      eval_time: `${at}m`,
      alertname: alert,
      exp_alerts: fires.map((labels) => ({ exp_labels: { ...labels, severity } })),
    }],
  };
}

/** promtool compares annotations word by word: the texts are read elsewhere, not repeated here. */
async function testRules(
  alerts: readonly Alert[],
  scenarios: readonly Scenario[],
): ReturnType<typeof run> {
  const folder = await Deno.makeTempDir({ prefix: "herald-rules-" });
  try {
    const rules = alerts.map(({ annotations: _, ...rule }) => rule);
    const write = (name: string, value: unknown) =>
      Deno.writeTextFile(`${folder}/${name}`, JSON.stringify(value));
    await write("rules.yaml", { groups: [{ name: "herald", rules }] });
    await write("test.yaml", { rule_files: ["rules.yaml"], tests: scenarios.map(unitTest) });
    return await run(promtool, ["test", "rules", `${folder}/test.yaml`]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("promtool finds nothing to say against the rules", async () => {
  const said = await must(promtool, ["check", "rules", RULES]);
  assert.match(said, new RegExp(`SUCCESS: ${ALERTS.length} rules found`));
});

Deno.test("each alert fires where it should and is silent where it should, by promtool", async () => {
  const { code, stdout, stderr } = await testRules(ALERTS, SCENARIOS);
  assert.equal(code, 0, stdout + stderr);
});

Deno.test("each alert has series that fire and series that do not", () => {
  const missing = ALERTS.flatMap(({ alert }) => {
    const own = SCENARIOS.filter((scenario) => scenario.alert === alert);
    return [
      ...own.some(({ fires }) => fires.length > 0) ? [] : [`${alert} never fires`],
      ...own.some(({ fires }) => fires.length === 0) ? [] : [`${alert} is never silent`],
    ];
  });
  assert.deepEqual(missing, []);
  const names = new Set(ALERTS.map(({ alert }) => alert));
  assert.deepEqual(SCENARIOS.filter(({ alert }) => !names.has(alert)), []);
});

Deno.test("series that ought to fire fail the test of an alert that waits too long or never fires", async () => {
  for (const broken of [{ for: "2h" }, { expr: "vector(0) > 1" }]) {
    for (const alert of ALERTS) {
      const firing = SCENARIOS.filter((one) => one.alert === alert.alert && one.fires.length > 0);
      if (firing[0] === undefined) continue;
      const { code } = await testRules([{ ...alert, ...broken }], firing.slice(0, 1));
      assert.notEqual(code, 0, `${alert.alert} with ${JSON.stringify(broken)}`);
    }
  }
});

Deno.test("each alert says what happened, what it means and what to do, and how soon", () => {
  for (const { alert, annotations, labels } of ALERTS) {
    assert.match(alert, /^Herald[A-Z]/);
    assert.deepEqual(Object.keys(annotations).sort(), ["description", "runbook", "summary"], alert);
    for (const [key, text] of Object.entries(annotations)) {
      assert.ok(text.length > (key === "summary" ? 15 : 40), `${alert}: ${key} "${text}"`);
    }
    assert.ok(["critical", "warning", "info"].includes(labels.severity ?? ""), alert);
  }
});

Deno.test("a runbook that asks a page tells the way to closed pages too", () => {
  const asking = ALERTS.filter(({ annotations: { runbook = "" } }) => /curl http:/.test(runbook));
  assert.ok(asking.length >= 2);
  for (const { alert, annotations: { runbook = "" } } of asking) {
    assert.match(runbook, /closed\s+curl -k https:/, alert);
  }
  // What closed metrics answer to who asks as before looks like a process that is gone.
  const down = ALERTS.find(({ alert }) => alert === "HeraldDown")?.annotations.runbook ?? "";
  assert.match(down, /40[13].*https.*token.*herald-metrics-reader/s);
});
