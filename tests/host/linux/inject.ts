// deno-lint-ignore-file no-console -- speaks to the test that started it
// Sends raw frames out of an interface and prints the ARP replies that come back.
// usage: inject.ts INTERFACE HEX…            each frame once
//        inject.ts INTERFACE --flood=COUNT HEX  the frame so often, waiting for no reply
// The last frame must be a request that is answered: its reply ends the wait, and frames are
// answered in order, so whatever was not printed by then was not answered. Ends with 1 after 10 s.
import { KERNEL } from "../../../ffi/constants.ts";
import { openLibc, POLL, SOCKET } from "../../../ffi/libc.ts";
import { poll, pollSet } from "../../../ffi/poll.ts";
import { checked } from "../../../ffi/result.ts";
import { int32, SOCKADDR_LL, sockaddrLl } from "../../../ffi/structs.ts";

const [name = "", ...rest] = Deno.args;
const flood = Number(/^--flood=(\d+)$/.exec(rest[0] ?? "")?.[1] ?? 0);
const frames = flood > 0 ? Array<string>(flood).fill(rest[1] ?? "") : rest;
const ifindex = Number(Deno.readTextFileSync(`/sys/class/net/${name}/ifindex`));
using libc = openLibc({ ...SOCKET, ...POLL });
const { symbols } = libc;
const address = sockaddrLl(KERNEL.AF_PACKET, KERNEL.ETH_P_ARP, ifindex);
const fd = symbols.socket(KERNEL.AF_PACKET, KERNEL.SOCK_RAW, 0x0608);
checked(libc, symbols.bind(fd, address, address.length), "bind", name);
for (const hex of frames) {
  const bytes = Uint8Array.fromHex(hex);
  const sent = symbols.sendto(fd, bytes, BigInt(bytes.length), 0, address, SOCKADDR_LL.size);
  checked(libc, sent, "sendto", hex);
}
if (flood > 0) Deno.exit(0);
const last = (frames.at(-1) ?? "").slice(56, 64); // sender protocol address
const set = pollSet([fd]);
const deadline = performance.now() + 10_000;
const bytes = new Uint8Array(2048);
while (performance.now() < deadline) {
  if (poll(libc, set, 100) === 0) continue;
  const from = new Uint8Array(SOCKADDR_LL.size);
  const length = symbols.recvfrom(fd, bytes, 2048n, 0, from, int32(from.length));
  const hex = bytes.subarray(0, Math.min(length, 42)).toHex();
  if (hex.slice(40, 44) !== "0002") continue;
  console.log(hex);
  if (hex.slice(76, 84) === last) Deno.exit(0);
}
Deno.exit(1);
