import assert from "node:assert/strict";
import { findProblems, NO_ROLE, pagesInPod, statusReport } from "../../lib/cli/status.ts";
import { statusText } from "../../lib/status/text.ts";
import { PROCESS_STATUS as STATUS } from "../support/status.ts";

const OTHER = { ...STATUS, pid: 2 };

Deno.test("statusReport() gives all processes as one JSON object, also when there is none", () => {
  const roles = [STATUS, OTHER];
  assert.deepEqual(JSON.parse(statusReport({ roles }, "json")), { schema: 1, roles });
  assert.deepEqual(JSON.parse(statusReport({ roles: [] }, "json")), {
    schema: 1,
    roles: [],
  });
});

Deno.test("statusReport() gives one text after the other, and nothing for nobody", () => {
  assert.equal(
    statusReport({ roles: [STATUS, OTHER] }, "text"),
    `${statusText(STATUS)}\n${statusText(OTHER)}`,
  );
  assert.equal(statusReport({ roles: [] }, "text"), "");
});

Deno.test("fault 23: in a pod status asks where the variables or its own flag say that the role listens", () => {
  const asked = (env: Record<string, string>, port?: number) =>
    pagesInPod(port, (name) => env[name]);
  assert.deepEqual(asked({}), ["http://127.0.0.1:7472", "http://[::1]:7472"]);
  assert.deepEqual(asked({}, 19_472), ["http://127.0.0.1:19472", "http://[::1]:19472"]);
  const variables = { METALLB_HOST: "fd00::1", METALLB_PORT: "9120" };
  assert.deepEqual(asked(variables), ["http://[fd00::1]:9120"]);
  assert.deepEqual(asked(variables, 19_472), ["http://[fd00::1]:19472"]);
});

Deno.test("where no role runs, status says how to ask a cluster before it says how to start one", () => {
  assert.match(NO_ROLE, /herald status --cluster/);
  const asked = NO_ROLE.indexOf(
    "kubectl -n metallb-system exec deploy/controller -- herald status",
  );
  assert.ok(asked > 0 && asked < NO_ROLE.indexOf("herald run"));
});

Deno.test("first use P8: statusReport() names the pods of a cluster, those that were not reached, and what is wrong", () => {
  const roles = [{ ...STATUS, pod: "lb/c-1" }];
  const silent = [{ pod: "lb/s-1", why: "no answer" }];
  assert.equal(
    statusReport({ roles, silent }, "text"),
    `pod lb/c-1\n${statusText(STATUS)}\nNot reached:\n  lb/s-1: no answer\n`,
  );
  const problems = findProblems({ roles, silent });
  assert.deepEqual(problems, ["pod lb/s-1 was not reached: no answer"]);
  const told = statusReport({ roles, silent, problems }, "text");
  assert.match(told, /\nWrong:\n {2}pod lb\/s-1 was not reached: no answer\n$/);
  assert.doesNotMatch(told, /Not reached:/);
  assert.match(statusReport({ roles, problems: [] }, "text"), /\nNothing is wrong\.\n$/);
  assert.deepEqual(JSON.parse(statusReport({ roles, silent, problems }, "json")), {
    schema: 1,
    roles,
    silent,
    problems,
  });
});

Deno.test("what nobody does is wrong in a cluster that was asked whole, and not on one machine", () => {
  assert.deepEqual(findProblems({ roles: [STATUS] }), []);
  assert.deepEqual(findProblems({ roles: [STATUS], silent: [] }), [
    "no controller runs: no Service is given an address",
    "no speaker runs: no address is announced",
  ]);
});
