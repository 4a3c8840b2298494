import { parseAllDocuments } from "yaml";
import assert from "node:assert/strict";
import fc from "fast-check";
import { readManifests } from "../../../lib/host/folder/manifests.ts";
import { readPlain } from "../../../lib/host/folder/plain_yaml.ts";

const SERVICE = `apiVersion: v1
kind: Service
metadata:
  name: s1 # the first
  uid: 5e3cf274-0b74-42e8-aa2e-dc60c3a56cc8
  annotations: {a/b: "c: d", 'x''y': z}
  managedFields:
  - fieldsV1:
      f:ports:
        .: {}
        k:{"port":80,"protocol":"TCP"}:
          f:port: {}
spec:
  type: LoadBalancer
  ports:
    - protocol: TCP
      port: 080
    - {port: 53, name: ~, x: [1, 2.5, .inf, true, null, 0x1f, 0o17]}
  ips: ["10.0.0.1", fd77::1]
  empty:
`;
const NODE = { kind: "Node", metadata: { name: "n1", labels: { a: "b" } }, spec: [1, { y: null }] };
const TEXTS = [
  SERVICE,
  JSON.stringify(NODE, undefined, 2),
  JSON.stringify(NODE),
  "--- # one\n# two\nkind: Node\nmetadata: {name: a}\n",
];
const FRAGMENTS = [
  ..." :,[]{}-#'\"~_.<=+;&*!|>%@`?\\\té\n".split(""),
  ...["- ", " #", "null", "0b1", "1e5", "-.5", "---", "...", "\n---\n", "<<: ", "''", "\n  ", ": "],
  ...["__proto__: 1\n", "kind", "  - ", "x: y\n", "true"],
];

/** Edits as people and tools make them: a fragment put in, some letters gone, a line elsewhere. */
const EDIT = fc.oneof(
  fc.record({ at: fc.nat(), put: fc.constantFrom(...FRAGMENTS) }),
  fc.record({ at: fc.nat(), cut: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ at: fc.nat(), indent: fc.nat(6) }),
  fc.record({ at: fc.nat(), to: fc.nat() }),
);

function edited(text: string, edit: typeof EDIT extends fc.Arbitrary<infer T> ? T : never): string {
  const at = edit.at % (text.length + 1);
  if ("put" in edit) return text.slice(0, at) + edit.put + text.slice(at);
  if ("cut" in edit) return text.slice(0, at) + text.slice(at + edit.cut);
  const lines = text.split("\n");
  const line = edit.at % lines.length;
  if ("to" in edit) lines.splice(edit.to % lines.length, 0, lines[line] ?? "");
  else lines[line] = " ".repeat(edit.indent) + (lines[line] ?? "").trim();
  return lines.join("\n");
}

/** What the reader that knows all of YAML says; throws on a mistake. */
function wholly(text: string): { readonly value: unknown; readonly offset: number } {
  const documents = parseAllDocuments(text);
  assert.equal(documents.length <= 1, true, "one document was read of several");
  const [document] = documents;
  if (document === undefined) return { value: null, offset: 0 };
  assert.deepEqual(document.errors.map(({ message }) => message), []);
  return { value: document.toJS(), offset: document.contents?.range?.[0] ?? 0 };
}

Deno.test("readPlain() says of every text that it reads what the whole reader says, with its place", () => {
  let read = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...TEXTS),
      fc.array(EDIT, { maxLength: 3 }),
      (text, edits) => {
        const changed = edits.reduce(edited, text);
        const plain = readPlain(changed);
        if (plain === undefined) return;
        read++;
        const { value, offset } = wholly(changed);
        assert.deepEqual(
          JSON.parse(JSON.stringify(plain.value ?? null)),
          JSON.parse(JSON.stringify(value)),
        );
        if (value === null) return;
        const before = changed.slice(0, offset).split("\n");
        assert.deepEqual([plain.line, plain.column], [
          before.length,
          (before.at(-1) ?? "").length + 1,
        ]);
      },
    ),
    { seed: 16, numRuns: 4_000 },
  );
  assert.equal(read > 800, true, `${read} read`);
});

Deno.test("readPlain() reads each manifest as people and kubectl write it", () => {
  for (const text of TEXTS) assert.notEqual(readPlain(text), undefined, text);
});

Deno.test("readPlain() leaves to the whole reader what is not plain", () => {
  for (
    const line of [
      "a: &x b",
      "a: *x",
      "a: !!str 1",
      "a: |\n  b",
      "a: 1_0",
      "a: 1e3",
      "a: é",
      "<<: {}",
    ]
  ) assert.equal(readPlain(`${line}\n`), undefined, line);
});

Deno.test("readManifests() gives the same objects and places for a document whatever stands beside it", () => {
  const block = "kind: ConfigMap\nmetadata: {name: c}\ndata:\n  config: |\n    a: b\n";
  const beside = readManifests(`${SERVICE}---\n${block}---\n# why\n${SERVICE}`, "f.yaml");
  const [first] = readManifests(SERVICE, "f.yaml").objects;
  assert.deepEqual(beside.objects.map(({ place }) => place), [
    "f.yaml:1:1",
    "f.yaml:22:1",
    "f.yaml:29:1",
  ]);
  assert.deepEqual(beside.objects.map(({ object }) => object)[0], first?.object);
  assert.deepEqual(beside.objects.map(({ object }) => object)[2], first?.object);
});
