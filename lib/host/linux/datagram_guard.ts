import { KERNEL } from "../../../ffi/constants.ts";
import { Fd } from "../../../ffi/fd.ts";
import { type Libc, openLibc, SOCKET } from "../../../ffi/libc.ts";
import { int32, readInt32 } from "../../../ffi/structs.ts";
import { familyOf, type Ip } from "../../net/ip.ts";
import { localAddress } from "./socket.ts";
import { type Strangers, watchStrangers } from "./strangers.ts";

/** One packet of so many is let by in a flood: each costs the main thread some 20 µs. */
const ONE_OF = 256;
/** A process has no descriptor beyond, when its sockets are opened. */
const MOST_DESCRIPTORS = 4_096;

/** A guard of a datagram socket. */
export interface DatagramGuard extends Strangers, Disposable {}

/**
 * Guards the datagram socket that the runtime has bound to that address and port. It is to be
 * disposed of before that socket is closed. @throws Error when this process has no such socket
 */
export function guardDatagrams(
  { address, port }: { readonly address: Ip; readonly port: number },
  sources: ReadonlySet<Ip>,
): DatagramGuard {
  const libc = openLibc(SOCKET);
  const fd = findSocket(libc, address, port);
  if (fd === undefined) {
    libc[Symbol.dispose]();
    throw new Error(`This process has no datagram socket at port ${port}`);
  }
  return {
    ...watchStrangers(libc, fd, familyOf(address), sources, ONE_OF),
    [Symbol.dispose]: () => libc[Symbol.dispose](),
  };
}

/** The runtime does not tell which descriptor is its socket's. It stays the runtime's to close. */
function findSocket(libc: Libc<typeof SOCKET>, address: Ip, port: number): Fd | undefined {
  const type = int32(0);
  for (let number = 3; number < MOST_DESCRIPTORS; number++) {
    const fd = new Fd(libc, number);
    const bound = localAddress(libc, fd);
    if (bound?.port !== port || bound.ip !== address) continue;
    const { SO_TYPE, SOCK_DGRAM, SOL_SOCKET } = KERNEL;
    libc.symbols.getsockopt(number, SOL_SOCKET, SO_TYPE, type, int32(4));
    if (readInt32(type) === SOCK_DGRAM) return fd;
  }
  return undefined;
}
