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

Deno.test("readSource() falls back to the value's place where lines are not those of the file", () => {
  const quoted = manifest(`data:\n  config: ${JSON.stringify(BAD_POOL)}\n`);
  assert.match(read(quoted)[0] ?? "", /: 6:11 "protocol"/);
  const folded = manifest(`data:\n  config: >\n    peers: 7\n`);
  assert.match(read(folded)[0] ?? "", /: 6:11 "peers"/);
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

Deno.test("readSource() says what is wrong with the ConfigMap around the text", () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ["data:\n", /has no key "config" under data; it has no data/],
    ["data: { confg: '{}' }\n", /has no key "config" under data; there is "confg"/],
    ["binaryData: { config: e30= }\n", /only binaryData/],
    [
      "data:\nconfig: |\n  peers:\n",
      /^configmap metallb-system\/config: 6:1 "config" stands beside "data"/,
    ],
    ["data:\n  config:\n    peers: []\n", /"config" must be a text: write "config: \|"/],
    ["data:\n  config: ''\n", /there is no configuration in it/],
  ];
  for (const [data, pattern] of rows) assert.match(read(manifest(data)).join("\n"), pattern);
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

Deno.test("configFromFile() wants exactly one configuration", () => {
  assert.ok(configFromFile(GOOD_POOL, "f").config);
  const map = manifest(`data:\n  config: "{}"\n`);
  assert.ok(configFromFile(map, "f").config);
  assert.match(
    configFromFile(`${map}---\n${map}`, "f").problems[0]?.message ?? "",
    /holds 2 configurations/,
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
