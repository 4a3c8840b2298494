import assert from "node:assert/strict";
import { configFromFile, readSource } from "../../lib/config/manifest.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { reported } from "../../lib/config/report.ts";

/** An input of a user's. */
function field(name: string): Promise<string> {
  return Deno.readTextFile(new URL(`../vectors/field/${name}.yaml`, import.meta.url));
}

/** `LINE:COL message; hint` of each problem. */
function problems(text: string): string[] {
  return parseConfig(text, "c.yaml").problems.map(reported)
    .map(({ line, column, message, hint }) =>
      `${line}:${column} ${message}${hint ? `; ${hint}` : ""}`
    );
}

function pool(...entries: string[]): string {
  const lines = entries.map((one) => `  - ${one}\n`).join("");
  return `address-pools:\n- name: a\n  protocol: layer2\n  addresses:\n${lines}`;
}

Deno.test("field d01: a required value left blank is missing, and the peer does not vanish", async () => {
  const text = await field("d01-blank-asn");
  assert.equal(parseConfig(text, "c.yaml").config, undefined);
  assert.deepEqual(problems(text), ['2:3 the peer has no "my-asn"']);
});

Deno.test('field d02: an optional value given as "" is left out', async () => {
  const text = await field("d02-empty-texts");
  const without = text.split("\n").filter((line) => !line.includes('""')).join("\n");
  const { config, problems } = parseConfig(text, "c.yaml");
  assert.deepEqual(problems, []);
  assert.deepEqual(config, parseConfig(without, "c.yaml").config);
  assert.deepEqual([config?.peers[0]?.peerPort, config?.peers[0]?.holdTimeMs], [179, 90_000]);
});

Deno.test("field d03: documents without content are passed over, wherever they stand", async () => {
  const text = await field("d03-empty-document");
  const map = text.replace(/---\n$/, "");
  const texts = [text, `${text}# the rest is off\n`, `# Source: a.yaml\n---\n${map}`];
  for (const one of [...texts, `---\n---\n# nothing\n---\n${map}---\n# nothing\n---\n...\n`]) {
    const [part, ...others] = readSource(one, "f.yaml");
    assert.deepEqual(others, []);
    assert.ok(part?.kind === "configuration");
    assert.deepEqual([part.what, part.found.problems], ["configmap metallb-system/config", []]);
    assert.equal(configFromFile(one, "f.yaml").config?.pools.length, 1);
  }
});

Deno.test("field d12: what stands under a key of a chart's values, or of a manifest, is said to be the configuration", async () => {
  const values = await field("d12-helm-values");
  const indented = values.replace(/^/gm, "  ");
  for (const text of [values, `metallb:\n${indented}`, `config: |\n${indented}`]) {
    const [first, ...others] = problems(text);
    assert.match(first ?? "", /^1:1 unknown key "\w+" in the configuration; what stands under it/);
    assert.deepEqual(others, []);
  }
  assert.match(problems("image: { tag: x }\n")[0] ?? "", /; there is "peers", /);
});

Deno.test("field d12: a range in another spelling is shown as FIRST-LAST", async () => {
  assert.deepEqual(problems(await field("d12-en-dash")).map((one) => one.replace(/^.*?; /, "")), [
    "write 192.0.2.240-192.0.2.250",
    "write 192.0.2.10-192.0.2.20",
    "write FIRST-LAST for a range, and each address alone as an item of its own",
    "write 192.0.2.100-192.0.2.110",
  ]);
  const rows: readonly (readonly [entry: string, hint: RegExp])[] = [
    ["10.0.0.1..10.0.0.9", /write 10\.0\.0\.1-10\.0\.0\.9$/],
    ["10.0.0.1 — 9", /write 10\.0\.0\.1-10\.0\.0\.9$/],
    ["10.0.0.1-1.9", /write 10\.0\.0\.1-10\.0\.1\.9$/],
    ["fd00::1 until fd00::9", /write fd00::1-fd00::9$/],
    ["'10.0.0.1; 10.0.0.2; 10.0.0.3'", /each address alone as an item/],
    ["10.0.0.0／24", /"10\.0\.0\.0／24" is no IP address; another slash \(U\+FF0F\) .*write \//],
    ["10.0.0.9-3", /"3" is no IP address/],
    ["10.0.0.1-web", /"web" is no IP address/],
    ["10.0.0.300-10.0.0.4", /"10\.0\.0\.300" is no IP address/],
  ];
  for (const [entry, hint] of rows) {
    const found = problems(pool(entry));
    assert.equal(found.length, 1, `${entry}: ${found}`);
    assert.match(found[0] ?? "", hint);
  }
});

Deno.test("field d12: a key of a routing daemon's is known for MetalLB's", async () => {
  assert.deepEqual(problems(await field("d12-bfd-old-key")), [
    '3:3 unknown key "echo-receive-interval" in a BFD profile; did you mean "echo-interval"?',
  ]);
});

Deno.test("field d12: a character that looks like another is named, at its place", () => {
  const good = pool("10.0.0.0/24");
  const rows: readonly (readonly [from: string, to: string, at: RegExp])[] = [
    ["  protocol", "\u00a0\u00a0protocol", /^\d:\d .*blank of another kind \(U\+00A0\).*a blank$/],
    ["  protocol", "  \u200bprotocol", /^3:\d .*invisible character \(U\+200B\) .*: delete it$/],
    ["protocol: ", "protocol:\u3000", /^3:12 .*blank of another kind \(U\+3000\)/],
    ["protocol: ", "protocol\uff1a", /^3:11 .*another colon \(U\+FF1A\) stands here: write :$/],
    ["10.0.0.0/24", "\u201c10.0.0.0/24\u201d", /^5:\d .*another quote \(U\+201C\).*: write "$/],
  ];
  for (const [from, to, wanted] of rows) {
    const text = good.replace(from, to);
    const [first = "good", ...others] = problems(text);
    assert.match(first, wanted, text);
    assert.deepEqual(others, [], text);
  }
  // In a comment, and in a text that may be anything, they are nobody's business.
  assert.deepEqual(problems(`# 可配置为：a–b\n${good.replace("name: a", "name: 池\u3000一")}`), []);
});
