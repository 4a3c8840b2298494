import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { must } from "../support/process.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const IMAGE = `${ROOT}dist/image`;
const MAX_BYTES = 40_000_000;
/**
 * What Herald, or a package of the bundle, names as a dependency and the bundle has nothing of:
 * tools, types, and what only those parts of a package use that Herald does not.
 */
const NOT_IN_BUNDLE = [
  "@types/js-yaml",
  "@types/node",
  "@types/node-fetch",
  "@types/stream-buffers",
  "argparse",
  "esbuild",
  "fast-check",
  "form-data",
  "help-me",
  "hpagent",
  "isomorphic-ws",
  "joycon",
  "jsonpath-plus",
  "minimist",
  "node-fetch",
  "openid-client",
  "process-warning",
  "real-require",
  "rfc4648",
  "socks-proxy-agent",
  "stream-buffers",
  "strip-json-comments",
  "tar-fs",
  "ws",
];

interface Pin {
  readonly dependencies?: readonly string[];
}

async function digests(): Promise<string[]> {
  const index = JSON.parse(await Deno.readTextFile(`${IMAGE}/layout/index.json`));
  return index.manifests.map(({ digest }: { digest: string }) => digest);
}

/** The image's files, as a container program would lay them. */
async function unpack(tar: string, folder: string): Promise<string> {
  await must("skopeo", ["copy", "--quiet", `oci-archive:${tar}`, `dir:${folder}/dir`]);
  const manifest = JSON.parse(await Deno.readTextFile(`${folder}/dir/manifest.json`));
  const root = `${folder}/root`;
  await Deno.mkdir(root);
  for (const { digest } of manifest.layers) {
    await must("tar", ["-xzf", `${folder}/dir/${digest.replace("sha256:", "")}`, "-C", root]);
  }
  return root;
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

Deno.test("./install.sh image makes both platforms, and does no work twice", async (t) => {
  await must(`${ROOT}install.sh`, ["image"]);
  const first = await digests();
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const tars = ["amd64", "arm64"].map((name) => `${IMAGE}/herald-${version}-linux-${name}.tar`);
  const folder = await Deno.makeTempDir({ prefix: "herald-image-" });
  try {
    for (const tar of tars) {
      const { size } = await Deno.stat(tar);
      assert.ok(size <= MAX_BYTES, `${tar} has ${size} bytes`);
    }
    await t.step("its file is as large as the pages say", async () => {
      const { size } = await Deno.stat(tars[0] ?? "");
      const megabytes = `${Math.round(size / 1_000_000)} MB`;
      for (const page of ["README.md", "docs/installation.md"]) {
        const row = (await Deno.readTextFile(`${ROOT}${page}`)).split("\n")
          .find((line) => line.includes("image's file")) ?? "";
        assert.ok(row.includes(megabytes), `${page} says otherwise than ${megabytes}: ${row}`);
      }
    });
    await t.step("its binary runs in nothing but the image's own files", async () => {
      const root = await unpack(tars[0] ?? "", folder);
      const told = await must("chroot", [root, "/usr/local/bin/herald", "version"]).catch(String);
      // Without /proc the runtime cannot find itself: the loader and all libraries were found.
      assert.match(told, new RegExp(`herald ${version}|/proc/self/exe`));
      assert.match(await Deno.readTextFile(`${root}/etc/passwd`), /^nonroot:x:65532/m);
      const parts = namesIn(`${root}/var/lib/dpkg/status.d`);
      assert.deepEqual(parts, ["base-files", "gcc-12-base", "libc6", "libgcc-s1"]);
      assert.ok(!await isThere(`${root}/bin/sh`), "there is a shell");
      const doc = `${root}/usr/share/doc`;
      assert.deepEqual(namesIn(doc), [...parts, "herald"].sort());
      for (const name of namesIn(doc)) assert.deepEqual(namesIn(`${doc}/${name}`), ["copyright"]);
      const licenses = await Deno.readTextFile(`${ROOT}dist/licenses.txt`);
      assert.equal(await Deno.readTextFile(`${doc}/herald/copyright`), licenses);
    });
    await t.step("its label names the commit that the program names", async () => {
      const told = await must(`${ROOT}dist/herald`, ["version"]);
      const [, commit = ""] = /\(commit ([^,)]+)/.exec(told) ?? [];
      const [digits = "", ...dirty] = commit.split("-");
      for (const tar of tars) {
        const { Labels } = JSON.parse(await must("skopeo", ["inspect", `oci-archive:${tar}`]));
        const revision = String(Labels["org.opencontainers.image.revision"]);
        assert.match(revision, new RegExp(`^${[`${digits}[0-9a-f]{28}`, ...dirty].join("-")}$`));
      }
    });
    await t.step(
      "its SPDX document names what deno.lock pins of the bundle, and all of it",
      async () => {
        const lock: { npm: Readonly<Record<string, Pin>> } = JSON.parse(
          await Deno.readTextFile(`${ROOT}deno.lock`),
        );
        // Behind an underscore stands what a package was resolved with.
        const pins = new Map(
          Object.entries(lock.npm).map((
            [pin, about],
          ) => [pin.replace(/(.@[^_]+)_.*/, "$1"), about]),
        );
        const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
        const file = (tars[0] ?? "").replace(/\.tar$/, ".spdx.json");
        const { packages } = JSON.parse(await Deno.readTextFile(file));
        const named: string[] = packages
          .filter(({ SPDXID }: { SPDXID: string }) => /-npm-/.test(SPDXID))
          .map(({ name, versionInfo }: Record<string, string>) => `${name}@${versionInfo}`);
        assert.deepEqual(named.filter((one) => !pins.has(one)), [], "not in deno.lock");
        const isNamed = (name: string) =>
          named.some((one) => one === name || one.replace(/(.)@.*/, "$1") === name);
        const imported = Object.values<string>(imports).filter((one) => one.startsWith("npm:"))
          .map((one) => one.slice("npm:".length));
        const needed = named.flatMap((one) => pins.get(one)?.dependencies ?? []);
        const left = [...imported, ...needed].filter((one) => !isNamed(one))
          .map((one) => one.replace(/(.)@.*/, "$1"));
        assert.deepEqual([...new Set(left)].sort(), NOT_IN_BUNDLE);
      },
    );
    await t.step("the layout is one image, of which each platform takes its own", async () => {
      for (const [at, arch] of ["amd64", "arm64"].entries()) {
        const whole = [
          `--override-arch=${arch}`,
          "inspect",
          "--format={{.Architecture}} {{.Layers}}",
        ];
        const told = await must("skopeo", [...whole, `oci:${IMAGE}/layout:${version}`]);
        assert.equal(told, await must("skopeo", [...whole, `oci-archive:${tars[at]}`]));
        assert.match(told, new RegExp(`^${arch} `));
      }
    });
    const made = () => Promise.all(tars.map(async (tar) => (await Deno.stat(tar)).mtime));
    const before = await made();
    await must(`${ROOT}install.sh`, ["image"]);
    assert.deepEqual(await made(), before, "made again although nothing changed");
    // What is not whole is made again, and is the same then.
    await Deno.truncate(tars[1] ?? "", 1_000);
    await must(`${ROOT}install.sh`, ["image"]);
    assert.deepEqual(await digests(), first);
    assert.ok((await Deno.stat(tars[1] ?? "")).size > 1_000_000);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
