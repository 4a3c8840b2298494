import { fileURLToPath } from "node:url";
import { ensureGo } from "./go.ts";
import type { Host } from "./lan.ts";
import { must } from "./process.ts";
import { waitFor } from "./wait.ts";

/** The libraries of MetalLB v0.10 to v0.12, and of its newest releases. */
export type MemberlistVersion = "v0.1.7" | "v0.5.1";

export interface PeerOptions {
  readonly version: MemberlistVersion;
  readonly name: string;
  readonly bind: string;
  readonly keyHex?: string;
  readonly join?: readonly string[];
}

/** A real memberlist node, with the name and the rule of owners of MetalLB's speaker. */
export interface MemberlistPeer extends AsyncDisposable {
  members(): Promise<readonly string[]>;
  /** Who owns each address among its members. */
  owners(ips: readonly string[]): Promise<Readonly<Record<string, string>>>;
  /** Says goodbye and ends. */
  leave(): Promise<void>;
  kill(): Promise<void>;
}

const SOURCE = fileURLToPath(new URL("../peers/memberlist/", import.meta.url));
const MODFILE: Readonly<Record<MemberlistVersion, readonly string[]>> = {
  "v0.1.7": ["-modfile=metallb-v0.12.mod"],
  "v0.5.1": [],
};
const programs = new Map<MemberlistVersion, Promise<string>>();

/** Builds the program once for a process. */
function built(version: MemberlistVersion): Promise<string> {
  const found = programs.get(version);
  if (found !== undefined) return found;
  const building = (async () => {
    await ensureGo();
    const path = `${await Deno.makeTempDir({ prefix: "herald-peer-" })}/memberlist`;
    await must("env", [
      "-C",
      SOURCE,
      "CGO_ENABLED=0",
      "GOFLAGS=-buildvcs=false",
      "go",
      "build",
      "-mod=readonly",
      ...MODFILE[version],
      "-o",
      path,
      ".",
    ]);
    return path;
  })();
  programs.set(version, building);
  return building;
}

/** Builds them while the network is at hand: the first time, Go gets their modules. */
export async function buildMemberlistPeers(): Promise<void> {
  await Promise.all([built("v0.1.7"), built("v0.5.1")]);
}

/** Starts one on a host of the LAN. */
export async function startMemberlistPeer(
  host: Host,
  options: PeerOptions,
): Promise<MemberlistPeer> {
  const path = await built(options.version);
  const [command, args] = host.inside(
    path,
    `-name=${options.name}`,
    `-bind=${options.bind}`,
    `-key-hex=${options.keyHex ?? ""}`,
    `-join=${options.join?.join(",") ?? ""}`,
  );
  const child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  const lines: Record<string, unknown>[] = [];
  const reading = (async () => {
    let rest = "";
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + part).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts.map((line) => JSON.parse(line)));
    }
  })();
  async function end(): Promise<void> {
    await writer.close().catch(() => undefined);
    try {
      child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has ended already.
    }
    await child.status;
    await reading;
  }
  async function ask(question: string, key: string): Promise<unknown> {
    const from = lines.length;
    await writer.write(new TextEncoder().encode(`${question}\n`));
    const answer = await waitFor(
      `the peer's answer to ${question.slice(0, 20)}`,
      () => lines.slice(from).find((line) => key in line),
    );
    return answer[key];
  }
  await waitFor("the memberlist peer", () => lines.some(({ event }) => event === "ready"));
  return {
    members: async () => await ask("members", "members") as string[],
    owners: async (ips) => await ask(`owner ${ips.join(" ")}`, "owners") as Record<string, string>,
    async leave() {
      await writer.write(new TextEncoder().encode("leave\n"));
      await child.status;
      await end();
    },
    kill: end,
    [Symbol.asyncDispose]: end,
  };
}
