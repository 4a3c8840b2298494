import { errorText } from "../../base/errors.ts";
import { MAX_ADDRESSES, MAX_INTERFACES } from "../../arp/table.ts";
import type { Ip4 } from "../../net/ip.ts";
import { formatIp } from "../../net/ip.ts";
import { formatMac, type Mac } from "../../net/ethernet.ts";
import { type Link, usableForArp } from "../../netlink/link.ts";
import {
  createLayer2,
  type Layer2Action,
  type Layer2Event,
  nextDeadline,
  step,
} from "../../speaker/layer2.ts";
import { systemClock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { ArpBackend } from "../options.ts";
import { type ArpResponder, startArpResponder } from "./arp_responder.ts";
import { MissingCapability } from "./capabilities.ts";
import { watchLinks } from "./links.ts";

export interface Layer2Options {
  readonly workerUrl: URL;
  readonly backend: ArpBackend;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Layer 2 at work on this node. */
export interface Layer2 {
  readonly backend: string;
  /** In place of the addresses before; answers begin and end with the next frame. */
  setOwned(ips: readonly Ip4[]): void;
  /** The interfaces that answer. */
  interfaces(): readonly { readonly name: string; readonly mac: Mac }[];
  /** Brings the metrics of these addresses up to date. */
  exportCounters(ips: readonly Ip4[]): void;
  /** Why nothing can be answered; undefined when all is well. */
  problem(): string | undefined;
  stalled(): boolean;
  readonly done: Promise<void>;
}

/**
 * Runs the layer 2 machine: interfaces and owned addresses in, table and gratuitous frames out.
 * Without the capability it says so and stays up: the rest of the speaker works on.
 */
export async function startLayer2(options: Layer2Options, signal: AbortSignal): Promise<Layer2> {
  const { log, metrics } = options;
  if (options.backend === "ebpf") {
    log.warn(
      { reason: "--arp-backend=ebpf" },
      "this version has no eBPF responder, ARP goes by the socket",
    );
  }
  let fault: string | undefined;
  const opened = await openResponder(options, signal, (error) => fault = errorText(error));
  if ("problem" in opened) return withoutLayer2(opened.problem, log, signal);
  const responder = opened;
  log.info({ backend: "socket" }, "ARP responder ready");

  const state = createLayer2();
  let usable: readonly (Link & { readonly mac: Mac })[] = [];
  let timer: number | undefined;

  function advance(event: Layer2Event): void {
    if (signal.aborted) return;
    for (const action of step(state, event, systemClock.now()).actions) perform(action, responder);
    clearTimeout(timer);
    const deadline = nextDeadline(state);
    if (deadline !== undefined) {
      timer = setTimeout(
        () => advance({ kind: "tick" }),
        Math.max(0, deadline - systemClock.now()),
      );
    }
  }

  function perform(action: Layer2Action, to: ArpResponder): void {
    switch (action.kind) {
      case "setOwned":
        return to.setOwned(action.ips);
      case "setInterfaces":
        return to.setInterfaces(action.interfaces);
      case "gratuitous":
        to.sendGratuitous(action.ip, action.ifindex, action.mac).catch((error) =>
          log.debug(
            { ip: formatIp(action.ip), interface: action.ifindex, error: errorText(error) },
            "gratuitous ARP not sent",
          )
        );
    }
  }

  function onLinks(links: readonly Link[]): void {
    const before = new Set(usable.map(nameOf));
    usable = outerFirst(links.filter(usableForArp)).slice(0, MAX_INTERFACES);
    for (const link of usable) {
      if (!before.delete(nameOf(link))) {
        log.info({ interface: link.name, mac: formatMac(link.mac) }, "interface answers ARP");
      }
    }
    for (const name of before) log.info({ interface: name }, "interface answers no more");
    metrics.layer2.interfaces.set(usable.length);
    advance({
      kind: "interfaces",
      interfaces: usable.map(({ ifindex, mac, kind }) => ({ ifindex, mac, inner: isInner(kind) })),
    });
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
      await responder[Symbol.asyncDispose]();
    }
  }

  return {
    backend: "socket",
    setOwned: (ips) => {
      if (ips.length > MAX_ADDRESSES) {
        log.error(
          { reason: `${ips.length} addresses, ${MAX_ADDRESSES} fit` },
          "too many addresses for one node",
        );
      }
      advance({ kind: "owned", ips: ips.slice(0, MAX_ADDRESSES) });
    },
    interfaces: () => usable.map(({ name, mac }) => ({ name, mac })),
    exportCounters: (ips) => exportCounters(responder, metrics, ips),
    problem: () => fault,
    stalled: () => fault !== undefined || !responder.alive(systemClock.now()),
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

function nameOf({ ifindex, name, mac }: Link & { readonly mac: Mac }): string {
  return `${name} (${ifindex}, ${mac})`;
}

async function openResponder(
  { workerUrl }: Layer2Options,
  signal: AbortSignal,
  onFault: (error: Error) => void,
): Promise<ArpResponder | { readonly problem: string }> {
  try {
    return await startArpResponder({ workerUrl, signal, onFault });
  } catch (error) {
    if (error instanceof MissingCapability) return { problem: error.message };
    throw error;
  }
}

function withoutLayer2(problem: string, log: Log, signal: AbortSignal): Layer2 {
  log.error({ error: problem }, "layer 2 is off");
  return {
    backend: "off",
    setOwned: () => undefined,
    interfaces: () => [],
    exportCounters: () => undefined,
    problem: () => problem,
    stalled: () => false,
    done: new Promise((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true })
    ),
  };
}

/** What shared memory counted takes the place of what stood there, so it is set by adding to zero. */
function exportCounters(responder: ArpResponder, { layer2 }: Metrics, ips: readonly Ip4[]): void {
  const { requests, responses, gratuitous, dropped, foreignSenders } = layer2;
  for (const counter of [requests, responses, gratuitous, dropped]) counter.reset();
  foreignSenders.reset();
  for (const address of ips) {
    const ip = formatIp(address);
    const counted = responder.counters(address);
    requests.inc({ ip }, counted.requests);
    responses.inc({ ip }, counted.replies);
    gratuitous.inc({ ip }, counted.gratuitous);
  }
  for (const [reason, count] of responder.drops()) dropped.inc({ reason }, count);
  foreignSenders.inc(responder.foreignSenders());
}
