import type { Host } from "./lan.ts";
import { waitFor } from "./wait.ts";

/** A frame as it passed, with the kernel's own time of it in milliseconds of the wall clock. */
export interface Frame {
  readonly atMs: number;
  /** The whole frame in hexadecimal octets, as captured. */
  readonly hex: string;
}

export interface Capture extends AsyncDisposable {
  frames(): Frame[];
}

/** Records the frames that a host's interface sees and a filter of tcpdump(8) lets by. */
export async function startCapture(
  host: Host,
  filter: string,
  interfaceName = "eth0",
): Promise<Capture> {
  const args = ["-i", interfaceName, ..."-tt -xx -n -l --immediate-mode".split(" "), filter];
  const process = host.start("tcpdump", args);
  await waitFor("tcpdump", () => process.output().includes("listening on"));
  return {
    frames: () => framesOf(process.output()),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

function framesOf(output: string): Frame[] {
  const frames: Frame[] = [];
  for (const part of output.split(/^(?=\d+\.\d+ )/m)) {
    const seconds = /^\d+\.\d+ /.exec(part)?.[0];
    if (seconds === undefined) continue;
    const octets = [...part.matchAll(/^\s+0x[0-9a-f]{4}: +([0-9a-f ]+)$/gm)]
      .map(([, line = ""]) => line.replaceAll(" ", ""));
    frames.push({ atMs: Number(seconds) * 1_000, hex: octets.join("") });
  }
  return frames;
}

/** The Ethernet source of a frame, as `02:00:…`. */
export function sourceOf({ hex }: Frame): string {
  return hex.slice(12, 24).match(/../g)?.join(":") ?? "";
}
