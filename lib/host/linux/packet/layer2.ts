import type { ReplyLeasePlaces } from "../reply_lease.ts";
import { errorText } from "../../../base/errors.ts";
import { openLibc, SOCKET } from "../../../../ffi/libc.ts";
import { type InterfaceAddress, MAX_ADDRESSES, MAX_INTERFACES } from "../../../neighbour/table.ts";
import { formatIp, type Ip } from "../../../net/ip.ts";
import { formatMac, type Mac } from "../../../net/ethernet.ts";
import { type Link, matchesInterface, onePerCable, usableForArp } from "../../../netlink/link.ts";
import { createConflicts } from "../../../speaker/conflicts.ts";
import {
  createLayer2,
  type Layer2Action,
  type Layer2Event,
  nextDeadline,
  step,
} from "../../../speaker/layer2.ts";
import { systemClock } from "../../process/clock.ts";
import type { Log } from "../../process/log.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import type { ArpBackend } from "../../process/options.ts";
import { MissingCapability } from "../capabilities.ts";
import { openKernelResponder } from "./backend.ts";
import { exportCounters } from "./counters.ts";
import { watchLinks } from "../netlink/links.ts";
import type { Conflict } from "./orders.ts";
import { type SocketResponder, startSocketResponder } from "./socket_responder.ts";
import { openSolicitedGroups } from "./solicited_groups.ts";

export interface Layer2Options {
  readonly workerUrl: URL;
  readonly backend: ArpBackend;
  /** Patterns of the interfaces that may answer; none means all. */
  readonly interfaces: readonly string[];
  readonly log: Log;
  readonly metrics: Metrics;
  /** Another host has one of our addresses; told once a minute for each. */
  readonly onConflict: (ip: Ip, mac: Mac) => void;
  /** The interfaces that can announce changed. */
  readonly onInterfaces: () => void;
}

/** Layer 2 at work on this node. */
export interface Layer2 {
  readonly backend: string;
  /**
   * In place of the addresses before; answers begin and end with the next frame. Those that are
   * quiet are answered and not announced; those resumed were nobody else's meanwhile.
   */
  setOwned(ips: readonly Ip[], quiet: readonly Ip[], resumed?: readonly Ip[]): void;
  /** Tells all neighbours once more where these addresses are. */
  announceAgain(ips: readonly Ip[]): void;
  /** Hardware addresses of the other speakers: a frame of theirs is no conflict. */
  setFellows(macs: ReadonlySet<Mac>): void;
  /** The interfaces that answer. */
  interfaces(): readonly { readonly name: string; readonly mac: Mac; readonly ifindex: number }[];
  /** From now on nothing is answered but while somebody renews the lease. */
  requireLease(): void;
  /** Where a lease stands without which nothing is answered; undefined when layer 2 is off. */
  readonly lease: ReplyLeasePlaces | undefined;
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

type UsableLink = Link & { readonly mac: Mac };

/**
 * Runs the layer 2 machine: interfaces and owned addresses in, table and gratuitous frames out.
 * Without the capability it says so and stays up: the rest of the speaker works on.
 */
export async function startLayer2(options: Layer2Options, signal: AbortSignal): Promise<Layer2> {
  const { log, metrics } = options;
  const opened = await openResponder(options, signal, seeConflict);
  if (typeof opened === "string") return withoutLayer2(opened, log, signal);
  const responder = opened;
  const kernel = openKernelResponder(options.backend, log);
  const libc = openLibc(SOCKET);
  const groups = openSolicitedGroups(libc);
  const backend = kernel === undefined ? "socket" : options.backend === "xdp" ? "xdp" : "ebpf";
  const state = createLayer2();
  const conflicts = createConflicts();
  let fellows: ReadonlySet<Mac> = new Set();
  let owned: readonly Ip[] = [];
  let usable: readonly UsableLink[] = [];
  let timer: number | undefined;

  function advance(event: Layer2Event): void {
    if (signal.aborted) return;
    for (const action of step(state, event, systemClock.now()).actions) perform(action);
    clearTimeout(timer);
    const deadline = nextDeadline(state);
    if (deadline !== undefined) {
      timer = setTimeout(
        () => advance({ kind: "tick" }),
        Math.max(0, deadline - systemClock.now()),
      );
    }
  }

  function perform(action: Layer2Action): void {
    switch (action.kind) {
      case "setOwned":
        owned = action.ips;
        // The kernel falls silent first: what it passes on finds no owner in the table either.
        kernel?.setOwned(owned);
        responder.setOwned(owned);
        return joinGroups();
      case "setInterfaces":
        responder.setInterfaces(action.interfaces);
        attachKernel(action.interfaces);
        return joinGroups();
      case "gratuitous":
        responder.sendGratuitous(action.ip, action.ifindex, action.mac).catch((error) =>
          log.debug(
            { ip: formatIp(action.ip), interface: action.ifindex, error: errorText(error) },
            "gratuitous frame not sent",
          )
        );
    }
  }

  function attachKernel(interfaces: readonly InterfaceAddress[]): void {
    if (kernel === undefined) return;
    const failed = kernel.setInterfaces(interfaces);
    for (const [ifindex, error] of failed) {
      log.warn({ interface: ifindex, error: errorText(error) }, "interface answers by socket");
    }
    responder.leaveToKernel(failed.size === 0);
  }

  /** Switches with MLD snooping stand before what leads to the LAN, never before a pod. */
  function joinGroups(): void {
    const outer = usable.filter(({ kind }) => !isInner(kind));
    const on = outer.length > 0 ? outer : usable;
    const refused = groups.set(owned, on.map(({ ifindex }) => ifindex));
    if (refused > 0) log.debug({ count: refused }, "solicited-node groups not joined");
  }

  function onLinks(links: readonly Link[]): void {
    const before = new Set(usable.map(nameOf));
    const wanted = links.filter(usableForArp)
      .filter(({ name }) => matchesInterface(name, options.interfaces));
    usable = outerFirst(onePerCable(wanted)).slice(0, MAX_INTERFACES);
    for (const link of usable) {
      if (!before.delete(nameOf(link))) {
        log.info(
          { interface: link.name, mac: formatMac(link.mac) },
          "interface answers ARP and NDP",
        );
      }
    }
    for (const name of before) log.info({ interface: name }, "interface answers no more");
    metrics.layer2.interfaces.set(usable.length);
    conflicts.setKnown(macsOf(links), fellows);
    advance({
      kind: "interfaces",
      interfaces: usable.map(({ ifindex, mac, kind }) => ({ ifindex, mac, inner: isInner(kind) })),
    });
    options.onInterfaces();
  }

  function seeConflict({ ip, mac, ifindex }: Conflict): void {
    const { kind, defend, tell } = conflicts.seen(ip, mac, systemClock.now());
    if (kind === "own") return;
    metrics.layer2.conflicts.inc({ kind });
    if (defend) advance({ kind: "again", ips: [ip] });
    if (!tell) return;
    const name = usable.find((link) => link.ifindex === ifindex)?.name;
    log.warn(
      { ip: formatIp(ip), mac: formatMac(mac), interface: name },
      "another host has our address: find it by its MAC and take the address from it",
    );
    options.onConflict(ip, mac);
  }

  const links = watchLinks({
    signal,
    onChange: onLinks,
    onTrouble: (message) => log.warn({ error: message }, "interfaces are listed again"),
  });
  const ended = new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
  async function untilStopped(): Promise<void> {
    try {
      await Promise.race([links, ended]);
      await links;
    } finally {
      clearTimeout(timer);
      // From here on this node is silent, before the process says that it has ended.
      kernel?.[Symbol.dispose]();
      groups[Symbol.dispose]();
      await responder[Symbol.asyncDispose]();
      libc[Symbol.dispose]();
    }
  }

  return {
    backend,
    requireLease: () => responder.requireLease(),
    setOwned: (ips, quiet, resumed = []) => {
      if (ips.length > MAX_ADDRESSES) {
        log.error(
          { reason: `${ips.length} addresses, ${MAX_ADDRESSES} fit` },
          "too many addresses for one node",
        );
      }
      advance({ kind: "owned", ips: ips.slice(0, MAX_ADDRESSES), quiet, resumed });
    },
    announceAgain: (ips) => advance({ kind: "again", ips }),
    setFellows: (macs) => {
      fellows = macs;
      conflicts.setKnown(macsOf(usable), fellows);
    },
    interfaces: () => usable.map(({ name, mac, ifindex }) => ({ name, mac, ifindex })),
    lease: { table: responder.table, mapFd: kernel?.leaseMapFd },
    heldBack: () => undefined,
    conflicts: () => conflicts.current(systemClock.now()),
    exportCounters: (ips) =>
      exportCounters(responder, (ip) => kernel?.replies(ip) ?? 0, metrics, ips),
    problem: () => responder.problem(),
    workerProblem: () => responder.problem(),
    done: untilStopped(),
  };
}

/** A node has one end of a pair for each pod; what leads to the LAN is of another kind. */
function isInner(kind: string | undefined): boolean {
  return kind === "veth";
}

/** Where there are more than the table holds, those that lead to the LAN are the ones to keep. */
function outerFirst<T extends Link>(links: readonly T[]): T[] {
  return [...links].sort((a, b) => Number(isInner(a.kind)) - Number(isInner(b.kind)));
}

function nameOf({ ifindex, name, mac }: UsableLink): string {
  return `${name} (${ifindex}, ${mac})`;
}

function macsOf(links: readonly Link[]): Set<Mac> {
  return new Set(links.map(({ mac }) => mac).filter((mac) => mac !== undefined));
}

/** Gives why it is not possible where a capability is missing. */
async function openResponder(
  { workerUrl }: Layer2Options,
  signal: AbortSignal,
  onConflict: (conflict: Conflict) => void,
): Promise<SocketResponder | string> {
  try {
    return await startSocketResponder({ workerUrl, signal, onConflict });
  } catch (error) {
    if (error instanceof MissingCapability) return error.message;
    throw error;
  }
}

function withoutLayer2(problem: string, log: Log, signal: AbortSignal): Layer2 {
  log.error({ error: problem }, "layer 2 is off");
  return {
    backend: "off",
    requireLease: () => undefined,
    setOwned: () => undefined,
    announceAgain: () => undefined,
    setFellows: () => undefined,
    interfaces: () => [],
    lease: undefined,
    heldBack: () => undefined,
    conflicts: () => [],
    exportCounters: () => undefined,
    problem: () => problem,
    workerProblem: () => undefined,
    done: new Promise((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true })
    ),
  };
}
