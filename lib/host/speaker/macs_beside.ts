import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import type { Mac } from "../../net/ethernet.ts";
import type { Ip } from "../../net/ip.ts";
import { readNeighbours } from "../linux/netlink/neighbours.ts";
import { type ClaimListener, openClaimListener } from "../linux/packet/claim_listener.ts";
import type { Layer2 } from "../linux/packet/layer2.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";
import type { Facts } from "./facts.ts";
import type { Fellows } from "./fellows.ts";

/** Often enough that a member is known before its frames are judged, and only while there is one. */
const LOOK_MS: Millis = 1_000;

interface MacsBesideOptions {
  readonly fellows: Pick<Fellows, "beside" | "heard" | "roster">;
  readonly facts: Pick<Facts, "nodes">;
  readonly layer2: Pick<Layer2, "interfaces" | "suspects">;
  readonly clock: Clock;
  readonly log: Log;
  /** More hardware addresses of such speakers are known than before: all of them. */
  readonly onMacs: (macs: readonly Mac[]) => void;
}

/** The kernel and the LAN; tests hand in their own. */
interface Asking {
  readonly neighbours: typeof readNeighbours;
  readonly listen: () => ClaimListener;
}

/**
 * Finds the hardware addresses of MetalLB's speakers, which do not tell them, and of those of Herald's
 * that are not heard, whose claims would, until the signal fires: gossip talks to them, so the kernel knows who has the addresses of their nodes. A node with
 * several cards in the LAN is known by one; while a host is suspected, the LAN is asked for those
 * nodes too, and Linux answers on each card for all of a node's addresses.
 */
export function watchMacsBeside(
  options: MacsBesideOptions,
  signal: AbortSignal,
  { neighbours, listen }: Asking = { neighbours: readNeighbours, listen: openClaimListener },
): void {
  const { clock, layer2, log, onMacs } = options;
  const known = new Set<Mac>();
  let told = false;
  let listener: ClaimListener | undefined;

  function hangUp(): void {
    listener?.[Symbol.dispose]();
    listener = undefined;
  }

  function learn(theirs: ReadonlySet<Ip>): void {
    const found = [...neighbours(), ...listener?.claims() ?? []];
    for (const { ip, mac } of found) if (theirs.has(ip)) known.add(mac);
    if (layer2.suspects().isSubsetOf(known)) return hangUp();
    listener ??= listen();
    for (const ip of theirs) listener.probe(ip, layer2.interfaces());
  }

  function look(): void {
    if (signal.aborted) return;
    clock.schedule(LOOK_MS, look);
    const theirs = addressesOf(options);
    if (theirs.size === 0) return hangUp();
    const before = known.size;
    try {
      learn(theirs);
    } catch (error) {
      if (!told) log.warn({ error: errorText(error) }, "the kernel does not tell who is beside");
      told = true;
    }
    if (known.size > before) onMacs([...known]);
  }

  signal.addEventListener("abort", hangUp, { once: true });
  look();
}

function addressesOf({ facts, fellows }: MacsBesideOptions): ReadonlySet<Ip> {
  const nodes = facts.nodes();
  const { addressesBeside, beating } = fellows.roster();
  const heard = fellows.heard();
  const unheard = beating.filter(({ name }) => !heard.has(name)).map(({ address }) => address);
  const own = [...fellows.beside().nodes].flatMap((name) => [...nodes.get(name)?.addresses ?? []]);
  return new Set([...addressesBeside, ...unheard, ...own]);
}
