import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { controllerReady, freePort } from "../cluster/controller_process.ts";
import { start } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import { configMap, replaceFile, statusAddresses } from "../support/folder.ts";

const HERALD = fileURLToPath(new URL("../../dist/herald", import.meta.url));

Deno.test("a controller measures allocations and status writes, and tells of an old spelling once", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-metrics-" });
  const write = (name: string, object: unknown) =>
    replaceFile(folder, `${name}.json`, JSON.stringify(object));
  const service = (port: number) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: "web",
      namespace: "default",
      annotations: { "metallb.universe.tf/address-pool": "p" },
    },
    spec: { type: "LoadBalancer", ipFamilies: ["IPv4"], ports: [{ port }] },
  });
  try {
    const pool = "address-pools: [{name: p, protocol: layer2, addresses: [10.77.1.1/32]}]\n";
    await write("config", configMap(pool));
    const port = freePort();
    const flags = ["--role=controller", `--store=${folder}`, `--port=${port}`, "--log-format=json"];
    await using herald = start(HERALD, ["run", ...flags]);
    await controllerReady(port);
    await write("web", service(80));
    const address = async () => (await statusAddresses(folder, "web"))[0] === "10.77.1.1";
    await waitFor("the address", address);
    await write("web", service(81));
    await write("other", { ...service(81), metadata: { name: "other" } });
    await waitFor("a refusal", () => herald.output().includes("AllocationFailed"));
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    assert.match(metrics, /^herald_allocation_seconds_count 2$/m);
    assert.match(metrics, /^herald_status_write_seconds_count [1-9]/m);
    const told = [
      ...herald.output().matchAll(/"reason":"deprecatedAnnotation","message":"[^"]*"/g),
    ];
    assert.deepEqual(told.map(([text]) => text), [
      '"reason":"deprecatedAnnotation","message":"metallb.universe.tf/address-pool is deprecated; ' +
      'write metallb.io/address-pool"',
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
