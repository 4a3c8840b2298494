import type { EbpfResponder } from "../../../../lib/host/linux/packet/ebpf_responder.ts";
import type { Outlets } from "../../../../lib/host/linux/packet/backend.ts";
import { TABLE_BYTES } from "../../../../lib/neighbour/table.ts";
import { formatIp, type Ip } from "../../../../lib/net/ip.ts";

/** Outlets that note what is done by them, in order. */
export interface FakeOutlets extends Outlets {
  readonly done: string[];
  /** Why the Worker does nothing. */
  fault: string | undefined;
  /** Why gratuitous frames cannot be sent. */
  refusal: Error | undefined;
  /** Interfaces on which the kernel takes no program. */
  readonly failing: Map<number, Error>;
  /** How many groups cannot be joined. */
  unjoined: number;
}

const textOf = (ips: readonly Ip[]) => ips.map(formatIp).join(" ");

export function fakeOutlets({ withKernel = false } = {}): FakeOutlets {
  const done: string[] = [];
  const failing = new Map<number, Error>();
  const kernel: EbpfResponder = {
    setOwned: (ips) => void done.push(`kernel owns ${textOf(ips)}`),
    setInterfaces(interfaces) {
      done.push(`kernel on ${interfaces.map(({ ifindex }) => ifindex)}`);
      return failing;
    },
    isFirst: (ifindex) => !failing.has(ifindex),
    replyLeaseMapFd: 7,
    replies: () => 0,
    [Symbol.dispose]: () => void done.push("kernel ends"),
  };
  const fake: FakeOutlets = {
    done,
    failing,
    fault: undefined,
    refusal: undefined,
    unjoined: 0,
    responder: {
      setOwned: (ips) => void done.push(`owns ${textOf(ips)}`),
      setInterfaces: (on) => void done.push(`on ${on.map(({ ifindex }) => ifindex)}`),
      sendGratuitous(ip, ifindex) {
        if (fake.refusal !== undefined) return Promise.reject(fake.refusal);
        done.push(`announces ${formatIp(ip)} on ${ifindex}`);
        return Promise.resolve();
      },
      counters: () => ({ requests: 0, replies: 0, gratuitous: 0 }),
      requireReplyLease: () => void done.push("lease required"),
      table: new SharedArrayBuffer(TABLE_BYTES),
      drops: () => new Map(),
      foreignSenders: () => 0,
      problem: () => fake.fault,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    backend: withKernel ? { name: "ebpf", kernel } : { name: "socket", kernel: undefined },
    groups: {
      set(ips, ifindexes) {
        done.push(`joins for ${ips.length} on ${ifindexes}`);
        return fake.unjoined;
      },
      forgetLost: () => void done.push("looks for groups"),
      [Symbol.dispose]: () => undefined,
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return fake;
}
