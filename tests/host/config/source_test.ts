import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import {
  type ConfigFound,
  type ConfigInput,
  watchConfig,
} from "../../../lib/host/config/source.ts";
import { fedCluster } from "../../support/fed_cluster.ts";
import { recordedLog } from "../../support/log.ts";
import { until } from "../../support/mock_api.ts";

const PREFIX = "ConfigMap/metallb-system/";

/** The text that an input reads; the tests' letters are no configurations. */
function textOf(input: ConfigFound): string {
  return input.read().text ?? "?";
}

function configMap(name: string, version: string, config: string, uid = "1") {
  return {
    metadata: { name, namespace: "metallb-system", uid, resourceVersion: version },
    data: { config },
  };
}

async function watching(
  config: string | undefined,
  use: (
    cluster: { put(name: string, ...objects: unknown[]): void; names(): string[] },
    given: () => Promise<string[]>,
    inputs: ConfigInput[],
    log: ReturnType<typeof recordedLog>,
  ) => Promise<void>,
): Promise<void> {
  const { cluster, list, watches } = fedCluster();
  const stop = new AbortController();
  const inputs: ConfigInput[] = [];
  const log = recordedLog();
  const source = watchConfig(
    { cluster, clock: systemClock, namespace: "metallb-system", config, log },
    (input) => inputs.push(input),
    stop.signal,
  );
  const given = async () => {
    await Promise.resolve();
    return inputs.map((input) => input.kind === "absent" ? `!${input.reason}` : textOf(input));
  };
  const put = (name: string, ...objects: unknown[]) => list(PREFIX + name, ...objects);
  await use({ put, names: watches }, given, inputs, log);
  stop.abort();
  await source.done;
}

Deno.test("fault 21: watchConfig() takes the ConfigMap config, else metallb-config, else metallb, as charts name it", async () => {
  await watching(undefined, async ({ put, names }, given, inputs) => {
    assert.deepEqual(names(), [
      "ConfigMap/metallb-system/config",
      "ConfigMap/metallb-system/metallb-config",
      "ConfigMap/metallb-system/metallb",
    ]);
    put("metallb", configMap("metallb", "9", "z"));
    put("metallb-config", configMap("metallb-config", "1", "a"));
    // The other name may still turn out to be there.
    assert.deepEqual(await given(), []);
    put("config");
    assert.deepEqual(await given(), ["a"]);
    const [first] = inputs;
    assert.ok(first?.kind === "found");
    assert.equal(first.source, "configmap metallb-system/metallb-config key config");
    assert.deepEqual(first.object, {
      kind: "ConfigMap",
      namespace: "metallb-system",
      name: "metallb-config",
      uid: "1",
    });
    put("config", configMap("config", "2", "b"));
    assert.deepEqual(await given(), ["a", "b"]);
    put("metallb-config", configMap("metallb-config", "3", "c"));
    assert.deepEqual(await given(), ["a", "b"]);
  });
});

Deno.test("watchConfig() watches only the ConfigMap that was named", async () => {
  await watching("mine", async ({ put, names }, given) => {
    assert.deepEqual(names(), ["ConfigMap/metallb-system/mine"]);
    put("mine");
    assert.deepEqual(await given(), ["!there is no ConfigMap metallb-system/mine"]);
  });
});

Deno.test("watchConfig() does not hand over the same content under a new version", async () => {
  await watching("c", async ({ put }, given) => {
    put("c", configMap("c", "1", "a"));
    put("c", configMap("c", "2", "a"));
    assert.deepEqual(await given(), ["a"]);
    put("c", configMap("c", "3", "b"));
    assert.deepEqual(await given(), ["a", "b"]);
  });
});

Deno.test("watchConfig() takes a ConfigMap that was deleted and made again for one change", async () => {
  await watching("c", async ({ put }, given) => {
    put("c", configMap("c", "1", "a"));
    await given();
    put("c", configMap("c", "5", "b", "another uid"));
    assert.deepEqual(await given(), ["a", "b"]);
  });
});

Deno.test("watchConfig() says once that there is none", async () => {
  await watching("c", async ({ put }, given) => {
    put("c", configMap("c", "1", "a"));
    await given();
    put("c");
    await given();
    put("c");
    assert.deepEqual(await given(), ["a", "!there is no ConfigMap metallb-system/c"]);
  });
});

Deno.test("watchConfig() reads a local file where the name has a slash or an extension", async () => {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(path, "address-pools: []");
  const stop = new AbortController();
  const inputs: ConfigInput[] = [];
  const source = watchConfig(
    {
      cluster: fedCluster().cluster,
      clock: systemClock,
      namespace: "metallb-system",
      config: path,
      log: recordedLog(),
    },
    (input) => inputs.push(input),
    stop.signal,
  );
  await until("the file", () => inputs.length > 0);
  const [first] = inputs;
  assert.ok(first?.kind === "found");
  assert.deepEqual([first.source, first.object], [path, undefined]);
  assert.deepEqual(first.read().config?.pools, []);
  stop.abort();
  await source.done;
  await Deno.remove(path);
});
