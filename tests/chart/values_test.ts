import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { must } from "../support/process.ts";
import {
  CHART,
  isObject,
  type Json,
  type JsonObject,
  leavesOf,
  readSchema,
  readTemplates,
  readValues,
  resolved,
} from "./values.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** The values of MetalLB's chart 0.16.2, and those that it had up to 0.12. */
const METALLB_VALUES = [
  "{imagePullSecrets,nameOverride,fullnameOverride,loadBalancerClass,rbac.create}",
  "tls.{cipherSuites,curvePreferences,minVersion}",
  "tls.{controllerMetricsTLSSecret,speakerMetricsTLSSecret}",
  "prometheus.{scrapeAnnotations,metricsPort,rbacPrometheus,serviceAccount,namespace}",
  "prometheus.podMonitor.{enabled,additionalLabels,annotations,jobLabel,interval,tlsConfig}",
  "prometheus.podMonitor.{metricRelabelings,relabelings}",
  "prometheus.serviceMonitor.{enabled,speaker,controller,jobLabel,interval}",
  "prometheus.prometheusRule.{enabled,additionalLabels,annotations,extraAlerts}",
  "prometheus.prometheusRule.{staleConfig,configNotLoaded,addressPoolExhausted}",
  "prometheus.prometheusRule.{addressPoolUsage,bgpSessionDown}",
  "controller.{enabled,logLevel,command,webhookMode,revisionHistoryLimit,strategy.type}",
  "{controller,speaker}.image.{repository,tag,pullPolicy}",
  "{controller,speaker}.serviceAccount.{create,name,annotations}",
  "{controller,speaker}.{securityContext,resources,nodeSelector,tolerations,priorityClassName}",
  "{controller,speaker}.{runtimeClassName,affinity,podAnnotations,labels,extraContainers}",
  "controller.{livenessProbe,readinessProbe}.{enabled,failureThreshold,periodSeconds}",
  "{controller,speaker}.{livenessProbe,readinessProbe}.port",
  "speaker.{enabled,logLevel,command,tolerateMaster,startupProbe,ignoreExcludeLB,wanConfig}",
  "speaker.{secretName,bgpDebounceTimeout,gratuitousARPInterval,updateStrategy.type}",
  "speaker.{revisionHistoryLimit,frr,reloader,frrMetrics,initContainers}",
  "speaker.memberlist.{enabled,mlBindPort,mlBindAddrOverride,mlSecretKeyPath}",
  "speaker.excludeInterfaces.enabled",
  "{crds.enabled,frrk8s.enabled,frr-k8s,networkpolicies.enabled,networkpolicies.defaultDeny}",
  "{networkpolicies.apiPort,configInline,existingConfigMap,psp.create}",
] as const;
/** Given by a chart that has Herald's as its part. */
const FROM_ABOVE = ["global", "enabled"];

const schema = await readSchema();
const values = await readValues();
const templates = await readTemplates();
const text = [...templates.values()].join("\n");

function propertiesOf(part: JsonObject): JsonObject {
  return isObject(part.properties) ? part.properties : {};
}

/** Compares a table of values with its schema, both ways. */
function compare(value: JsonObject, part: JsonObject, path: string): void {
  const properties = propertiesOf(part);
  const known = Object.keys(properties).filter((key) => path !== "" || !FROM_ABOVE.includes(key));
  // A rolling update and a list of resources need not have all there is.
  const optional = /rollingUpdate$|resources$/.test(path);
  if (!optional) assert.deepEqual(Object.keys(value).sort(), known.sort(), `values of "${path}"`);
  for (const [key, inner] of Object.entries(value)) {
    const below = resolved(schema, properties[key]);
    if (isObject(inner) && isObject(below.properties)) {
      compare(inner, below, `${path}${path === "" ? "" : "."}${key}`);
    } else assertFits(inner, below, `${path}.${key}`);
  }
}

function assertFits(value: Json, part: JsonObject, path: string): void {
  if (Array.isArray(part.oneOf)) return;
  if (Array.isArray(part.enum)) return assert(part.enum.includes(value), path);
  const type = Array.isArray(value) ? "array" : isObject(value) ? "object" : typeof value;
  assert.equal(part.type === "integer" ? "number" : part.type, type, path);
  if (typeof value === "string" && typeof part.pattern === "string") {
    assert.match(value, new RegExp(part.pattern), path);
  }
  if (typeof value === "number") assert(value >= Number(part.minimum), path);
}

Deno.test("each value of the chart has its place in the schema, and a default that fits", () => {
  compare(values, schema, "");
});

Deno.test("every table of the chart's schema refuses the keys that it does not know", () => {
  const visit = (part: Json | undefined, path: string): void => {
    if (Array.isArray(part)) return part.forEach((one, at) => visit(one, `${path}/${at}`));
    if (!isObject(part)) return;
    if (part.type === "object" && part.properties !== undefined) {
      assert.equal(part.additionalProperties, false, path);
    }
    for (const [key, one] of Object.entries(part)) visit(one, `${path}/${key}`);
  };
  visit(schema, "");
});

Deno.test("templates use only values that there are", () => {
  const has = (path: readonly string[]) => {
    let at: Json | undefined = values;
    for (const key of path) {
      // What lies in a table that is the user's is the user's.
      if (!isObject(at) || Object.keys(at).length === 0) return at !== undefined;
      at = at[key];
    }
    return at !== undefined;
  };
  const used = [...text.matchAll(/\.Values\.([a-zA-Z0-9]+(?:\.[a-zA-Z0-9]+)*)/g)].map(([, path]) =>
    path
  );
  assert(used.length > 50);
  for (const path of used) assert(has((path ?? "").split(".")), `.Values.${path}`);
  for (const [, path = ""] of text.matchAll(/\$role\.([a-zA-Z0-9.]+)/g)) {
    for (const role of ["controller", "speaker"]) assert(has([role, ...path.split(".")]), path);
  }
});

Deno.test("templates use every value", () => {
  // Tables that go into the rendered object as they are.
  const whole = /(rollingUpdate|resources|securityContext|Probe|tlsConfig)\./;
  for (const path of leavesOf(values).keys()) {
    const key = (whole.test(path) ? path.replace(/\.[^.]+$/, "") : path).split(".").pop();
    if (whole.test(path)) continue;
    assert.match(text, new RegExp(`\\.${key}\\b`), path);
  }
});

Deno.test("every flag and variable that the chart gives to Herald is one that Herald has", async () => {
  const help = await must(Deno.execPath(), ["run", "-A", `${ROOT}main.ts`, "run", "--help"]);
  const sources = [...Deno.readDirSync(`${ROOT}lib/cli`)].map(({ name }) =>
    `${ROOT}lib/cli/${name}`
  );
  const read = (await Promise.all(sources.map((path) => Deno.readTextFile(path)))).join("\n");
  const flags = [...text.matchAll(/(?:- |printf ")(--[a-z0-9-]+)/g)].map(([, flag = ""]) => flag);
  assert(flags.length > 10, "flags were found");
  for (const flag of flags) assert.match(help, new RegExp(`^ +${flag}\\b`, "m"), flag);
  const variables = [...text.matchAll(/name: (METALLB_[A-Z_]+)/g)].map(([, name = ""]) => name);
  assert(variables.length > 5, "variables were found");
  for (const name of variables) assert.match(read, new RegExp(`"${name}"`), name);
});

Deno.test("no probe asks in the seconds in which Herald starts: that would be told as a Warning", () => {
  const delays = [...leavesOf(values)].filter(([path]) => path.endsWith("initialDelaySeconds"));
  assert.equal(delays.length, 4);
  for (const [path, seconds] of delays) assert(Number(seconds) >= 5, path);
});

/** `a.{b,c}.d` stands for `a.b.d` and `a.c.d`. */
function spread(path: string): readonly string[] {
  const [whole, choice] = /\{([^}]*)\}/.exec(path) ?? [];
  if (whole === undefined || choice === undefined) return [path];
  return choice.split(",").flatMap((one) => spread(path.replace(whole, one)));
}

Deno.test("the page on compatibility says of each value of MetalLB's chart what Herald's does with it", async () => {
  const page = await Deno.readTextFile(`${ROOT}docs/compatibility.md`);
  const [, section = ""] = page.split("## Values of MetalLB's chart");
  const rows = [...section.split("\n## ")[0]?.matchAll(/^\| (`.*?) +\| (.*?) +\|$/gm) ?? []];
  assert(rows.length > 10);
  const has = (path: string) => {
    let part = schema;
    for (const key of path.split(".")) {
      const below = propertiesOf(part)[key];
      if (below === undefined) return false;
      part = resolved(schema, below);
    }
    return true;
  };
  const told: string[] = [];
  for (const [, names = "", what = ""] of rows) {
    for (const [, name = ""] of names.matchAll(/`([^`]+)`/g)) {
      for (const path of spread(name)) {
        assert.equal(has(path), !what.startsWith("refused"), `${path}: ${what}`);
        told.push(path);
      }
    }
  }
  // Of Herald's own values none may have a name of MetalLB's that the page does not tell of.
  for (const path of METALLB_VALUES.flatMap(spread)) {
    assert(told.some((one) => path === one || path.startsWith(`${one}.`)), `${path} is not told`);
  }
});

Deno.test("the chart has Herald's version", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const chart = parse(await Deno.readTextFile(`${CHART}/Chart.yaml`));
  assert.equal(chart.version, version);
  assert.equal(chart.appVersion, version);
});

Deno.test("what is in several places under deploy is the same in all of them", async () => {
  for (
    const [one, other] of [
      ["deploy/prometheus/herald-rules.yaml", "deploy/chart/herald/files/herald-rules.yaml"],
      ["deploy/metallb-compatible.yaml", "deploy/kustomize/base/herald.yaml"],
    ] as const
  ) {
    assert.equal(
      await Deno.readTextFile(ROOT + other),
      await Deno.readTextFile(ROOT + one),
      `${other} is not ${one}: deno run -A .ci/manifests.ts makes both`,
    );
  }
});
