import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { makeManifests, renderChart } from "../../.ci/manifests.ts";
import { ensureHelm } from "../support/kube_binaries.ts";
import { must, run } from "../support/process.ts";
import { CHART, EVERYTHING, type Json, leavesOf, readValues } from "./values.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const helm = await ensureHelm();

/** Arguments of helm that set one value. */
function setting(path: string, value: Json): string {
  return `--set-json=${path}=${JSON.stringify(value)}`;
}

/** Another value of the same kind; those that only certain words fit stand here. */
function another(path: string, value: Json): Json {
  const words: Record<string, Json> = {
    logLevel: "error",
    logFormat: "pretty",
    pullPolicy: "Always",
    profile: "fast",
    arpBackend: "xdp",
    l2Election: "v0.10",
    interval: "20s",
    mlBindAddrOverride: "10.0.0.9",
  };
  const key = path.split(".").pop() ?? "";
  if (path === "speaker.heartbeat.interval") return "100ms";
  if (path === "controller.strategy.type") return "Recreate";
  if (path === "speaker.updateStrategy.type") return "OnDelete";
  if (key in words) return words[key] ?? "";
  if (key === "imagePullSecrets") return [{ name: "another" }];
  if (/extraArgs|interfaces/.test(key)) return ["--another"];
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value + 2;
  if (typeof value === "string") return `${value}another`;
  if (Array.isArray(value)) return [{ another: "one" }];
  return { another: "one" };
}

async function inFours<T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const worker = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await act(one);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

Deno.test("the files that are made from the chart are those that it gives", async () => {
  for (const [path, text] of await makeManifests(helm)) {
    assert.equal(
      await Deno.readTextFile(ROOT + path),
      text,
      `${path} is not what the chart gives: deno run -A .ci/manifests.ts`,
    );
  }
});

Deno.test("helm finds nothing to say of the chart", async () => {
  const told = await must(helm, ["lint", "--strict", CHART]);
  assert.doesNotMatch(told, /WARNING|ERROR/);
});

Deno.test("every value of the chart changes what is rendered", async () => {
  const values = `--values=${EVERYTHING}`;
  const everything = leavesOf(await readValues(EVERYTHING));
  const before = await renderChart(helm, [values]);
  // Where another value leaves no other trace than being there.
  const apart = new Map([
    // Only a ConfigMap of the chart's own can be kept, and another one excludes it.
    ["existingConfigMap", ["--set-json=configInline=null"]],
    ["controller.leaderElection.enabled", [
      "--set=controller.replicas=1,controller.strategy.type=Recreate",
    ]],
    // The name of all objects beats these.
    ["nameOverride", ["--set=fullnameOverride="]],
    // Each role's own image beats that of all.
    ["image.repository", ["--set=controller.image.repository="]],
    ["image.tag", ["--set=controller.image.tag="]],
    ["image.pullPolicy", ["--set=controller.image.pullPolicy="]],
  ]);
  const without: string[] = [];
  await inFours([...leavesOf(await readValues())], async ([path, value]) => {
    const beside = apart.get(path) ?? [];
    const base = beside.length === 0 ? before : await renderChart(helm, [values, ...beside]);
    const set = everything.get(path) ?? value;
    const after = await renderChart(helm, [values, ...beside, setting(path, another(path, set))]);
    if (after === base) without.push(path);
    for (const document of parseAllDocuments(after)) {
      assert.deepEqual(document.errors, [], path);
    }
  });
  assert.deepEqual(without, [], "values that change nothing");
});

Deno.test("a misspelt key is refused, and the message has it", async () => {
  for (const path of ["speeker.image.tag", "speaker.imagee.tag", "prometheus.podMonitor.enable"]) {
    const { code, stderr } = await run(helm, ["template", "x", CHART, `--set=${path}=true`]);
    assert.equal(code, 1, path);
    const [misspelt] = path.split(".").filter((key) => /speeker|imagee|enable$/.test(key));
    assert.match(stderr, new RegExp(`additional properties '${misspelt}' not allowed`));
  }
});

Deno.test("values that contradict each other are refused with the reason", async () => {
  const refused = async (set: string, reason: RegExp) => {
    const { code, stderr } = await run(helm, ["template", "x", CHART, `--set=${set}`]);
    assert.equal(code, 1, set);
    assert.match(stderr, reason);
  };
  await refused("controller.leaderElection.enabled=false", /two controllers would give out/);
  await refused("existingConfigMap=mine,configInline.peers=x", /exclude each other/);
});
