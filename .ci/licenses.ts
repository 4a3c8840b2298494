// What the program holds besides Herald's own code, and the licence of each part: one text in the
// format of Debian's copyright files, for all that is published.
// https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

/** An npm package that the bundle holds. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** By SPDX's names. */
  readonly license: string;
}

/** A part with the text under which it may be passed on. */
interface LicensedPart {
  readonly name: string;
  readonly license: string;
  /** Where its files lie when the program is made. */
  readonly files: string;
  readonly text: string;
}

export interface LicensedPackage extends BundledPackage, LicensedPart {}

/** denort, behind which the bundle is put; .ci/licenses has their texts. */
const RUNTIME = [
  { name: "Deno", license: "MIT", text: "deno.txt" },
  { name: "V8", license: "BSD-3-Clause", text: "v8.txt" },
  { name: "ICU", license: "Unicode-3.0", text: "icu.txt" },
  { name: "Node.js, of which Deno has files", license: "MIT", text: "node.txt" },
];
const COMMENT = `The program is one file, made of all that is named here. Its runtime is Deno's own
release, unchanged. What that links besides, libraries in Rust above all, is named with its
versions by Cargo.lock in https://github.com/denoland/deno, each under a licence of its own.`;

/** The folders of the npm packages that these files are of. */
export function packageFolders(files: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const file of files) {
    const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^@/.][^/]*(?=\/)/.exec(file) ?? [];
    if (folder !== undefined) folders.add(folder);
  }
  return [...folders].sort();
}

/** A package as it lies in its folder. @throws Error with its name where it has no licence */
export async function readPackage(folder: string): Promise<LicensedPackage> {
  const { license, name, version } = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
  const missing = (what: string) =>
    new Error(`${name} ${version} has no ${what}: what is in the program must bring its licence`);
  if (typeof license !== "string" || license === "") throw missing("license in its package.json");
  const names = [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
  const licenses = names.filter((one) => /^(licen[cs]e|copying)([-.]|$)/i.test(one));
  if (licenses.length === 0) throw missing(`LICENSE file in ${folder}`);
  const notices = names.filter((one) => /^notice(\.|$)/i.test(one));
  const texts = [...licenses, ...notices].map((one) => Deno.readTextFile(`${folder}/${one}`));
  const text = (await Promise.all(texts)).map((one) => one.trim()).join("\n\n");
  if (text === "") throw missing(`text in its LICENSE file in ${folder}`);
  return { name, version, license, files: `${folder}/*`, text };
}

/** The copyright file of a program with these packages; `root` is the checkout. */
export async function copyrightFile(
  packages: readonly LicensedPackage[],
  root = ".",
): Promise<string> {
  const own = await Deno.readTextFile(`${root}/LICENSE`);
  const runtime = RUNTIME.map(async ({ license, name, text }) => ({
    name,
    license,
    files: `denort/${text.replace(".txt", "")}/*`,
    text: await Deno.readTextFile(`${root}/.ci/licenses/${text}`),
  }));
  return [
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n" +
    `Upstream-Name: herald\nComment:${continued(COMMENT)}\n`,
    stanza({ name: "Herald", license: "Apache-2.0", files: "*", text: own }, ["Herald's authors"]),
    ...(await Promise.all(runtime)).map((part) => stanza(part, holdersOf(part))),
    ...packages.map((part) =>
      stanza({ ...part, name: `npm package ${part.name} ${part.version}` }, holdersOf(part))
    ),
  ].join("\n");
}

function stanza({ files, license, name, text }: LicensedPart, holders: readonly string[]): string {
  return `Files: ${files}\nCopyright: ${holders.join("\n           ")}\n` +
    `Comment: ${name}\nLicense: ${license}${continued(text)}\n`;
}

/** The lines of a text behind a field's name; an empty one would end the paragraph. */
function continued(text: string): string {
  return text.replaceAll("\r\n", "\n").trim().split("\n")
    .map((line) => line.trim() === "" ? "\n ." : `\n ${line.trimEnd()}`).join("");
}

/** Who holds the rights, by the lines of the text that say so. */
function holdersOf({ name, text }: LicensedPart): string[] {
  const lines = text.split("\n").map((line) => line.trim().replace(/^[#*/ ]+/, ""))
    .filter((line) => /^(Copyright (?![[{]|notice|holder|owner|license)|\([Cc]\) \d|©)/.test(line));
  return lines.length > 0 ? [...new Set(lines)] : [`the authors of ${name}`];
}
