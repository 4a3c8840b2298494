import { installPackages } from "./packages.ts";
import { must, run } from "./process.ts";

/** From this one on an older toolchain fetches the one that a module asks for. */
const LEAST_MINOR = 21;
/** Where the system's Go is older, as Debian 12's is: a module of the Go proxy, held to its checksum by Go itself. */
const TOOLCHAIN = "golang.org/toolchain@v0.0.1-go1.24.9.linux-";
const ARCHITECTURE = Deno.build.arch === "aarch64" ? "arm64" : "amd64";

let found: Promise<void> | undefined;

/** Finds Go or gets it, once for all that ask at one time. @throws Error when it cannot be had */
export function ensureGo(): Promise<void> {
  return found ??= findGo();
}

async function findGo(): Promise<void> {
  const minor = await minorVersion();
  if (minor >= LEAST_MINOR) return;
  if (minor === 0) await installPackages(["golang-go"]);
  if (await minorVersion() >= LEAST_MINOR) return;
  const { Dir: folder } = JSON.parse(
    await must("env", [
      "GOFLAGS=-mod=mod",
      "go",
      "mod",
      "download",
      "-json",
      TOOLCHAIN + ARCHITECTURE,
    ]),
  );
  // A module keeps no permissions.
  await must("chmod", ["-R", "+x", `${folder}/bin`, `${folder}/pkg/tool`]);
  Deno.env.set("PATH", `${folder}/bin:${Deno.env.get("PATH")}`);
  if (await minorVersion() >= LEAST_MINOR) return;
  throw new Error(
    `Go 1.${LEAST_MINOR} or newer is needed to build the tests' programs; install it and run again`,
  );
}

/** 0 where there is none. */
async function minorVersion(): Promise<number> {
  const told = await run("go", ["version"]).catch(() => undefined);
  return Number(/go1\.(\d+)/.exec(told?.stdout ?? "")?.[1] ?? 0);
}
