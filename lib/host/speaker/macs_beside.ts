import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import type { Mac } from "../../net/ethernet.ts";
import type { Ip } from "../../net/ip.ts";
import type { readNeighbours } from "../linux/netlink/neighbours.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";
import type { Facts } from "./facts.ts";
import type { Fellows } from "./fellows.ts";

/** Often enough that a member is known before its frames are judged, and only while there is one. */
const LOOK_MS: Millis = 1_000;

interface MacsBesideOptions {
  readonly fellows: Pick<Fellows, "beside" | "roster">;
  readonly facts: Pick<Facts, "nodes">;
  readonly neighbours: typeof readNeighbours;
  readonly clock: Clock;
  readonly log: Log;
  /** More hardware addresses of speakers of MetalLB are known than before: all of them. */
  readonly onMacs: (macs: readonly Mac[]) => void;
}

/**
 * Finds the hardware addresses of MetalLB's speakers, which do not tell them, until the signal
 * fires: gossip talks to them, so the kernel knows who has the addresses of their nodes.
 */
export function watchMacsBeside(options: MacsBesideOptions, signal: AbortSignal): void {
  const { clock, log, neighbours, onMacs } = options;
  const known = new Set<Mac>();
  let told = false;

  function look(): void {
    if (signal.aborted) return;
    clock.schedule(LOOK_MS, look);
    const theirs = addressesOf(options);
    if (theirs.size === 0) return;
    const before = known.size;
    try {
      for (const { ip, mac } of neighbours()) if (theirs.has(ip)) known.add(mac);
    } catch (error) {
      if (!told) log.warn({ error: errorText(error) }, "the kernel does not tell who is beside");
      told = true;
    }
    if (known.size > before) onMacs([...known]);
  }

  look();
}

function addressesOf({ facts, fellows }: MacsBesideOptions): ReadonlySet<Ip> {
  const nodes = facts.nodes();
  const own = [...fellows.beside().nodes].flatMap((name) => [...nodes.get(name)?.addresses ?? []]);
  return new Set([...fellows.roster().addressesBeside, ...own]);
}
