// The image's base: what of Debian the binary needs, and nothing else.

/** An architecture as Debian and OCI name it, and as Deno and the toolchain do. */
export interface Platform {
  readonly name: "amd64" | "arm64";
  readonly target: string;
  readonly machine: "x86_64" | "aarch64";
}

export const PLATFORMS: readonly Platform[] = [
  { name: "amd64", target: "x86_64-unknown-linux-gnu", machine: "x86_64" },
  { name: "arm64", target: "aarch64-unknown-linux-gnu", machine: "aarch64" },
];

/** One of Debian's packages, pinned. */
export interface BasePackage {
  readonly name: string;
  readonly version: string;
  /** Its folder in Debian's archive. */
  readonly pool: string;
  readonly license: string;
  readonly sha256: Readonly<Record<Platform["name"], string>>;
}

/**
 * The binary links libc and libgcc_s, whose copyright file gcc-12-base has; base-files brings the
 * tree, /etc/os-release and the licences' common texts.
 */
export const BASE: readonly BasePackage[] = [
  {
    name: "base-files",
    version: "12.4+deb12u15",
    pool: "b/base-files",
    license: "GPL-2.0-or-later",
    sha256: {
      amd64: "3eb1ea6d85488f488cc2a163b98ad640ef88cee4c79287cf14e361aaf6206f47",
      arm64: "b1272fbdc197f7d5bd22c05b741a03840f8bec66ca68c8d797f567ff2c99d42d",
    },
  },
  {
    name: "gcc-12-base",
    version: "12.2.0-14+deb12u1",
    pool: "g/gcc-12",
    license: "GPL-3.0-or-later WITH GCC-exception-3.1",
    sha256: {
      amd64: "1896a2aacf4ad681ff5eacc24a5b0ca4d5d9c9b9c9e4b6de5197bc1e116ea619",
      arm64: "674cf6cba6d432bd200c45fe866c1652c7a53523cc2e7a613e05bc4abf7b5440",
    },
  },
  {
    name: "libc6",
    version: "2.36-9+deb12u14",
    pool: "g/glibc",
    license: "LGPL-2.1-or-later",
    sha256: {
      amd64: "ba4f88f73dbc3ae9055f3c20f4523bfdbaf1ad13ff95e258924f77d20b4fbedf",
      arm64: "01f4330719fd4f65580e16ea5a0527f372fca750e8f588d26deaf09f2d3b1cf4",
    },
  },
  {
    name: "libgcc-s1",
    version: "12.2.0-14+deb12u1",
    pool: "g/gcc-12",
    license: "GPL-3.0-or-later WITH GCC-exception-3.1",
    sha256: {
      amd64: "3016e62cb4b7cd8038822870601f5ed131befe942774d0f745622cc77d8a88f7",
      arm64: "576926b283613db80168ddf76380a3bd877602778cf0d226caa7bfbfa71eacf3",
    },
  },
];

/** The archive, and the one that keeps every version that there ever was. */
const ARCHIVES = [
  "https://deb.debian.org/debian",
  "https://deb.debian.org/debian-security",
  "https://snapshot.debian.org/archive/debian/20261101T000000Z",
];
/** Left out of the image: what no program reads at run time. */
const LEFT_OUT = ["usr/share/man", "usr/share/lintian", "usr/share/locale"];

const PASSWD = `root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
`;
const GROUP = `root:x:0:
nogroup:x:65534:
nonroot:x:65532:
`;

/** Lays the base's files into `root`; `cache` keeps the packages. @throws Error with the cause */
export async function layBase(platform: Platform, root: string, cache: string): Promise<void> {
  await Deno.mkdir(cache, { recursive: true });
  for (const each of BASE) {
    const file = `${cache}/${each.name}_${each.version}_${platform.name}.deb`;
    if (await sha256Of(file) !== each.sha256[platform.name]) await download(each, platform, file);
    await must("dpkg-deb", "-x", file, root);
    // Scanners of images read there what a distroless image is made of.
    const control = await must("dpkg-deb", "-f", file);
    await Deno.mkdir(`${root}/var/lib/dpkg/status.d`, { recursive: true });
    await Deno.writeTextFile(`${root}/var/lib/dpkg/status.d/${each.name}`, control);
  }
  for (const folder of [...LEFT_OUT, ...await gconvOf(root)]) {
    await Deno.remove(`${root}/${folder}`, { recursive: true }).catch(() => undefined);
  }
  await keepCopyrights(root);
  await Deno.mkdir(`${root}/etc`, { recursive: true });
  await Deno.writeTextFile(`${root}/etc/passwd`, PASSWD);
  await Deno.writeTextFile(`${root}/etc/group`, GROUP);
  await Deno.mkdir(`${root}/home/nonroot`, { recursive: true });
}

/** Leaves of the documentation what the licences ask for. @throws where a package has none */
async function keepCopyrights(root: string): Promise<void> {
  const folder = `${root}/usr/share/doc`;
  for (const { isDirectory, name } of [...Deno.readDirSync(folder)]) {
    // A link leads to the folder of another package of the same source.
    if (!isDirectory) continue;
    for (const entry of [...Deno.readDirSync(`${folder}/${name}`)]) {
      if (entry.name === "copyright") continue;
      await Deno.remove(`${folder}/${name}/${entry.name}`, { recursive: true });
    }
  }
  for (const { name } of BASE) {
    await Deno.stat(`${folder}/${name}/copyright`).catch(() => {
      throw new Error(`${name} brings no copyright file, and the image would lack its licence`);
    });
  }
}

/** The character sets that glibc can load; Herald converts none. */
async function gconvOf(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const library of ["usr/lib", "lib"]) {
    const folder = `${root}/${library}`;
    for await (const { name, isDirectory } of readDirOrNothing(folder)) {
      if (isDirectory && name.endsWith("-linux-gnu")) found.push(`${library}/${name}/gconv`);
    }
  }
  return found;
}

async function* readDirOrNothing(folder: string): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(folder);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** By this machine's own package sources where they have that version, else from Debian. */
async function download(each: BasePackage, platform: Platform, file: string): Promise<void> {
  const { name, pool, version } = each;
  const wanted = each.sha256[platform.name];
  const folder = await Deno.makeTempDir({ prefix: "herald-deb-" });
  try {
    await byApt(folder, platform, `${name}=${version}`);
    for await (const entry of readDirOrNothing(folder)) {
      if (!entry.name.endsWith(".deb")) continue;
      const got = `${folder}/${entry.name}`;
      if (await sha256Of(got) === wanted) return await Deno.copyFile(got, file);
    }
    for (const archive of ARCHIVES) {
      const url = `${archive}/pool/main/${pool}/${name}_${version}_${platform.name}.deb`;
      const bytes = await fetch(url, { signal: AbortSignal.timeout(60_000) })
        .then((answer) => answer.ok ? answer.bytes() : undefined).catch(() => undefined);
      if (bytes === undefined) continue;
      await Deno.writeFile(`${folder}/got`, bytes);
      if (await sha256Of(`${folder}/got`) === wanted) {
        return await Deno.copyFile(`${folder}/got`, file);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  throw new Error(
    `${name} ${version} for ${platform.name} could not be had with its pinned sha256: neither by ` +
      "this machine's apt sources nor from Debian's archive; a newer version is pinned in " +
      ".ci/image/base.ts",
  );
}

/** With lists and a state of its own: the machine's apt never hears of another architecture. */
async function byApt(folder: string, { name }: Platform, what: string): Promise<void> {
  for (const part of ["state/lists/partial", "cache/archives/partial"]) {
    await Deno.mkdir(`${folder}/${part}`, { recursive: true });
  }
  const options = [
    `Dir::State=${folder}/state`,
    `Dir::Cache=${folder}/cache`,
    "Dir::State::status=/dev/null",
    `APT::Architecture=${name}`,
    `APT::Architectures=${name}`,
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  for (const command of [["update"], ["download", what]]) {
    const ran = new Deno.Command("apt-get", {
      args: [...options, "-qq", ...command],
      cwd: folder,
      stdout: "null",
      stderr: "null",
    });
    await ran.output().catch(() => undefined);
  }
}

/** SHA-256 of a file in hex; undefined when it is not there. */
export async function sha256Of(file: string): Promise<string | undefined> {
  const bytes = await Deno.readFile(file).catch(() => undefined);
  return bytes && hexSha256(bytes);
}

export async function hexSha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Runs a program and gives what it prints. @throws Error with its complaint */
export async function must(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`${command} ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
}
