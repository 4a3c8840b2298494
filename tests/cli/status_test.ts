import assert from "node:assert/strict";
import { statusReport } from "../../lib/cli/status.ts";
import { statusText } from "../../lib/status/text.ts";
import type { ProcessStatus } from "../../lib/status/types.ts";

const STATUS: ProcessStatus = {
  pid: 42,
  version: "0.1.0",
  role: "all",
  startedAt: "2026-01-01T00:00:00Z",
  objects: "store /srv/lb",
  namespace: "metallb-system",
  ready: true,
  notReady: [],
  unhealthy: [],
  config: { state: "loaded", source: "pools.yaml", problems: [] },
};
const OTHER = { ...STATUS, pid: 43 };

Deno.test("statusReport() gives all processes as one JSON object, also when there is none", () => {
  assert.deepEqual(JSON.parse(statusReport([STATUS, OTHER], "json")), { roles: [STATUS, OTHER] });
  assert.deepEqual(JSON.parse(statusReport([], "json")), { roles: [] });
});

Deno.test("statusReport() gives one text after the other, and nothing for nobody", () => {
  assert.equal(
    statusReport([STATUS, OTHER], "text"),
    `${statusText(STATUS)}\n${statusText(OTHER)}`,
  );
  assert.equal(statusReport([], "text"), "");
});
