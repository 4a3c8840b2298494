import { errorText } from "../../../base/errors.ts";
import type { Millis } from "../../../base/time.ts";
import { formatMac, type Mac } from "../../../net/ethernet.ts";
import { formatIp, type Ip } from "../../../net/ip.ts";
import {
  type AddressProbeAction,
  type AddressProbeEvent,
  type AddressProbeState,
  createAddressProbe,
  heldBack,
  nextDeadline,
  passed,
  step,
  taken,
} from "../../../speaker/address_probe.ts";
import type { Clock } from "../../process/clock.ts";
import type { Log } from "../../process/log.ts";
import { type ClaimListener, openClaimListener } from "./claim_listener.ts";
import type { Layer2 } from "./layer2.ts";

interface AddressProberOptions {
  readonly layer2: Layer2;
  readonly log: Log;
  readonly clock: Clock;
  /** A foreign host has the address, so it is not announced. */
  readonly onTaken: (ip: Ip, mac: Mac) => void;
  /** What {@link Layer2.heldBack} says of an address is another than before. */
  readonly onVerdict: () => void;
}

/** Layer 2 that answers for an address only when nobody else on the network has it. */
export interface AddressProber extends Layer2 {
  /** Speakers have or had these last. */
  setHeld(ips: readonly Ip[]): void;
  /** No speaker has these. */
  setFree(ips: readonly Ip[]): void;
}

/** Layer 2 where nobody asked for probes: each address is answered at once. */
export function withoutProbes(layer2: Layer2): AddressProber {
  return { ...layer2, setHeld: () => undefined, setFree: () => undefined };
}

/** The listener is asked so often, while something is probed and only then. */
const LOOK_MS: Millis = 20;

/** What the prober knows beside its machine. */
interface Probing {
  readonly options: AddressProberOptions;
  readonly signal: AbortSignal;
  readonly open: () => ClaimListener;
  readonly state: AddressProbeState;
  /** Open while something is probed. */
  listener: ClaimListener | undefined;
  /** As they were last handed in. */
  quiet: readonly Ip[];
  cancelLook: () => void;
}

/**
 * Puts the probe of addresses (RFC 5227 §2.1) before layer 2. Its sockets are its own, open while it
 * probes: what answers stays as it is.
 */
export function startAddressProber(
  options: AddressProberOptions,
  signal: AbortSignal,
  open = openClaimListener,
): AddressProber {
  const { layer2 } = options;
  const state = createAddressProbe();
  const probing: Probing = {
    options,
    signal,
    open,
    state,
    listener: undefined,
    quiet: [],
    cancelLook: () => undefined,
  };
  signal.addEventListener("abort", () => stop(probing), { once: true });
  return {
    ...layer2,
    setOwned(ips, quiet, resumed = []) {
      probing.quiet = quiet;
      feed(probing, { kind: "wanted", ips, resumed });
      layer2.setOwned(passed(state), quiet, resumed);
      if (nextDeadline(state) === undefined) return;
      // Listen before the first probe is sent, or its answer is lost.
      listen(probing);
      look(probing);
    },
    setFellows(macs, reticent) {
      feed(probing, { kind: "fellows", macs });
      layer2.setFellows(macs, reticent);
    },
    setHeld: (ips) => void feed(probing, { kind: "held", ips }),
    setFree: (ips) => void feed(probing, { kind: "free", ips }),
    heldBack: (ip) => heldBack(state, ip) ?? layer2.heldBack(ip),
    conflicts: () => [...layer2.conflicts(), ...taken(state)],
  };
}

/** Gives whether an address has passed by that. */
function feed(probing: Probing, event: AddressProbeEvent): boolean {
  const { clock } = probing.options;
  const actions = step(probing.state, event, clock.now(), clock.random);
  for (const action of actions) perform(probing, action);
  return actions.some(({ kind }) => kind === "passed");
}

function perform(probing: Probing, action: AddressProbeAction): void {
  const { layer2, log, onTaken, onVerdict } = probing.options;
  const ip = formatIp(action.ip);
  switch (action.kind) {
    case "probe":
      return listen(probing)?.probe(action.ip, layer2.interfaces());
    case "passed":
      log.info({ ip }, "nobody else has the address");
      return onVerdict();
    case "conflict":
      log.warn(
        { ip, mac: formatMac(action.mac) },
        "another host has the address, so it is not announced: find it by its MAC and take the address from it",
      );
      onTaken(action.ip, action.mac);
      return onVerdict();
  }
}

function listen(probing: Probing): ClaimListener | undefined {
  try {
    return probing.listener ??= probing.open();
  } catch (error) {
    // Without a socket nothing is heard either: the address is announced as without the flag.
    probing.options.log.error({ error: errorText(error) }, "addresses cannot be probed");
    return undefined;
  }
}

/** Looks, waits, and looks again until nothing is probed. */
function look(probing: Probing): void {
  const { options: { clock, layer2 }, state, signal } = probing;
  probing.cancelLook();
  if (signal.aborted) return stop(probing);
  let grown = false;
  const own = new Set(layer2.interfaces().map(({ mac }) => mac));
  for (const { ip, mac } of probing.listener?.claims() ?? []) {
    if (own.has(mac)) continue;
    grown = feed(probing, { kind: "seen", ip, mac }) || grown;
  }
  grown = feed(probing, { kind: "tick" }) || grown;
  if (grown) layer2.setOwned(passed(state), probing.quiet);
  if (nextDeadline(state) === undefined) return stop(probing);
  probing.cancelLook = clock.schedule(LOOK_MS, () => look(probing));
}

function stop(probing: Probing): void {
  probing.cancelLook();
  probing.listener?.[Symbol.dispose]();
  probing.listener = undefined;
}
