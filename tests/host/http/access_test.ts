import assert from "node:assert/strict";
import { openAccess } from "../../../lib/host/http/access.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import { systemClock } from "../../../lib/host/process/clock.ts";
import { SILENT_LOG } from "../../support/log.ts";
import { RUN_OPTIONS } from "../../support/run_options.ts";

const host = {
  cluster: { description: "DIR", review: () => Promise.resolve({ kind: "allowed" } as const) },
  clock: systemClock,
  log: SILENT_LOG,
  metrics: createMetrics().http,
};
const { signal } = new AbortController();

Deno.test("openAccess() guards nothing and shows no certificate unless it is asked to", async () => {
  const { certificate, guard, status } = await openAccess(RUN_OPTIONS, host, signal);
  assert.deepEqual([certificate, guard], [undefined, undefined]);
  assert.deepEqual(JSON.stringify(status()), "{}");
});

Deno.test("openAccess() makes a certificate and guards by the cluster", async () => {
  const options = { ...RUN_OPTIONS, metricsAuth: "kubernetes", tls: "self-made" } as const;
  const { certificate, guard, status } = await openAccess(options, host, signal);
  assert.match(certificate?.current().certificate ?? "", /BEGIN CERTIFICATE/);
  const fields = new Map([["authorization", "Bearer t"]]);
  assert.equal(await guard?.({ path: "/metrics", fields }), undefined);
  assert.equal((await guard?.({ path: "/metrics", fields: new Map() }))?.status, 401);
  assert.equal(status().access, "kubernetes");
});

Deno.test("openAccess() is refused where there is nobody to ask, and never opens the pages", async () => {
  const options = { ...RUN_OPTIONS, metricsAuth: "kubernetes", tls: "self-made" } as const;
  const cluster = { description: "the folder /srv" };
  await assert.rejects(openAccess(options, { ...host, cluster }, signal), /the folder \/srv/);
});

Deno.test("openAccess() names what it cannot use, and the flags that name it", async () => {
  const tls = { certificate: "/nowhere/tls.crt", key: "/nowhere/tls.key" };
  await assert.rejects(
    openAccess({ ...RUN_OPTIONS, tls }, host, signal),
    /\/nowhere\/tls\.crt.*--tls-cert.*--metrics-cert-dir/,
  );
});
