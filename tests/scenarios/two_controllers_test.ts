import assert from "node:assert/strict";
import { stringify } from "@std/yaml";
import { controllerReady, freePort } from "../cluster/controller_process.ts";
import { HERALD } from "../cluster/stage.ts";
import { type RunningProcess, start } from "../support/process.ts";
import { parseStatus } from "../support/status.ts";
import { waitFor } from "../support/wait.ts";
import { configMap, replaceFile, statusAddresses } from "../support/folder.ts";

const CONFIG = "address-pools: [{name: default, protocol: layer2, addresses: [10.79.0.0/24]}]";

function serviceOf(name: string) {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { type: "LoadBalancer", clusterIP: "172.17.0.9", ports: [{ port: 80 }] },
  };
}

async function roleOf(port: number): Promise<string | undefined> {
  const status = parseStatus(await (await fetch(`http://127.0.0.1:${port}/status`)).text());
  return status.controller?.lead?.role;
}

Deno.test("two controllers on one folder: one writes, the other takes over when that one is killed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-two-" });
  const write = (name: string, object: unknown) =>
    replaceFile(folder, `${name}.yaml`, stringify(object));
  const address = async (name: string) => (await statusAddresses(folder, name))[0];
  const addresses = (prefix: string, count: number) =>
    waitFor(`${count} addresses`, async () => {
      const names = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
      const found = await Promise.all(names.map(address));
      return found.every((ip) => ip !== undefined) && found;
    });
  try {
    await write("config", configMap(CONFIG));
    await using processes = new AsyncDisposableStack();
    const both = Array.from({ length: 2 }, (): { port: number; process: RunningProcess } => {
      const port = freePort();
      const flags = ["--role=controller", `--store=${folder}`, `--port=${port}`];
      return {
        port,
        process: processes.use(start(HERALD, ["run", ...flags, "--log-format=json"])),
      };
    });
    for (const { port } of both) await controllerReady(port);
    for (let index = 0; index < 20; index++) await write(`a${index}`, serviceOf(`a${index}`));
    const first = await addresses("a", 20);
    assert.equal(new Set(first).size, 20, "an address stands twice");
    const roles = await Promise.all(both.map(({ port }) => roleOf(port)));
    assert.deepEqual([...roles].sort(), ["leader", "standby"]);
    const leader = both[roles.indexOf("leader")];
    const standby = both[roles.indexOf("standby")];
    assert.ok(leader && standby);
    assert.doesNotMatch(standby.process.output(), /address assigned/);

    await leader.process.end("SIGKILL");
    for (let index = 0; index < 5; index++) await write(`b${index}`, serviceOf(`b${index}`));
    const second = await addresses("b", 5);
    assert.equal(new Set([...first, ...second]).size, 25, "an address stands twice");
    assert.deepEqual(await addresses("a", 20), first, "what stood was left alone");
    assert.equal(await roleOf(standby.port), "leader");
    // A third one stands by; released in good order, it leads at once.
    const port = freePort();
    const flags = ["--role=controller", `--store=${folder}`, `--port=${port}`];
    processes.use(start(HERALD, ["run", ...flags, "--log-format=json"]));
    await controllerReady(port);
    assert.equal(await roleOf(port), "standby");
    assert.equal(await standby.process.end("SIGTERM"), 0, standby.process.output());
    await waitFor("the third", async () => await roleOf(port) === "leader");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
