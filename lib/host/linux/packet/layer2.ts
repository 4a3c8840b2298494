import { MAX_ADDRESSES, MAX_INTERFACES } from "../../../neighbour/table.ts";
import { formatMac, type Mac } from "../../../net/ethernet.ts";
import type { Ip } from "../../../net/ip.ts";
import {
  answeringLinks,
  isInner,
  leftOutByName,
  type Link,
  type UsableLink,
} from "../../../netlink/link.ts";
import {
  createLayer2,
  type Layer2Action,
  type Layer2Event,
  nextDeadline,
  step,
} from "../../../speaker/layer2.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import { aborted, type Clock } from "../../process/clock.ts";
import type { Log } from "../../process/log.ts";
import { runMachine } from "../../process/machine.ts";
import type { ArpBackend } from "../../process/options.ts";
import { MissingCapability } from "../capabilities.ts";
import { watchLinks } from "../netlink/links.ts";
import type { ownAddresses } from "../own_addresses.ts";
import type { ReplyLeasePlaces } from "../reply_lease.ts";
import type { PartWorker } from "../worker/link.ts";
import { startConflicts } from "./conflicts.ts";
import { exportCounters } from "./counters.ts";
import type { Conflict } from "./orders.ts";
import { openOutlets, type Outlets } from "./backend.ts";
import { holdFast, perform, type Performing } from "./perform.ts";
import { createReach, type Reach } from "./reach.ts";

interface Layer2Options {
  readonly worker: PartWorker;
  readonly backend: ArpBackend;
  /** Patterns of the interfaces that may answer; none means all but those of containers. */
  readonly interfaces: readonly string[];
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Another host has one of our addresses; told once a minute for each. */
  readonly onConflict: (ip: Ip, mac: Mac) => void;
  /** The interfaces that can announce, or this machine's addresses, changed. */
  readonly onInterfaces: (usable: boolean) => void;
  /** Tests hand in their own. */
  readonly ownAddresses?: typeof ownAddresses;
}

/** Layer 2 at work on this node. */
export interface Layer2 extends Pick<Reach, "addresses" | "cutOff" | "leadsToAny"> {
  readonly backend: string;
  /**
   * In place of the addresses before; answers begin and end with the next frame. Those that are
   * quiet are answered and not announced; those resumed were nobody else's meanwhile.
   */
  setOwned(ips: readonly Ip[], quiet: readonly Ip[], resumed?: readonly Ip[]): void;
  /** Tells all neighbours once more where these addresses are. */
  announceAgain(ips: readonly Ip[]): void;
  /**
   * Hardware addresses of the other speakers: a frame of theirs is no conflict. Of the reticent among
   * them, which do not tell what they have, some may be missing.
   */
  setFellows(macs: ReadonlySet<Mac>, reticent: ReadonlySet<Mac>): void;
  /** Hosts that have our addresses, of which it is not decided yet whether they are fellows. */
  suspects(): ReadonlySet<Mac>;
  /** A speaker is heard whose hardware addresses are not known yet: nobody is accused meanwhile. */
  strangerHeard(): void;
  /** The interfaces that answer. */
  interfaces(): readonly { readonly name: string; readonly mac: Mac; readonly ifindex: number }[];
  /** What answers there first, as far as the kernel tells; what a program passes on is the socket's. */
  answersBy(ifindex: number): string;
  /** Names of the interfaces that could answer, and that their names keep out. */
  leftOut(): readonly string[];
  /** From now on replies are sent only while the reply lease is being renewed. */
  requireReplyLease(): void;
  /** Where the reply lease is renewed; undefined when layer 2 is off. */
  readonly replyLease: ReplyLeasePlaces | undefined;
  /** Why an address that was to be answered is not yet; undefined when it is. */
  heldBack(ip: Ip): string | undefined;
  conflicts(): readonly { readonly ip: Ip; readonly mac: Mac }[];
  /** Brings the metrics of these addresses up to date. */
  exportCounters(ips: readonly Ip[]): void;
  /** Why nothing can be answered; undefined when all is well. */
  problem(): string | undefined;
  /** Why nothing is answered although it was; only a new process mends that. */
  workerProblem(): string | undefined;
  readonly done: Promise<void>;
}

/** Layer 2 without what feeds it. */
interface Layer2Driver {
  readonly layer2: Omit<Layer2, "done">;
  onLinks(links: readonly Link[]): void;
  onConflict(conflict: Conflict): void;
}

/**
 * Runs the layer 2 machine: interfaces and owned addresses in, table and gratuitous frames out.
 * Without the capability it says so and stays up: the rest of the speaker works on.
 */
export async function startLayer2(options: Layer2Options, signal: AbortSignal): Promise<Layer2> {
  const { log } = options;
  const driver = Promise.withResolvers<Layer2Driver>();
  const onConflict = (conflict: Conflict) =>
    void driver.promise.then((running) => running.onConflict(conflict));
  // A Worker that answers no more leaves no interface to announce on.
  function onProblem(): void {
    void driver.promise.then(({ layer2 }) => {
      options.onInterfaces(layer2.problem() === undefined && layer2.interfaces().length > 0);
    });
  }
  let outlets: Outlets;
  try {
    outlets = await openOutlets({ ...options, signal, onConflict, onProblem });
  } catch (error) {
    if (error instanceof MissingCapability) return withoutLayer2(error.message, log, signal);
    throw error;
  }
  const running = driveLayer2(outlets, options, signal);
  driver.resolve(running);
  const links = watchLinks({
    signal,
    onChange: running.onLinks,
    onTrouble: (message) => log.warn({ error: message }, "interfaces are listed again"),
  });
  async function untilStopped(): Promise<void> {
    // From here on this node is silent, before the process says that it has ended.
    await using _outlets = outlets;
    await links;
  }
  return { ...running.layer2, done: untilStopped() };
}

/** What the driver knows beside its machine. */
interface Driving extends Performing {
  readonly options: Layer2Options;
  /** For these there is no room. */
  refused: ReadonlySet<Ip>;
  leftOut: readonly string[];
  readonly reach: Reach;
}

/** Drives layer 2 by what it is fed, until the signal fires. */
export function driveLayer2(
  outlets: Outlets,
  options: Layer2Options,
  signal: AbortSignal,
): Layer2Driver {
  const { clock, log, metrics } = options;
  const { responder, backend } = outlets;
  const driving: Driving = {
    outlets,
    log,
    options,
    owned: [],
    refused: new Set(),
    usable: [],
    withoutProgram: new Set(),
    leftOut: [],
    reach: createReach(options.interfaces, options.ownAddresses),
  };
  const state = createLayer2();
  const { feed } = runMachine<Layer2Event, Layer2Action>({
    step: (event, now) => step(state, event, now).actions,
    nextDeadline: () => nextDeadline(state),
    perform: (action) => perform(driving, action),
    tick: { kind: "tick" },
    clock,
    signal,
  });
  const conflicts = startConflicts({
    ...options,
    defend: (ip) => feed({ kind: "again", ips: [ip] }),
    nameOf: (ifindex) => driving.usable.find((link) => link.ifindex === ifindex)?.name,
  }, signal);
  const layer2 = {
    backend: backend.name,
    requireReplyLease: () => responder.requireReplyLease(),
    setOwned: (ips: readonly Ip[], quiet: readonly Ip[], resumed: readonly Ip[] = []) => {
      if (ips.length > MAX_ADDRESSES) {
        log.error(
          { reason: `${ips.length} addresses, ${MAX_ADDRESSES} fit` },
          "too many addresses for one node",
        );
      }
      driving.refused = new Set(ips.slice(MAX_ADDRESSES));
      feed({ kind: "owned", ips: ips.slice(0, MAX_ADDRESSES), quiet, resumed });
      conflicts.setOwned([...new Set(ips).difference(new Set(quiet))]);
    },
    announceAgain: (ips: readonly Ip[]) => feed({ kind: "again", ips }),
    setFellows: conflicts.setFellows,
    suspects: conflicts.suspects,
    strangerHeard: conflicts.strangerHeard,
    // Those that lead to the LAN come first: fellows are told of the first few.
    interfaces: () =>
      driving.usable.toSorted((a, b) => Number(isInner(a)) - Number(isInner(b)))
        .map(({ name, mac, ifindex }) => ({ name, mac, ifindex })),
    answersBy: (ifindex: number) => backend.kernel?.isFirst(ifindex) ? backend.name : "socket",
    leadsToAny: driving.reach.leadsToAny,
    cutOff: driving.reach.cutOff,
    addresses: driving.reach.addresses,
    leftOut: () => driving.leftOut,
    replyLease: { table: responder.table, mapFd: backend.kernel?.replyLeaseMapFd },
    heldBack: (ip: Ip) =>
      driving.refused.has(ip) ? `this node has ${MAX_ADDRESSES} others, no more fit` : undefined,
    conflicts: conflicts.current,
    exportCounters: (ips: readonly Ip[]) =>
      exportCounters(responder, (ip) => backend.kernel?.replies(ip) ?? 0, metrics, ips),
    problem: () => responder.problem(),
    workerProblem: () => responder.problem(),
  };
  return {
    layer2,
    onLinks(links) {
      conflicts.setOwn(macsOf(links));
      feedLinks(driving, links, feed);
    },
    onConflict: conflicts.seen,
  };
}

function feedLinks(
  driving: Driving,
  links: readonly Link[],
  feed: (event: Layer2Event) => void,
): void {
  const { log, metrics, interfaces: patterns, onInterfaces } = driving.options;
  const before = new Map(driving.usable.map((link) => [nameOf(link), link]));
  const usable = answeringLinks(links, patterns, MAX_INTERFACES);
  driving.usable = usable;
  driving.reach.set(links, usable);
  driving.leftOut = leftOutByName(links, patterns).map(({ name }) => name).sort();
  for (const link of usable) {
    if (before.delete(nameOf(link))) continue;
    log.info(fieldsOf(link), "interface answers ARP and NDP");
  }
  for (const link of before.values()) log.info(fieldsOf(link), "interface answers no more");
  metrics.layer2.interfaces.set(usable.length);
  // In a container the cable itself is a pair, and there is no other.
  const hasOuter = usable.some((link) => !isInner(link));
  const interfaces = usable.map((link) => ({
    ifindex: link.ifindex,
    mac: link.mac,
    inner: hasOuter && isInner(link),
  }));
  feed({ kind: "interfaces", interfaces });
  holdFast(driving);
  onInterfaces(interfaces.length > 0);
}

function nameOf({ ifindex, name, mac }: UsableLink): string {
  return `${name} (${ifindex}, ${mac})`;
}

function fieldsOf({ name, mac }: UsableLink): { readonly interface: string; readonly mac: string } {
  return { interface: name, mac: formatMac(mac) };
}

function macsOf(links: readonly Link[]): Set<Mac> {
  return new Set(links.map(({ mac }) => mac).filter((mac) => mac !== undefined));
}

function withoutLayer2(problem: string, log: Log, signal: AbortSignal): Layer2 {
  log.error({ error: problem }, "layer 2 is off");
  return {
    backend: "off",
    requireReplyLease: () => undefined,
    setOwned: () => undefined,
    announceAgain: () => undefined,
    setFellows: () => undefined,
    suspects: () => new Set(),
    strangerHeard: () => undefined,
    interfaces: () => [],
    answersBy: () => "off",
    leadsToAny: () => false,
    cutOff: () => [],
    addresses: () => undefined,
    leftOut: () => [],
    replyLease: undefined,
    heldBack: () => undefined,
    conflicts: () => [],
    exportCounters: () => undefined,
    problem: () => problem,
    workerProblem: () => undefined,
    done: aborted(signal),
  };
}
