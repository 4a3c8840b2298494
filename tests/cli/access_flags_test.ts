import assert from "node:assert/strict";
import { readAccess } from "../../lib/cli/access_flags.ts";
import { UsageError } from "../../lib/cli/flag_values.ts";

const CLUSTER = { store: undefined };

Deno.test("the pages are open and plain unless something else is said", () => {
  assert.deepEqual(readAccess({}, CLUSTER), { metricsAuth: "none", tls: undefined });
});

Deno.test("a token is never asked for in plain text", () => {
  assert.deepEqual(readAccess({ metricsAuth: "kubernetes" }, CLUSTER), {
    metricsAuth: "kubernetes",
    tls: "self-made",
  });
});

Deno.test("a pair is given by its files, or by the folder that MetalLB names", () => {
  const files = { certificate: "/etc/metrics/tls.crt", key: "/etc/metrics/tls.key" };
  for (
    const flags of [
      { tlsCert: files.certificate, tlsKey: files.key },
      { metricsCertDir: "/etc/metrics" },
      { metricsCertDir: "/etc/metrics//" },
    ]
  ) assert.deepEqual(readAccess(flags, CLUSTER), { metricsAuth: "none", tls: files });
});

Deno.test("what cannot be meant is refused", () => {
  const refused = (flags: Record<string, string>, store: string | undefined, message: RegExp) =>
    assert.throws(() => readAccess(flags, { store }), (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  refused({ metricsAuth: "yes" }, undefined, /none, kubernetes/);
  refused({ metricsAuth: "kubernetes" }, "/srv", /--store has none/);
  refused({ tlsCert: "a" }, undefined, /--tls-cert and --tls-key go together/);
  refused({ tlsKey: "a" }, undefined, /--tls-cert and --tls-key go together/);
  refused({ metricsCertDir: "a", tlsKey: "b" }, undefined, /excludes/);
  refused({ tlsCert: "", tlsKey: "b" }, undefined, /--tls-cert is empty/);
});
