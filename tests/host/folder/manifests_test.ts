import assert from "node:assert/strict";
import fc from "fast-check";
import { readManifests } from "../../../lib/host/folder/manifests.ts";
import { objectOr } from "../../../lib/model/json.ts";

const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: LoadBalancer
  ports: [{port: 80}, {port: 53, protocol: UDP}]
`;

Deno.test("readManifests() reads documents, lists and JSON, and tells each one's place", () => {
  const text = `${SERVICE}---\n# nothing\n---\nkind: List\napiVersion: v1\nitems:\n- ${
    JSON.stringify({ apiVersion: "v1", kind: "Node", metadata: { name: "n1", namespace: "no" } })
  }\n---\nkind: EndpointSliceList\nitems:\n- {metadata: {name: s, namespace: x}}\n`;
  const { objects, problems, broken } = readManifests(text, "f.yaml");
  assert.deepEqual([problems, broken], [[], false]);
  assert.deepEqual(objects.map(({ kind, key, place }) => [kind, key, place]), [
    ["Service", "default/web", "f.yaml:1:1"],
    ["Node", "n1", "f.yaml:10:1"],
    ["EndpointSlice", "x/s", "f.yaml:15:1"],
  ]);
  assert.equal(
    readManifests('{"kind":"Namespace","metadata":{"name":"a"}}', "f.json").objects.length,
    1,
  );
});

const SPECS: readonly [string, string, unknown, unknown][] = [
  ["nothing", "", undefined, ["IPv4"]],
  ["ipFamilies", "ipFamilies: [IPv6]", undefined, ["IPv6"]],
  ["clusterIPs", "clusterIPs: [fd00::1]", ["fd00::1"], undefined],
  ["clusterIP", "clusterIP: None", ["None"], undefined],
];

for (const [what, line, clusterIPs, ipFamilies] of SPECS) {
  Deno.test(`readManifests() fills in a Service's families where it gives ${what}`, () => {
    const spec = objectOr(readManifests(`${SERVICE}  ${line}\n`, "f").objects[0]?.object.spec);
    assert.deepEqual([spec.clusterIPs, spec.ipFamilies], [clusterIPs, ipFamilies]);
    assert.deepEqual(spec.ports, [{ protocol: "TCP", port: 80 }, { protocol: "UDP", port: 53 }]);
  });
}

Deno.test("readManifests() leaves other kinds alone, of other groups too", () => {
  const text = "kind: Deployment\nmetadata: {name: a}\n---\n" +
    "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\n";
  assert.deepEqual(readManifests(text, "f"), { objects: [], problems: [], broken: false });
});

const MISTAKES: readonly [string, RegExp][] = [
  ["- 1", /^f\.yaml:8:1: this is no Kubernetes object/],
  ["metadata: {name: a}", /^f\.yaml:8:1: kind is missing/],
  ["kind: Service", /Service without metadata\.name/],
  ["kind: Service\nmetadata: {name: ../../etc}", /"\.\.\/\.\.\/etc" is no Kubernetes name/],
  ["kind: Service\nmetadata: {name: a, namespace: a/b}", /is no Kubernetes name/],
  [
    "kind: Service\nmetadata: {name: a, annotations: {key: 5}}",
    /must be texts; put them in quotes/,
  ],
];

for (const [document, message] of MISTAKES) {
  Deno.test(`readManifests() leaves out only ${JSON.stringify(document)}`, () => {
    const { objects, problems, broken } = readManifests(`${SERVICE}---\n${document}\n`, "f.yaml");
    assert.deepEqual([objects.length, problems.length, broken], [1, 1, false]);
    assert.match(problems[0] ?? "", message);
  });
}

const BROKEN: readonly [string, string, RegExp][] = [
  ["bad indentation", `${SERVICE}   x: 1\n`, /^f\.yaml:7:\d+: /],
  ["a duplicate key", `${SERVICE}kind: Node\n`, /^f\.yaml:7:1: .*stands here again/],
  ["cut JSON", '{"kind": "Service", "metadata": {"na', /^f\.yaml:1:\d+: /],
  ["depth 10,000", "[".repeat(10_000), /^f\.yaml:1:/],
  [
    "an alias bomb",
    Array.from(
      { length: 9 },
      (_, i) =>
        `a${i}: &a${i} [${Array.from({ length: 9 }, () => i === 0 ? "x" : `*a${i - 1}`).join()}]\n`,
    )
      .join(""),
    /alias/,
  ],
];

for (const [what, text, message] of BROKEN) {
  Deno.test(`readManifests() believes nothing of a file with ${what}`, () => {
    const { objects, problems, broken } = readManifests(text, "f.yaml");
    assert.deepEqual([objects.length, broken], [0, true]);
    assert.match(problems[0] ?? "", message);
  });
}

Deno.test("readManifests() leaves prototypes alone", () => {
  readManifests("kind: Service\nmetadata: {name: a, __proto__: {polluted: yes}}\n", "f");
  assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
});

Deno.test("readManifests() never throws", () => {
  const fragment = fc.constantFrom(
    SERVICE,
    "kind: List\nitems: 5\n",
    "---\n",
    "{",
    "- a",
    "\t",
    "&a *a",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(fragment, fc.string())), (parts) => {
      readManifests(parts.join("\n"), "f");
    }),
    { seed: 4, numRuns: 300 },
  );
});
