import { run } from "./process.ts";

/** Debian's packages that the tests, the demo and the benchmarks run. */
export const TEST_PACKAGES = [
  "iproute2",
  "frr",
  "bird2",
  "gobgpd",
  "exabgp",
  "iputils-arping",
  "iputils-ping",
  "ndisc6",
  "nftables",
  "iptables",
  "tcpdump",
  "conntrack",
  "curl",
  "gcc",
  "libc6-dev",
  "openssl",
  "procps",
  "chromium",
  "skopeo",
  "containerd",
  "runc",
  "containernetworking-plugins",
  "busybox-static",
  "groff-base",
  "zsh",
  "fish",
  "qemu-user",
  "systemd",
  "man-db",
] as const;

/** Another installation, as of a machine that updates itself, may hold dpkg's lock for a while. */
const APT_WAITS = ["-o", "DPkg::Lock::Timeout=300"] as const;

/** Installs what is missing, named first. @throws Error when a package cannot be had */
export async function installPackages(packages: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const name of packages) {
    const { stdout } = await run("dpkg-query", ["-W", "-f", "${Status}", name]);
    if (!stdout.startsWith("install ok installed")) missing.push(name);
  }
  if (missing.length === 0) return;
  say(`installing system packages: ${missing.join(" ")}`);
  const env = ["DEBIAN_FRONTEND=noninteractive"];
  await run("env", [...env, "apt-get", "update", "-qq"]);
  const { code, stderr } = await run("env", [
    ...env,
    "apt-get",
    ...APT_WAITS,
    "install",
    "-y",
    "-qq",
    "--no-install-recommends",
    ...missing,
  ]);
  if (code !== 0) throw new Error(`apt-get could not install ${missing.join(" ")}: ${stderr}`);
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`herald: ${text}\n`));
}
