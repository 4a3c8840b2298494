import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { must, type RunningProcess } from "../../support/process.ts";
import type { Host } from "../../support/lan.ts";
import { waitFor } from "../../support/wait.ts";

const HERE = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** What child.ts prints. */
interface Said {
  readonly usable?: readonly (readonly [name: string, mac: string, ifindex: number])[];
  readonly counters?: readonly {
    readonly requests: number;
    readonly replies: number;
    readonly gratuitous: number;
  }[];
  readonly drops?: Readonly<Record<string, number>>;
  readonly problem?: string | null;
  readonly announced?: boolean;
  readonly trouble?: string;
  readonly ended?: boolean;
}

/** A responder that runs on a host of the LAN. */
export interface Responder extends AsyncDisposable {
  readonly process: RunningProcess;
  said(): Said[];
  /** Waits until these are the interfaces that it uses, as `name mac`. */
  uses(...interfaces: string[]): Promise<void>;
  /** Sends a signal and waits for the next line that it makes the child print. */
  ask(signal: string): Promise<Said>;
}

/** Starts child.ts for these addresses and waits until it uses an interface. */
export async function startResponder(host: Host, ...ips: string[]): Promise<Responder> {
  const process = host.start(Deno.execPath(), [
    "run",
    "-A",
    "-q",
    HERE("child.ts"),
    ...ips,
  ]);
  const said = () =>
    process.output().split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line): Said => JSON.parse(line));
  const responder: Responder = {
    process,
    said,
    async uses(...interfaces) {
      await waitFor(`the interfaces ${interfaces.join(", ")} in ${process.output()}`, () => {
        const last = said().findLast(({ usable }) => usable !== undefined)?.usable ?? [];
        return last.map(([name, mac]) => `${name} ${mac}`).join() === interfaces.join();
      });
    },
    async ask(signal) {
      const before = said().length;
      await must("kill", [`-${signal}`, String(process.pid)]);
      return await waitFor(`the answer to ${signal}`, () => said()[before]);
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
  try {
    await responder.uses(`eth0 ${host.mac}`);
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
  return responder;
}

/**
 * Sends raw frames from a host, the last of which must be answered, and gives all ARP replies that
 * came until then, as hexadecimal octets.
 */
export async function inject(host: Host, ...frames: string[]): Promise<string[]> {
  const args = ["run", "-A", "-q", HERE("inject.ts"), "eth0", ...frames];
  const { code, stdout, stderr } = await host.run(Deno.execPath(), ...args);
  const replies = stdout.split("\n").filter((line) => line !== "");
  assert.equal(code, 0, `no reply to the last frame; ${replies.join(", ")} ${stderr}`);
  return replies;
}

/** Sends one frame many times and does not wait for replies. */
export async function flood(host: Host, count: number, frame: string): Promise<void> {
  const args = ["run", "-A", "-q", HERE("inject.ts"), "eth0", `--flood=${count}`, frame];
  await host.must(Deno.execPath(), ...args);
}
