// Herald's Debian package, byte for byte the same for the same input.
import { gzipSync } from "node:zlib";
import type { Platform } from "../image/base.ts";

export interface DebFacts {
  readonly platform: Platform["name"];
  readonly version: string;
  /** Seconds since 1970 that every file bears. */
  readonly epoch: number;
  /** Path of the program. */
  readonly binary: string;
  /** Path of the licences of all that is in the program, as Debian's copyright files have them. */
  readonly licenses: string;
  readonly manPage: string;
  /** By the path at which a shell looks for them. */
  readonly completions: Readonly<Record<string, string>>;
  readonly compression: "gzip" | "none";
}

const MAINTAINER = "Herald <herald@localhost>";
const UNITS = "deploy/systemd";
const SCRIPTS = ".ci/release/debian";
const CONFFILES = ["config.yaml", "controller.env", "speaker.env", "all.env"];

/** Writes the package to `output`; `work` is an empty folder. @throws Error with the cause */
export async function makeDeb(facts: DebFacts, work: string, output: string): Promise<void> {
  const root = `${work}/root`;
  await layFiles(root, facts);
  await layControl(root, facts);
  await sameForAll(root, facts.epoch);
  const env = { SOURCE_DATE_EPOCH: String(facts.epoch) };
  const flags = ["--root-owner-group", `-Z${facts.compression}`, "-z9", "--build"];
  const { success, stderr } = await new Deno.Command("dpkg-deb", {
    args: [...flags, root, output],
    env,
  }).output();
  if (!success) throw new Error(`dpkg-deb failed: ${new TextDecoder().decode(stderr)}`);
}

async function layFiles(root: string, facts: DebFacts): Promise<void> {
  const { binary, completions, epoch, licenses, manPage, version } = facts;
  const copy = async (from: string, to: string) => {
    await Deno.mkdir(`${root}/${to}`.replace(/\/[^/]+$/, ""), { recursive: true });
    await Deno.copyFile(from, `${root}/${to}`);
  };
  const write = async (to: string, content: string | Uint8Array) => {
    await Deno.mkdir(`${root}/${to}`.replace(/\/[^/]+$/, ""), { recursive: true });
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(`${root}/${to}`, bytes);
  };
  await copy(binary, "usr/bin/herald");
  const units = "usr/lib/systemd/system";
  await copy(`${UNITS}/herald@.service`, `${units}/herald@.service`);
  for (const role of ["speaker", "all"]) {
    const dropIn = `herald@${role}.service.d/10-network.conf`;
    await copy(`${UNITS}/${dropIn}`, `${units}/${dropIn}`);
  }
  for (const name of CONFFILES) await copy(`${UNITS}/${name}`, `etc/herald/${name}`);
  const doc = "usr/share/doc/herald";
  for (const name of ["ebpf.conf", "service.yaml"]) {
    await copy(`${UNITS}/examples/${name}`, `${doc}/examples/${name}`);
  }
  await copy(licenses, `${doc}/copyright`);
  const date = new Date(epoch * 1000).toUTCString().replace("GMT", "+0000");
  const changes = `herald (${version}) unstable; urgency=medium\n\n` +
    `  * See CHANGELOG.md of this version.\n\n -- ${MAINTAINER}  ${date}\n`;
  await write(`${doc}/changelog.gz`, gzipSync(changes, { level: 9 }));
  await write("usr/share/man/man1/herald.1.gz", gzipSync(manPage, { level: 9 }));
  for (const [path, text] of Object.entries(completions)) await write(path, text);
}

async function layControl(root: string, facts: DebFacts): Promise<void> {
  const { platform, version } = facts;
  const { size } = await Deno.stat(facts.binary);
  await Deno.mkdir(`${root}/DEBIAN`, { recursive: true });
  const control = `Package: herald
Version: ${version}
Architecture: ${platform}
Maintainer: ${MAINTAINER}
Installed-Size: ${Math.ceil(size / 1024) + 64}
Depends: libc6 (>= 2.27), libgcc-s1, passwd
Section: net
Priority: optional
Description: network load balancer for bare-metal Kubernetes
 Gives Services of type LoadBalancer their addresses and makes the network send
 their traffic here, by ARP and NDP or by BGP; with a folder of manifests in
 place of a cluster too.
`;
  await Deno.writeTextFile(`${root}/DEBIAN/control`, control);
  const conffiles = CONFFILES.map((name) => `/etc/herald/${name}\n`).sort().join("");
  await Deno.writeTextFile(`${root}/DEBIAN/conffiles`, conffiles);
  for (const name of ["postinst", "prerm", "postrm"]) {
    await Deno.copyFile(`${SCRIPTS}/${name}`, `${root}/DEBIAN/${name}`);
  }
}

/** One time and plain modes, whatever the umask and the checkout gave. */
async function sameForAll(folder: string, epoch: number): Promise<void> {
  for await (const { isDirectory, name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) await sameForAll(path, epoch);
    const runs = isDirectory || /\/(usr\/bin\/|DEBIAN\/(post|pre))[a-z]+$/.test(path);
    await Deno.chmod(path, runs ? 0o755 : 0o644);
    await Deno.utime(path, epoch, epoch);
  }
  await Deno.chmod(folder, 0o755);
  await Deno.utime(folder, epoch, epoch);
}
