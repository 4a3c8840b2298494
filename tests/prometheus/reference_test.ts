import assert from "node:assert/strict";
import { metricRows, metricsPage } from "../../.ci/metrics.ts";

const PAGE = await Deno.readTextFile(new URL("../../docs/metrics.md", import.meta.url));

Deno.test("docs/metrics.md says of each metric what the code says; deno run -A .ci/metrics.ts makes it so", async () => {
  assert.equal(PAGE, await metricsPage());
});

Deno.test("docs/metrics.md has a line for each metric, with its labels", async () => {
  const rows = await metricRows();
  assert.ok(rows.length > 60, `${rows.length}`);
  for (const { name, labels } of rows) {
    const line = PAGE.split("\n").find((one) => one.startsWith(`| \`${name}\` `));
    assert.ok(line, name);
    for (const label of labels) assert.ok(line.includes(`\`${label}\``), `${name} ${label}`);
  }
});

Deno.test("Herald's own counters end in _total, as Prometheus' tools want it", async () => {
  const odd = (await metricRows()).filter(({ name, type }) =>
    type === "counter" && !name.startsWith("metallb_") && !name.endsWith("_total")
  );
  assert.deepEqual(odd, []);
});
