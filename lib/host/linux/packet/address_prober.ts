import { KERNEL } from "../../../../ffi/constants.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import { openLibc, SOCKET } from "../../../../ffi/libc.ts";
import { int32, SOCKADDR_LL } from "../../../../ffi/structs.ts";
import { ARP_FRAME_LENGTH, arpProbe, decodeArp, writeArp } from "../../../arp/packet.ts";
import { errorText, isWireError } from "../../../base/errors.ts";
import type { Millis } from "../../../base/time.ts";
import { decodeNdp, duplicateProbe, writeNdp } from "../../../ndp/packet.ts";
import { formatMac, type Mac } from "../../../net/ethernet.ts";
import { formatIp, type Ip } from "../../../net/ip.ts";
import {
  type AddressProbeAction,
  type AddressProbeEvent,
  claimOfArp,
  claimOfNdp,
  createAddressProbe,
  heldBack,
  nextDeadline,
  passed,
  step,
  taken,
} from "../../../speaker/address_probe.ts";
import { systemClock } from "../../process/clock.ts";
import type { Log } from "../../process/log.ts";
import type { Layer2 } from "./layer2.ts";
import { FRAME_BYTES } from "./filter.ts";
import { openPacketSocket, PROTOCOLS, sendFrame } from "./socket.ts";

export interface AddressProberOptions {
  readonly layer2: Layer2;
  readonly log: Log;
  /** A foreign host has the address, so it is not announced. */
  readonly onTaken: (ip: Ip, mac: Mac) => void;
  /** What {@link Layer2.heldBack} says of the address is another than before. */
  readonly onVerdict: (ip: Ip) => void;
}

/** Layer 2 that answers for an address only when nobody else on the network has it. */
export interface AddressProber extends Layer2 {
  /** Speakers have or had these last. */
  setHeld(ips: readonly Ip[]): void;
  /** No speaker has these. */
  setFree(ips: readonly Ip[]): void;
}

/** Sockets are looked into so often, while something is probed and only then. */
const LOOK_MS: Millis = 20;
const FRAMES_PER_LOOK = 4_096;

interface Listening extends Disposable {
  send(ip: Ip): void;
  /** What hosts say of addresses, since the last question. */
  claims(): { readonly ip: Ip; readonly mac: Mac }[];
}

/**
 * Puts the probe of addresses (RFC 5227 §2.1) before layer 2. Its sockets are its own, open while it
 * probes: what answers stays as it is.
 */
export function startAddressProber(
  options: AddressProberOptions,
  signal: AbortSignal,
): AddressProber {
  const { layer2, log } = options;
  const state = createAddressProbe();
  let listening: Listening | undefined;
  let fellows: ReadonlySet<Mac> = new Set();
  let timer: number | undefined;

  function run(event: AddressProbeEvent): boolean {
    const actions = step(state, event, systemClock.now(), Math.random);
    for (const action of actions) perform(action);
    return actions.some(({ kind }) => kind === "passed");
  }

  function perform(action: AddressProbeAction): void {
    const ip = formatIp(action.ip);
    switch (action.kind) {
      case "probe":
        return listen()?.send(action.ip);
      case "passed":
        log.info({ ip }, "nobody else has the address");
        return options.onVerdict(action.ip);
      case "conflict":
        log.warn(
          { ip, mac: formatMac(action.mac) },
          "another host has the address, so it is not announced: find it by its MAC and take the address from it",
        );
        options.onTaken(action.ip, action.mac);
        return options.onVerdict(action.ip);
    }
  }

  function listen(): Listening | undefined {
    try {
      return listening ??= openListening(layer2);
    } catch (error) {
      // Without a socket nothing is heard either: the address is announced as without the flag.
      log.error({ error: errorText(error) }, "addresses cannot be probed");
      return undefined;
    }
  }

  /** Looks, waits, and looks again until nothing is probed. */
  function look(): void {
    clearTimeout(timer);
    if (signal.aborted) return stop();
    let grown = false;
    const own = new Set(layer2.interfaces().map(({ mac }) => mac));
    for (const { ip, mac } of listening?.claims() ?? []) {
      if (own.has(mac)) continue;
      grown = run({ kind: "seen", ip, mac, fellow: fellows.has(mac) }) || grown;
    }
    grown = run({ kind: "tick" }) || grown;
    if (grown) layer2.setOwned(passed(state), []);
    if (nextDeadline(state) === undefined) return stop();
    timer = setTimeout(look, LOOK_MS);
  }

  function stop(): void {
    clearTimeout(timer);
    listening?.[Symbol.dispose]();
    listening = undefined;
  }

  signal.addEventListener("abort", stop, { once: true });
  return {
    ...layer2,
    setOwned(ips, quiet, resumed = []) {
      run({ kind: "wanted", ips, resumed });
      layer2.setOwned(passed(state), quiet, resumed);
      if (nextDeadline(state) !== undefined) {
        // Before the first probe leaves, so that its answer finds an open ear.
        listen();
        look();
      }
    },
    setFellows(macs) {
      fellows = macs;
      layer2.setFellows(macs);
    },
    setHeld: (ips) => void run({ kind: "held", ips }),
    setFree: (ips) => void run({ kind: "free", ips }),
    heldBack: (ip) => heldBack(state, ip),
    conflicts: () => [...layer2.conflicts(), ...taken(state)],
  };
}

function openListening(layer2: Layer2): Listening {
  using unfinished = new DisposableStack();
  const libc = unfinished.use(openLibc(SOCKET));
  const fds = PROTOCOLS.map((protocol) => unfinished.use(openPacketSocket(libc, protocol)));
  const opened = unfinished.move();
  const frame = new Uint8Array(FRAME_BYTES);
  const from = new Uint8Array(SOCKADDR_LL.size);

  function receive(fd: Fd): Uint8Array | undefined {
    const length = libc.symbols.recvfrom(
      fd.number,
      frame,
      BigInt(frame.length),
      KERNEL.MSG_DONTWAIT,
      from,
      int32(from.length),
    );
    return length > 0 ? frame.subarray(0, length) : undefined;
  }

  return {
    send(ip) {
      const fd = fds[typeof ip === "number" ? 0 : 1];
      for (const { ifindex, mac } of layer2.interfaces()) {
        // One that is down or gone has no hosts to ask.
        if (fd !== undefined) sendFrame(libc, fd, probeOf(ip, mac), ifindex);
      }
    },
    claims() {
      const found: { ip: Ip; mac: Mac }[] = [];
      fds.forEach((fd, index) => {
        for (let count = 0; count < FRAMES_PER_LOOK; count++) {
          const bytes = receive(fd);
          if (bytes === undefined) return;
          const claim = claimOf(bytes, PROTOCOLS[index] === "arp");
          if (claim !== undefined) found.push(claim);
        }
      });
      return found;
    },
    [Symbol.dispose]: () => opened.dispose(),
  };
}

function claimOf(
  bytes: Uint8Array,
  isArp: boolean,
): { readonly ip: Ip; readonly mac: Mac } | undefined {
  if (isArp) {
    const packet = decodeArp(bytes);
    return isWireError(packet) ? undefined : claimOfArp(packet);
  }
  const packet = decodeNdp(bytes);
  return isWireError(packet) ? undefined : claimOfNdp(packet);
}

function probeOf(ip: Ip, mac: Mac): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(FRAME_BYTES);
  const length = typeof ip === "number"
    ? writeArp(arpProbe(ip, mac), frame)
    : writeNdp(duplicateProbe(ip, mac), frame);
  return frame.slice(0, Math.max(length, ARP_FRAME_LENGTH));
}
