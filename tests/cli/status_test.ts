import assert from "node:assert/strict";
import { NO_ROLE, pageInPod, statusReport } from "../../lib/cli/status.ts";
import { statusText } from "../../lib/status/text.ts";
import { PROCESS_STATUS as STATUS } from "../support/status.ts";

const OTHER = { ...STATUS, pid: 2 };

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

Deno.test("in a pod status asks where the manifest's variables say that the role listens", () => {
  const asked = (env: Record<string, string>) => pageInPod((name) => env[name]);
  assert.equal(asked({}), "http://127.0.0.1:7472");
  const variables = { METALLB_HOST: "fd00::1", METALLB_PORT: "9120" };
  assert.equal(asked(variables), "http://[fd00::1]:9120");
});

Deno.test("where no role runs, status says how to ask a cluster before it says how to start one", () => {
  const asked = NO_ROLE.indexOf(
    "kubectl -n metallb-system exec deploy/controller -- herald status",
  );
  assert.ok(asked > 0 && asked < NO_ROLE.indexOf("herald run"));
});
