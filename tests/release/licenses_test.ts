import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { copyrightFile, packageFolders, readPackage } from "../../.ci/licenses.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The paragraphs of a copyright file, each a map of its fields. */
function paragraphsOf(text: string): Map<string, string>[] {
  return text.trim().split(/\n{2,}/).map((paragraph) => {
    const fields = new Map<string, string>();
    for (const field of paragraph.split(/\n(?! )/)) {
      const [, name = "", value = ""] = /^([A-Za-z-]+):([^]*)$/.exec(field) ?? [];
      assert.notEqual(name, "", `no field: ${field}`);
      fields.set(name, value.replace(/^ (?:\.$)?/gm, ""));
    }
    return fields;
  });
}

/** What stands in a License field behind the licence's name. */
function textOf(paragraph: Map<string, string> | undefined): string {
  return (paragraph?.get("License") ?? "").split("\n").slice(1).join("\n");
}

function sameLines(text: string): string {
  return text.replaceAll("\r\n", "\n").trim().replace(/[ \t]+$/gm, "");
}

/** The bundle's packages by the paths that esbuild leaves in it; a part of them, but by no list. */
async function packagesInBundle(): Promise<Set<string>> {
  const found = new Set<string>();
  const visit = async (folder: string) => {
    for await (const { isDirectory, name } of Deno.readDir(folder)) {
      if (isDirectory) await visit(`${folder}/${name}`);
      else {
        const code = await Deno.readTextFile(`${folder}/${name}`);
        for (const [, one = ""] of code.matchAll(/"node_modules\/\.deno\/([^/]+)\//g)) {
          found.add(one.replace("+", "/"));
        }
      }
    }
  };
  await visit(`${ROOT}dist/js`);
  return found;
}

Deno.test("licenses.txt has the licence of Herald, its runtime and every package of the bundle", async () => {
  const paragraphs = paragraphsOf(await Deno.readTextFile(`${ROOT}dist/licenses.txt`));
  const [header, own, ...parts] = paragraphs;
  assert.match(header?.get("Format") ?? "", /copyright-format\/1\.0\/$/);
  assert.equal(textOf(own), sameLines(await Deno.readTextFile(`${ROOT}LICENSE`)));
  const named = new Map(parts.map((part) => [part.get("Comment") ?? "", part]));
  assert.equal(named.size, parts.length, "no part twice");
  for (const name of ["Deno", "V8", "ICU"]) assert.ok(named.has(name), name);
  for (const part of parts) {
    // Sentences of a licence begin so too.
    assert.match(part.get("Copyright") ?? "", /^(Copyright|©|\(c\) \d|the authors of) ?\S/i);
    assert.doesNotMatch(part.get("Copyright") ?? "", /must retain|license/i);
    assert.ok(textOf(part).length > 300, part.get("Comment"));
    assert.match(part.get("License") ?? "", /^[A-Za-z0-9.-]+\n/);
  }
  const packages = JSON.parse(await Deno.readTextFile(`${ROOT}dist/packages.json`));
  const listed = packages.map(({ name, version }: Record<string, string>) => `${name}@${version}`);
  for (const { name, version } of packages) {
    const stored = `${name.replace("/", "+")}@${version}/node_modules/${name}`;
    const folder = `${ROOT}node_modules/.deno/${stored}`;
    const file = [...Deno.readDirSync(folder)].map((entry) => entry.name)
      .find((one) => one.startsWith("LICENSE"));
    const text = await Deno.readTextFile(`${folder}/${file}`);
    assert.equal(textOf(named.get(`npm package ${name} ${version}`)), sameLines(text), name);
  }
  const inBundle = [...await packagesInBundle()];
  assert.ok(inBundle.length > 10, `${inBundle}`);
  assert.deepEqual(inBundle.filter((one) => !listed.includes(one)), []);
});

Deno.test("a package without a licence file, or without a licence's name, fails the build by its name", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-licenses-" });
  const describe = (about: unknown) =>
    Deno.writeTextFile(`${folder}/package.json`, JSON.stringify(about));
  try {
    await describe({ name: "bare", version: "1.2.3", license: "MIT" });
    await Deno.writeTextFile(`${folder}/README.md`, "MIT, of course");
    await assert.rejects(readPackage(folder), /bare 1\.2\.3 has no LICENSE file/);
    await Deno.writeTextFile(`${folder}/LICENSE.md`, " \n");
    await assert.rejects(readPackage(folder), /bare 1\.2\.3 has no text in its LICENSE/);
    await Deno.writeTextFile(
      `${folder}/LICENSE.md`,
      "Copyright 2001 A\r\nCopyright 2002 B\r\n\r\nOK\r\n",
    );
    await Deno.writeTextFile(`${folder}/NOTICE`, "Made by A.\n");
    const { text } = await readPackage(folder);
    assert.match(text, /OK[^]*Made by A\.$/);
    const file = await copyrightFile([await readPackage(folder)], ROOT);
    const last = paragraphsOf(file).at(-1);
    assert.equal(
      last?.get("Copyright")?.trim().replace(/\s+/g, " "),
      "Copyright 2001 A Copyright 2002 B",
    );
    assert.equal(textOf(last), "Copyright 2001 A\nCopyright 2002 B\n\nOK\n\nMade by A.");
    await describe({ name: "bare", version: "1.2.3" });
    await assert.rejects(readPackage(folder), /bare 1\.2\.3 has no license in its package\.json/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("packageFolders() names each package once, whatever it lies in", () => {
  const folders = packageFolders([
    "node_modules/.deno/pino@10.4.0/node_modules/pino/lib/meta.js",
    "node_modules/.deno/pino@10.4.0/node_modules/pino/pino.js",
    "node_modules/.deno/@a+b@1.0.0/node_modules/@a/b/index.js",
    "lib/base/time.ts",
  ]);
  assert.deepEqual(folders, [
    "node_modules/.deno/@a+b@1.0.0/node_modules/@a/b",
    "node_modules/.deno/pino@10.4.0/node_modules/pino",
  ]);
});
