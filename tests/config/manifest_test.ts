import assert from "node:assert/strict";
import { configFromConfigMap, configFromFile, readSource } from "../../lib/config/manifest.ts";
import { placeText, reported } from "../../lib/config/report.ts";

const BAD_POOL = "address-pools:\n- name: a\n  protocol: layer3\n  addresses: [10.0.0.0/24]\n";
const GOOD_POOL = BAD_POOL.replace("layer3", "layer2");

function manifest(data: string): string {
  return `# a comment\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: config, namespace: metallb-system }\n${data}`;
}

function indented(text: string, by: number): string {
  return text.replace(/^(?=.)/gm, " ".repeat(by));
}

/** `what: LINE:COL message` of each part and problem. */
function read(text: string): string[] {
  return readSource(text, "f.yaml").flatMap((part) => {
    const { what } = part;
    if (part.kind === "other") return [`${what}: none`];
    const problems = part.kind === "unread" ? part.problems : part.found.problems;
    if (problems.length === 0) return [`${what}: good`];
    return problems.map(reported)
      .map(({ line, column, message }) => `${what}: ${line}:${column} ${message}`);
  });
}

Deno.test("readSource() reads a bare configuration and ConfigMaps, with the places of the file", () => {
  assert.deepEqual(read(GOOD_POOL), ["configuration: good"]);
  for (const by of [2, 4, 7]) {
    const text = manifest(`data:\n  config: |\n${indented(BAD_POOL, by + 2)}`);
    const place = `8:${by + 2 + 13}`.replace(
      "8:",
      `${text.split("\n").findIndex((line) => line.includes("layer3")) + 1}:`,
    );
    assert.match(
      read(text)[0] ?? "",
      new RegExp(`^configmap metallb-system/config: ${place} "protocol" must be`),
    );
  }
  const kept = manifest(`data:\n  config: |+\n\n${indented(BAD_POOL, 4)}`);
  assert.match(read(kept)[0] ?? "", /^configmap metallb-system\/config: 10:17 /);
});

Deno.test("readSource() goes through several documents and lists, and leaves other kinds alone", () => {
  const service = "apiVersion: v1\nkind: Service\nmetadata: { name: web, namespace: default }\n";
  const good = manifest(`data:\n  config: |\n${indented(GOOD_POOL, 4)}`);
  assert.deepEqual(read(`${service}---\n${good}`), [
    "Service: none",
    "configmap metallb-system/config: good",
  ]);
  const list =
    "kind: List\nitems:\n- kind: Service\n  metadata: { name: web }\n- kind: ConfigMap\n  metadata: { name: config, namespace: metallb-system }\n  data: { config: '{}' }\n";
  assert.deepEqual(read(list), [
    "Service: none",
    "configmap metallb-system/config: good",
  ]);
  assert.deepEqual(
    read("kind: ConfigMap\nmetadata: { name: other, namespace: default }\ndata: { a: b }\n"),
    ["ConfigMap: none"],
  );
});

Deno.test("readSource() leaves documents of other kinds unread, however large or wrong they are", () => {
  const good = manifest(`data:\n  config: |\n${indented(GOOD_POOL, 4)}`);
  const deep = `kind: CustomResourceDefinition\nspec: ${"[".repeat(200)}\n`;
  assert.deepEqual(read(`${deep}---\n${good}`), [
    "CustomResourceDefinition: none",
    "configmap metallb-system/config: good",
  ]);
  const bad = manifest(`data:\n  config: |\n${indented(BAD_POOL, 4)}`);
  assert.match(read(`${deep}---\n${bad}`)[1] ?? "", /^configmap metallb-system\/config: 12:17 /);
});

Deno.test("readSource() says where a document without kind stands among objects", () => {
  assert.match(
    read(`kind: Service\n---\n${GOOD_POOL}`).join("\n"),
    /configuration: 3:1 this document has no "kind"/,
  );
  assert.match(read("kind: configmap\nmetadata: { name: a }\n")[0] ?? "", /no kind "configmap"/);
});

const MAP = (name = "config") =>
  `kind: ConfigMap\nmetadata: { name: ${name}, namespace: metallb-system }\ndata: { config: '{}' }\n`;
const EXPECTED = { namespace: "metallb-system", names: ["config", "metallb-config", "metallb"] };

Deno.test("readSource() refuses the same ConfigMap twice, and warns of the one behind another name", () => {
  const [first, second] = readSource(`${MAP()}---\n${MAP()}`, "f", { expected: EXPECTED });
  assert.ok(first?.kind === "configuration" && first.found.config !== undefined);
  assert.ok(second?.kind === "configuration" && second.found.config === undefined);
  assert.deepEqual(second.found.problems.map(reported), [{
    severity: "error",
    source: "f",
    line: 5,
    column: 1,
    message: "a configuration stands here again, the first is in line 1; one can be in force",
  }]);
  for (
    const text of [`${MAP()}---\n${MAP("metallb-config")}`, `${MAP("metallb-config")}---\n${MAP()}`]
  ) {
    const parts = readSource(text, "f", { expected: EXPECTED });
    const unread = parts.find((part) => part.kind === "unread");
    assert.equal(parts.filter(({ kind }) => kind === "configuration").length, 1);
    assert.equal(unread?.what, "configmap metallb-system/metallb-config");
    assert.match(
      unread.problems[0]?.message ?? "",
      /metallb-config is not read while metallb-system\/config is there$/,
    );
  }
});

Deno.test("readSource() finds no configuration in an empty List, and no mistake", () => {
  for (const items of ["items: []", "items: null", "items:", ""]) {
    assert.deepEqual(readSource(`apiVersion: v1\nkind: List\n${items}\n`, "f"), []);
  }
});

Deno.test("readSource() reads what lost its indentation as what it was meant to be, and says where to mend it", () => {
  const flat = "apiVersion: v1\nkind: ConfigMap\nmetadata:\nnamespace: metallb-system\n" +
    `name: config\ndata:\nconfig: |\n${indented(GOOD_POOL, 2)}`;
  const [part] = readSource(flat, "f", { expected: EXPECTED });
  assert.ok(part?.kind === "configuration");
  assert.deepEqual(
    part.found.problems.map(reported).map(({ column, hint, line, message }) =>
      `${line}:${column} ${message}; ${hint}`
    ),
    [
      '4:1 "namespace" stands beside "metadata" and belongs under it; indent it by two blanks',
      '5:1 "name" stands beside "metadata" and belongs under it; indent it by two blanks',
      '7:1 "config" stands beside "data" and belongs under it; indent it and all its lines by two blanks',
    ],
  );
});

Deno.test("configFromFile() wants exactly one configuration", () => {
  assert.ok(configFromFile(GOOD_POOL, "f").config);
  const map = manifest(`data:\n  config: "{}"\n`);
  assert.ok(configFromFile(map, "f").config);
  assert.match(
    configFromFile(`${map}---\n${map}`, "f").problems[0]?.message ?? "",
    /stands here again, the first is in line 2; one can be in force/,
  );
  assert.match(
    configFromFile("kind: Service\nmetadata: { name: a }\n", "f").problems[0]?.message ?? "",
    /no ConfigMap/,
  );
});

Deno.test("configFromConfigMap() gives the text, so that equal texts are known again", () => {
  const { text, config } = configFromConfigMap(
    { data: { config: GOOD_POOL } },
    "configmap a/b key config",
  );
  assert.equal(text, GOOD_POOL);
  assert.equal(config?.pools.length, 1);
  const bad = configFromConfigMap({ data: { config: BAD_POOL } }, "configmap a/b key config");
  assert.deepEqual(bad.problems.map(({ place }) => placeText(place)), [
    "configmap a/b key config:3:13",
  ]);
});
