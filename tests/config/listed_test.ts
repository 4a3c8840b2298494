import assert from "node:assert/strict";
import { listedObjects } from "../../lib/config/listed.ts";
import { readYaml } from "../../lib/config/yaml.ts";

/** `API KIND` of each object, the message of what is none. */
function list(text: string): string[] {
  const [document] = readYaml(text, "f.yaml");
  assert.ok(document?.root?.kind === "map");
  return listedObjects(document.root).map((one) =>
    "message" in one ? one.message : `${one.apiVersion} ${one.kind}`.trim()
  );
}

Deno.test("listedObjects() goes through Lists, Lists in them, and typed lists that name their items once", () => {
  const inner = "{ kind: List, apiVersion: v1, items: [{ kind: Secret, apiVersion: v1 }] }";
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["apiVersion: v1\nkind: Service\n", ["v1 Service"]],
    [`kind: List\nitems: [{ kind: Service }, ${inner}]\n`, ["Service", "v1 Secret"]],
    [
      "apiVersion: v1\nkind: ConfigMapList\nitems: [{}, { kind: Other }]\n",
      ["v1 ConfigMap", "v1 Other"],
    ],
    [
      "apiVersion: metallb.io/v1beta1\nkind: IPAddressPoolList\nitems: [{ spec: {} }]\n",
      ["metallb.io/v1beta1 IPAddressPool"],
    ],
    ["kind: AllowList\nspec: { items: [] }\n", ["AllowList"]],
  ];
  for (const [text, expected] of rows) assert.deepEqual(list(text), expected, text);
});

Deno.test("listedObjects() finds nothing in an empty List, and says what in a List is no object", () => {
  for (const items of ["[]", "", "null", "~"]) {
    assert.deepEqual(list(`kind: List\nitems: ${items}\n`), []);
  }
  assert.deepEqual(list("kind: List\nitems: 7\n"), ['"items" must be a list of objects']);
  assert.deepEqual(list("kind: List\nitems: [7, { a: b }, []]\n"), [
    "this item is no object",
    'this item has no "kind"',
    "this item is no object",
  ]);
});
