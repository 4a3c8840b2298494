import {
  BPF,
  type BpfAttach,
  linkCreate,
  linkInfo,
  mapCreate,
  mapDelete,
  mapLookup,
  mapUpdate,
  progLoad,
  progRun,
  tcxLinks,
} from "../../../../ffi/bpf.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import { type Bytes, type Libc, openLibc } from "../../../../ffi/libc.ts";
import { errorText } from "../../../base/errors.ts";
import { responderProgram } from "../../../ebpf/responder_program.ts";
import { type InterfaceAddress, MAX_ADDRESSES } from "../../../neighbour/table.ts";
import { type Mac, writeU32 } from "../../../net/ethernet.ts";
import type { Ip } from "../../../net/ip.ts";
import { writeIp6 } from "../../../net/octets6.ts";
import { hasCapability } from "../capabilities.ts";
import { failedTrial, TRIAL_IP4, TRIAL_IP6 } from "./trial.ts";

/** Answers in the kernel, where the frames come in; all that it passes on is the socket's. */
export interface EbpfResponder extends Disposable {
  /** In place of those before; holds from the next frame. */
  setOwned(ips: readonly Ip[]): void;
  /**
   * In place of those before. Gives those on which the kernel did not take the program, or on which
   * it failed its trial.
   */
  setInterfaces(interfaces: readonly InterfaceAddress[]): ReadonlyMap<number, Error>;
  /** Whether the program there sees each frame before any other program does. */
  isFirst(ifindex: number): boolean;
  /** The map whose one entry says until when replies leave: for ever until it is first renewed. */
  readonly replyLeaseMapFd: number;
  /** Replies that left for an address since it is owned. */
  replies(ip: Ip): number;
}

/** The kernel or the capabilities do not allow it; the message says which and why. */
export class EbpfUnavailable extends Error {
  override readonly name = "EbpfUnavailable";
}

/** Later than any uptime. */
const FOR_EVER = 0x7fff_ffff_ffff_ffffn;
/** As many maps as a program reads, by descriptor. */
type Maps = ReturnType<typeof openMaps>;
const ANY_MAC = 0x0200_0000_0001 as Mac;

/**
 * Makes the maps and loads the program once, to see whether this machine allows it. All of it ends
 * with the process, whatever ends that: the kernel holds nothing that no descriptor holds.
 * @throws EbpfUnavailable
 */
export function openEbpfResponder(attach: BpfAttach = "tcx"): EbpfResponder {
  using resources = new DisposableStack();
  const libc = resources.use(openLibc(BPF));
  const maps = attempt(() => openMaps(libc, resources, MAX_ADDRESSES));
  // A program on trial answers for others than those that are owned, whatever the reply lease says.
  const trialMaps = attempt(() => openMaps(libc, resources, 1));
  for (const ip of [TRIAL_IP4, TRIAL_IP6]) {
    mapUpdate(libc, mapOf(ip, trialMaps), keyOf(ip), new Uint8Array(8));
  }
  attempt(() => tryOut(libc, attach, ANY_MAC, trialMaps));
  const owned = new Set<Ip>();
  const attached = new Map<number, { readonly mac: Mac; readonly link: Fd }>();
  const all = resources.move();
  all.defer(() => attached.forEach(({ link }) => link[Symbol.dispose]()));

  function place({ ifindex, mac }: InterfaceAddress): void {
    const before = attached.get(ifindex);
    // Another interface may have the number of one that is gone, and its address.
    if (before?.mac === mac && linkInfo(libc, before.link).ifindex === ifindex) return;
    // The program with the old address ends first: better the socket for a moment than two replies.
    before?.link[Symbol.dispose]();
    attached.delete(ifindex);
    tryOut(libc, attach, mac, trialMaps);
    using program = load(libc, attach, mac, maps);
    attached.set(ifindex, { mac, link: linkCreate(libc, program, ifindex, attach) });
  }

  return {
    setOwned(ips) {
      // Kept step by step: what a refusal in between leaves in the map is taken out the next time.
      for (const ip of owned.difference(new Set(ips))) {
        mapDelete(libc, mapOf(ip, maps), keyOf(ip));
        owned.delete(ip);
      }
      for (const ip of ips) {
        if (owned.has(ip)) continue;
        mapUpdate(libc, mapOf(ip, maps), keyOf(ip), new Uint8Array(8));
        owned.add(ip);
      }
    },
    setInterfaces(interfaces) {
      const wanted = new Set(interfaces.map(({ ifindex }) => ifindex));
      for (const [ifindex, { link }] of [...attached]) {
        if (wanted.has(ifindex)) continue;
        link[Symbol.dispose]();
        attached.delete(ifindex);
      }
      const failed = new Map<number, Error>();
      for (const one of interfaces) {
        try {
          place(one);
        } catch (error) {
          failed.set(one.ifindex, error instanceof Error ? error : new Error(String(error)));
        }
      }
      return failed;
    },
    isFirst(ifindex) {
      const link = attached.get(ifindex)?.link;
      // Where XDP is taken no second program is let in.
      return link !== undefined && (attach === "xdp" || isFirstAt(libc, ifindex, link));
    },
    replyLeaseMapFd: maps.replyLease.number,
    replies(ip) {
      const value = new Uint8Array(8);
      if (!owned.has(ip) || !mapLookup(libc, mapOf(ip, maps), keyOf(ip), value)) return 0;
      return Number(new DataView(value.buffer).getBigUint64(0, true));
    },
    [Symbol.dispose]: () => all[Symbol.dispose](),
  };
}

function load(
  libc: Libc<typeof BPF>,
  attach: BpfAttach,
  mac: Mac,
  { ip4, ip6, replyLease }: Maps,
): Fd {
  const numbers = { ip4Map: ip4.number, ip6Map: ip6.number, leaseMap: replyLease.number };
  return progLoad(libc, attach, responderProgram({ mac, ...numbers, attach }));
}

/** @throws OsError or Error when the program does not answer as it shall */
function tryOut(libc: Libc<typeof BPF>, attach: BpfAttach, mac: Mac, maps: Maps): void {
  using program = load(libc, attach, mac, maps);
  const failed = failedTrial((frame) => progRun(libc, program, frame), attach, mac);
  if (failed !== undefined) throw new Error(`the program does not answer ${failed}`);
}

function isFirstAt(libc: Libc<typeof BPF>, ifindex: number, link: Fd): boolean {
  try {
    return tcxLinks(libc, ifindex)[0] === linkInfo(libc, link).id;
  } catch {
    return false; // the interface is gone
  }
}

/** Makes the maps; under the reply lease of nobody the programs answer for ever. @throws OsError */
function openMaps(libc: Libc<typeof BPF>, resources: DisposableStack, entries: number) {
  const addressMap = (keyBytes: number, name: string) => {
    const sizes = { key: keyBytes, value: 8, entries };
    return resources.use(mapCreate(libc, "BPF_MAP_TYPE_HASH", sizes, name));
  };
  const one = { key: 4, value: 8, entries: 1 };
  const replyLease = resources.use(mapCreate(libc, "BPF_MAP_TYPE_ARRAY", one, "herald_lease"));
  const until = new Uint8Array(8);
  new DataView(until.buffer).setBigUint64(0, FOR_EVER, true);
  mapUpdate(libc, replyLease.number, new Uint8Array(4), until);
  return { ip4: addressMap(4, "herald_ip4"), ip6: addressMap(16, "herald_ip6"), replyLease };
}

function mapOf(ip: Ip, { ip4, ip6 }: Maps): number {
  return typeof ip === "number" ? ip4.number : ip6.number;
}

/** The octets in network order, as a frame has them. */
function keyOf(ip: Ip): Bytes {
  const key = new Uint8Array(typeof ip === "number" ? 4 : 16);
  if (typeof ip === "number") writeU32(key, 0, ip);
  else writeIp6(key, 0, ip);
  return key;
}

/** Names the likely cause: errno says little more than "no". */
function attempt<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    const missing = (["CAP_BPF", "CAP_NET_ADMIN"] as const).filter((one) => !hasCapability(one));
    const cause = missing.length > 0
      ? `capability ${missing.join(" and ")} is missing; add it under ` +
        "securityContext.capabilities.add of the speaker's container"
      : "the kernel is older than 6.6, built without BPF, or locked down";
    throw new EbpfUnavailable(`${cause} (${errorText(error)})`);
  }
}
