import assert from "node:assert/strict";
import { readSource } from "../../lib/config/manifest.ts";
import { reported } from "../../lib/config/report.ts";

const BAD_POOL = "address-pools:\n- name: a\n  protocol: layer3\n  addresses: [10.0.0.0/24]\n";

function manifest(data: string): string {
  return `# a comment\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: config, namespace: metallb-system }\n${data}`;
}

/** `what: LINE:COL message; hint` of each part and problem. */
function read(text: string): string[] {
  return readSource(text, "f.yaml").flatMap((part) => {
    const problems = part.kind === "configuration" ? part.found.problems : [];
    return problems.map(reported).map(({ line, column, message, hint = "" }) =>
      `${part.what}: ${line}:${column} ${message}; ${hint}`
    );
  });
}

Deno.test("readConfigMap() falls back to the value's place where lines are not those of the file", () => {
  const quoted = manifest(`data:\n  config: ${JSON.stringify(BAD_POOL)}\n`);
  assert.match(read(quoted)[0] ?? "", /: 6:11 "protocol"/);
  const folded = manifest(`data:\n  config: >\n    peers: 7\n`);
  assert.match(read(folded)[0] ?? "", /: 6:11 "peers"/);
});

Deno.test("readConfigMap() says what is wrong with the ConfigMap around the text", () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ["data:\n", /has no key "config" under data; it has no data/],
    ["data: { confg: '{}' }\n", /has no key "config" under data; there is "confg"/],
    ["binaryData: { config: e30= }\n", /only binaryData/],
    [
      "data:\nconfig: |\n  peers:\n",
      /^configmap metallb-system\/config: 6:1 "config" stands beside "data"/,
    ],
    ["data:\n  config:\n    peers: []\n", /"config" must be a text; write "config: \|"/],
    ["data:\n  config: ''\n", /there is no configuration in it/],
  ];
  for (const [data, pattern] of rows) assert.match(read(manifest(data)).join("\n"), pattern);
});
