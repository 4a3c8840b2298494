import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { makeDeb } from "../../.ci/release/deb.ts";
import { packFolder } from "../../.ci/release/pack.ts";
import { cliTexts } from "../../.ci/release/texts.ts";
import { must, run } from "../support/process.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const RELEASE = `${ROOT}dist/release`;
const EPOCH = 1_800_000_000;

async function sha256(path: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}

/** A package of a small program, made where the umask and the files' times are others. */
async function smallDeb(folder: string, text = "#!/bin/sh\n"): Promise<string> {
  await Deno.mkdir(folder);
  const binary = `${folder}/program`;
  await Deno.writeTextFile(binary, text);
  const { completions, page } = cliTexts("9.9.9", EPOCH);
  const licenses = `${folder}/licenses.txt`;
  await Deno.writeTextFile(licenses, "Files: *\n");
  const facts = { platform: "arm64", version: "9.9.9", epoch: EPOCH, binary, licenses } as const;
  const deb = `${folder}/herald.deb`;
  await makeDeb(
    { ...facts, manPage: page, completions, compression: "gzip" },
    `${folder}/work`,
    deb,
  );
  return deb;
}

Deno.test("makeDeb() gives the same bytes whenever and wherever, and others for another program", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-deb-" });
  const umask = Deno.umask(0o077);
  try {
    const one = await sha256(await smallDeb(`${folder}/one`));
    Deno.umask(0o002);
    const deb = await smallDeb(`${folder}/two`);
    assert.equal(await sha256(deb), one);
    assert.notEqual(await sha256(await smallDeb(`${folder}/three`, "#!/bin/true\n")), one);
    const files = await must("dpkg-deb", ["--contents", deb]);
    const rows = files.trim().split("\n").map((line) => line.split(/\s+/));
    for (const [mode = "", owner, , day, , name = ""] of rows) {
      assert.deepEqual([owner, day], ["root/root", "2027-01-15"], name);
      const right = name.endsWith("/") ? "drwxr-xr-x" : "-rw-r--r--";
      assert.equal(mode, name === "./usr/bin/herald" ? "-rwxr-xr-x" : right, name);
    }
    assert.match(await must("dpkg-deb", ["--field", deb, "Architecture"]), /^arm64/);
    const conffiles = await must("dpkg-deb", ["--info", deb, "conffiles"]);
    const etc = rows.map((row) => row[5] ?? "").filter((name) => /^\.\/etc\/herald\/./.test(name));
    assert.deepEqual(conffiles.trim().split("\n"), etc.map((name) => name.slice(1)).sort());
  } finally {
    Deno.umask(umask);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("packFolder() gives the same bytes whenever and in which order files were written", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-pack-" });
  try {
    const pack = async (parent: string, files: readonly string[]) => {
      await Deno.mkdir(`${folder}/${parent}/herald`, { recursive: true });
      for (const name of files) {
        await Deno.writeTextFile(`${folder}/${parent}/herald/${name}`, name);
      }
      await packFolder(`${folder}/${parent}`, "herald", `${folder}/${parent}.tgz`, EPOCH);
      return await sha256(`${folder}/${parent}.tgz`);
    };
    const one = await pack("one", ["Chart.yaml", "values.yaml"]);
    assert.equal(await pack("two", ["values.yaml", "Chart.yaml"]), one);
    assert.notEqual(await pack("three", ["Chart.yaml"]), one);
    const names = await must("tar", ["-tzf", `${folder}/one.tgz`]);
    assert.deepEqual(names.trim().split("\n"), [
      "herald/",
      "herald/Chart.yaml",
      "herald/values.yaml",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("./install.sh release lays down all that is published, and does no work twice", async () => {
  await must(`${ROOT}install.sh`, ["release"]);
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const names = [...Deno.readDirSync(RELEASE)].map(({ name }) => name).sort();
  const wanted = ["amd64", "arm64"].flatMap((arch) => [
    `herald-${version}-linux-${arch}`,
    `herald-${version}-linux-${arch}-image.tar`,
    `herald-${version}-linux-${arch}.spdx.json`,
    `herald_${version}_${arch}.deb`,
  ]).concat(
    "herald.1",
    "herald.bash",
    "_herald",
    "herald.fish",
    "licenses.txt",
    "metallb-compatible.yaml",
  );
  for (const name of wanted) assert.ok(names.includes(name), `${name} is not in ${names}`);
  const sums = (await Deno.readTextFile(`${RELEASE}/SHA256SUMS`)).trim().split("\n");
  assert.deepEqual(
    sums.map((line) => line.split("  ")[1]).sort(),
    names.filter((name) => name !== "SHA256SUMS"),
  );
  await must("sh", ["-c", 'cd "$0" && sha256sum --check --strict SHA256SUMS', RELEASE]);
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "amd64";
  const program = `${RELEASE}/herald-${version}-linux-${arch}`;
  assert.match(await must(program, ["version"]), new RegExp(`^herald ${version} `));
  const deb = `${RELEASE}/herald_${version}_${arch}.deb`;
  const packed = 'dpkg-deb --fsys-tarfile "$0" | tar -xO ./usr/bin/herald | sha256sum';
  assert.equal((await must("sh", ["-c", packed, deb])).slice(0, 64), await sha256(program));
  const copyright = 'dpkg-deb --fsys-tarfile "$0" | tar -xO ./usr/share/doc/herald/copyright';
  const licenses = await Deno.readTextFile(`${RELEASE}/licenses.txt`);
  assert.equal(await must("sh", ["-c", copyright, deb]), licenses);
  assert.equal(await Deno.readTextFile(`${ROOT}dist/licenses.txt`), licenses);
  assert.ok(!names.includes("kustomization.yaml"), "its folders are elsewhere");
  const before = await Deno.stat(`${RELEASE}/SHA256SUMS`);
  const again = await run(`${ROOT}install.sh`, ["release"]);
  // A test beside this one may hold the folder for a moment.
  const said = again.stderr.replace(/^herald: waiting for another .*\n/m, "");
  assert.deepEqual([again.code, said], [0, ""]);
  const after = await Deno.stat(`${RELEASE}/SHA256SUMS`);
  assert.equal(after.mtime?.getTime(), before.mtime?.getTime());
});

/** A copy of the checkout as it stands, owned by another user. */
async function copyCheckout(folder: string): Promise<void> {
  const list = "git ls-files -z --cached --others --exclude-standard";
  const pack = "tar --null --ignore-failed-read --files-from=- --create .git";
  await Deno.mkdir(folder, { recursive: true });
  await must("sh", [
    "-c",
    `cd "$0" && ${list} | ${pack} | tar --extract --directory="$1"`,
    ROOT,
    folder,
  ]);
  await must("chown", ["--recursive", "12345:12345", folder]);
}

Deno.test("two releases are the same, file by file: from another folder and owner, under another umask, time zone and language", async () => {
  await must(`${ROOT}install.sh`, ["release"]);
  const folder = await Deno.makeTempDir({ prefix: "herald release " });
  try {
    const clone = `${folder}/another clone`;
    await copyCheckout(clone);
    const cache = Deno.env.get("HERALD_CACHE") ?? `${Deno.env.get("HOME")}/.cache/herald`;
    const around = ["TZ=Asia/Kathmandu", "LC_ALL=C.UTF-8", "LANG=tr_TR.UTF-8", `HOME=${folder}`];
    await must("env", [
      ...around,
      `HERALD_CACHE=${cache}`,
      "sh",
      "-c",
      'umask 077; cd / && exec "$0/install.sh" release',
      clone,
    ]);
    const sumsOf = (release: string) => Deno.readTextFile(`${release}/SHA256SUMS`);
    assert.equal(await sumsOf(`${clone}/dist/release`), await sumsOf(RELEASE));
    for await (const { name } of Deno.readDir(RELEASE)) {
      const { mode } = await Deno.stat(`${clone}/dist/release/${name}`);
      assert.equal((mode ?? 0) & 0o044, 0o044, `${name} is hidden from others`);
    }
    const left = [...Deno.readDirSync(`${clone}/dist`)].map(({ name }) => name);
    assert.deepEqual(left.filter((name) => name.startsWith(".")), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
