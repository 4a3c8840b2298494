import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import { FOR_ALL } from "../../../lib/config/types.ts";
import type { Watched } from "../../../lib/host/cluster/cluster.ts";
import { openFolderCluster } from "../../../lib/host/folder/cluster.ts";
import { watchNamespaces } from "../../../lib/host/controller/namespaces.ts";
import { config, pool } from "../../controller/fixture.ts";
import { recordedLog } from "../../support/log.ts";
import { waitFor } from "../../support/wait.ts";

const SELECTING = config(pool("p", "10.0.0.1", {
  serviceAllocation: {
    ...FOR_ALL,
    namespaceSelectors: [{ matchLabels: new Map([["team", "red"]]), matchExpressions: [] }],
  },
}));

Deno.test("watchNamespaces() watches nothing until a pool selects by their labels", () => {
  const stop = new AbortController();
  let watches = 0;
  const cluster = {
    watch<T>(): Watched<T> {
      watches++;
      throw new Error("Not asked for");
    },
  };
  const namespaces = watchNamespaces(cluster, () => assert.fail(), stop.signal);
  assert.equal(namespaces.readyFor(config(pool("p", "10.0.0.1"))), true);
  assert.equal(watches, 0);
  assert.equal(namespaces.items.size, 0);
  stop.abort();
});

Deno.test("watchNamespaces() is ready when all are known, and tells of each change", async () => {
  const folder = await Deno.makeTempDir();
  const write = (team: string) =>
    Deno.writeTextFile(
      `${folder}/shop.yaml`,
      `apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: ${team}}}\n`,
    );
  await write("red");
  const stop = new AbortController();
  const cluster = await openFolderCluster(
    folder,
    false,
    { clock: systemClock, log: recordedLog() },
    stop.signal,
  );
  let changes = 0;
  const namespaces = watchNamespaces(cluster, () => changes++, stop.signal);
  assert.equal(namespaces.readyFor(SELECTING), false);
  await waitFor("the labels", () => namespaces.readyFor(SELECTING));
  assert.equal(namespaces.items.get("shop")?.labels.get("team"), "red");
  assert.equal(changes, 1);
  await write("blue");
  await waitFor(
    "the other label",
    () => namespaces.items.get("shop")?.labels.get("team") === "blue",
  );
  assert.equal(changes, 2);
  stop.abort();
  await namespaces.done;
  await Deno.remove(folder, { recursive: true });
});
