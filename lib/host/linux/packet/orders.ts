import type { Mac } from "../../../net/ethernet.ts";
import type { Ip } from "../../../net/ip.ts";
import type { PacketProtocol } from "./socket.ts";

/**
 * What the main thread asks of the packet Worker, once: to answer from now on. The descriptors stay
 * the main thread's, the memory both see.
 */
export interface PacketOrder {
  readonly packetFds: Readonly<Record<PacketProtocol, number>>;
  readonly table: SharedArrayBuffer;
  readonly progress: SharedArrayBuffer;
}

/** What the Worker tells: another host says that an owned address is its own. */
export interface Conflict {
  readonly ip: Ip;
  readonly mac: Mac;
  readonly ifindex: number;
}

/** Places of the counts that the Worker keeps in shared memory beside the table. */
export const PROGRESS = { stale: 0, unsent: 1, size: 2 } as const;
