import type { Host } from "./lan.ts";
import { compiled } from "./probe.ts";

/** What became of a steady flow of requests, each over a connection of its own. */
export interface TrafficFigures {
  readonly sent: number;
  /** Answered only because TCP asked again after a second. */
  readonly late: number;
  /** Without a whole answer within three seconds; the next three say why. */
  readonly lost: number;
  readonly refused: number;
  /** Reset, or cut short. */
  readonly broken: number;
  readonly silent: number;
  /** The longest time between two answers. */
  readonly longestGapMs: number;
  /** When it began, from the start. */
  readonly gapAtMs: number;
  readonly lostAtMs: readonly number[];
}

export interface Traffic extends AsyncDisposable {
  /** Ends it, waits for the last answers, and gives what became of them all. */
  stop(): Promise<TrafficFigures>;
}

/** The least that the figures can tell of a gap is the time between two requests. */
export async function startTraffic(
  client: Host,
  address: string,
  { perSecond = 100, port = 80, timeoutMs = 3_000 } = {},
): Promise<Traffic> {
  const path = await compiled("requests");
  const process = client.start(path, [address, port, perSecond, timeoutMs].map(String));
  return {
    async stop() {
      await process.end("SIGTERM");
      return JSON.parse(process.output());
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** The traffic of the time that something takes. */
export async function trafficDuring(
  client: Host,
  address: string,
  act: () => Promise<unknown>,
  perSecond = 100,
): Promise<TrafficFigures> {
  await using traffic = await startTraffic(client, address, { perSecond });
  await act();
  return await traffic.stop();
}
