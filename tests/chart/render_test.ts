import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { makeManifests, renderChart } from "../../.ci/manifests.ts";
import { ensureHelm } from "../support/kube_binaries.ts";
import { must, run } from "../support/process.ts";
import {
  CHART,
  EVERYTHING,
  isObject,
  type Json,
  type JsonObject,
  leavesOf,
  optionalPaths,
  readValues,
} from "./values.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
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
    compat: "v0.12",
    l2Election: "v0.10",
    interval: "20s",
    metricsAuth: "none",
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

/** The objects of a rendered chart, read as Kubernetes reads them. */
function objectsOf(rendered: string): JsonObject[] {
  return parseAllDocuments(rendered, { version: "1.1" }).map((document) => {
    assert.deepEqual(document.errors, []);
    const object: Json = document.toJS();
    assert(isObject(object));
    return object;
  });
}

/** What is at the end of each path that is no text. */
function notText(value: Json | undefined, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((one, at) => notText(one, `${path}/${at}`));
  if (isObject(value)) {
    return Object.entries(value).flatMap(([key, one]) => notText(one, `${path}/${key}`));
  }
  return typeof value === "string" ? [] : [`${path}: ${value}`];
}

/** A value that shows where the chart makes ServiceMonitors and no PodMonitor. */
function serviceMonitor(key: string): readonly [string, readonly string[]] {
  const set = ["--set=prometheus.podMonitor.enabled=false"];
  const enable = key === "enabled" ? [] : ["--set=prometheus.serviceMonitor.enabled=true"];
  return [`prometheus.serviceMonitor.${key}`, [...set, ...enable]];
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
    // Each pod is scraped by one of them.
    ...["enabled", "jobLabel", "interval", "metricRelabelings", "relabelings"].map(serviceMonitor),
    ...["controller", "speaker"].flatMap((role) =>
      ["additionalLabels", "annotations", "tlsConfig.insecureSkipVerify"].map((key) =>
        serviceMonitor(`${role}.${key}`)
      )
    ),
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

Deno.test("a text stays a text, also where it looks like a number or a word of YAML", async () => {
  const all = [...leavesOf(await readValues()), ...leavesOf(await readValues(EVERYTHING))];
  const texts = [...new Map(all)]
    .filter(([path, value]) =>
      typeof value === "string" && another(path, value) === `${value}another` &&
      // Quantities, and what a key with a dot leads to.
      !/\.(interval|maxUnavailable|maxSurge)$|example\.org|resources|Context|configInline/.test(
        path,
      )
    ).map(([path]) => path).filter((path) => path !== "fullnameOverride");
  assert(texts.length > 20, "texts were found");
  const render = async (text: string) => {
    const rendered = await must(helm, [
      "template",
      text,
      CHART,
      `--namespace=${text}`,
      `--values=${EVERYTHING}`,
      `--set-string=fullnameOverride=,${texts.map((path) => `${path}=${text}`).join(",")}`,
      "--set-json=configInline=null",
    ]);
    return objectsOf(rendered).flatMap((object, at) => notText(object, `${at}`));
  };
  const plain = await render("plain");
  for (const text of ["123", "no", "7e3", "y"]) assert.deepEqual(await render(text), plain, text);
});

Deno.test("a value that null takes away is refused by name, or is left out and nothing is left of it", async () => {
  const { outer, inner } = await optionalPaths();
  for (const paths of [outer, inner]) {
    const rendered = await renderChart(helm, [
      ...paths.map((path) => setting(path, null)),
      "--set=prometheus.podMonitor.enabled=true,networkpolicies.enabled=true",
    ]);
    const objects = objectsOf(rendered);
    for (const object of objects) {
      const nothing = notText(object, `${object.kind}`).filter((one) => one.endsWith(": null"));
      assert.deepEqual(nothing, []);
    }
    assert.doesNotMatch(rendered, /--[a-z-]+=$|:\s*$^\s*null/m);
  }
  for (const [path, told] of [["controller", "controller"], ["image.repository", "repository"]]) {
    const { code, stderr } = await run(helm, ["template", "x", CHART, `--set-json=${path}=null`]);
    assert.equal(code, 1, path);
    assert.match(stderr, new RegExp(`missing property '${told}'`));
  }
});

Deno.test("what is left out takes its names and rights with it", async () => {
  const render = async (set: string) =>
    objectsOf(await renderChart(helm, [`--set=${set}`, "--set=networkpolicies.enabled=true"]));
  const mentions = (objects: readonly JsonObject[], word: RegExp) =>
    objects.filter(({ metadata, rules, subjects, roleRef }) =>
      word.test(JSON.stringify([metadata, rules ?? [], subjects ?? [], roleRef ?? ""]))
    ).map(({ kind }) => kind);
  const all = await render("rbac.create=true");
  for (
    const [set, word] of [
      ["speaker.enabled=false", /speaker|pod-lister|gossip-key/],
      ["controller.enabled=false", /-controller|leader-election/],
      ["speaker.memberlist.enabled=false", /memberlist|gossip-key|secrets/],
      [
        "controller.leaderElection.enabled=false,controller.replicas=1,controller.strategy.type=Recreate",
        /leases|leader-election/,
      ],
    ] as const
  ) {
    assert.notDeepEqual(mentions(all, word), [], set);
    assert.deepEqual(mentions(await render(set), word), [], set);
  }
});

Deno.test("what the pods are told to use is what they have a right to, and another release's is not", async () => {
  const used = async (release: string, ...values: readonly string[]) => {
    const objects = objectsOf(
      await must(helm, ["template", release, CHART, "--namespace=lb", ...values]),
    );
    const text = JSON.stringify(objects);
    const allowed = (resource: string) =>
      [...text.matchAll(
        new RegExp(`"resources":\\["${resource}"\\],"resourceNames":\\["([^"]+)"`, "g"),
      )]
        .map(([, name]) => name);
    const told = (name: string) =>
      [...text.matchAll(new RegExp(`"name":"${name}","value":"([^"]+)"`, "g"))].map(([, one]) =>
        one
      );
    const lease = /--leader-elect-resource-name=([^"]+)/.exec(text)?.[1] ?? "herald-controller";
    assert.deepEqual(allowed("leases"), [lease]);
    assert.deepEqual(allowed("secrets"), told("METALLB_ML_SECRET_NAME"));
    assert.deepEqual(allowed("deployments"), told("METALLB_DEPLOYMENT"));
    const [selector = ""] = told("METALLB_ML_LABELS");
    const [pods] = objects.filter(({ kind }) => kind === "DaemonSet").map((one) =>
      JSON.stringify(one).match(/"template":\{"metadata":\{"labels":\{([^}]*)\}/)?.[1] ?? ""
    );
    for (const label of selector.split(",")) {
      assert.match(pods ?? "", new RegExp(label.replace(/(.*)=(.*)/, '"$1":"$2"')));
    }
    return [lease, ...told("METALLB_ML_SECRET_NAME"), selector];
  };
  const herald = await used("herald");
  assert.equal(herald[0], "herald-controller", "the name in the documents");
  const own = await used("internal", "--set=loadBalancerClass=example.org/internal");
  for (const one of own) assert(!herald.includes(one), one);
  await used("metallb", "--set=metallbNames=true");
});

Deno.test("values that contradict each other, or what Herald is, are refused with the reason", async () => {
  const refused = async (set: string, reason: RegExp) => {
    const { code, stderr } = await run(helm, ["template", "x", CHART, `--set=${set}`]);
    assert.equal(code, 1, set);
    assert.match(stderr, reason);
  };
  await refused("controller.leaderElection.enabled=false", /two controllers would give out/);
  await refused("existingConfigMap=mine,configInline.peers=x", /exclude each other/);
  await refused("speaker.memberlist.mlBindPort=7472", /are both 7472/);
  await refused("controller.labels.component=mine", /controller\.labels has "component"/);
  await refused("speaker.labels.app=mine", /speaker\.labels has "app"/);
  await refused("controller.image.repository=quay.io/metallb/controller", /is MetalLB's image/);
  await refused("image.repository=metallb/speaker", /is MetalLB's image/);
  // What no API server would say, or only when it is too late.
  await refused("prometheus.metricsPort=80", /minimum: got 80, want 1,?024/);
  await refused("speaker.memberlist.mlBindPort=65535", /maximum: got 65,?535, want 65,?534/);
  await refused("speaker.updateStrategy.rollingUpdate.maxSurge=1", /'maxSurge' not allowed/);
  await refused("nameOverride=My App", /nameOverride': 'My App' does not match pattern/);
});
