import assert from "node:assert/strict";
import { Fd } from "../../ffi/fd.ts";
import { KERNEL } from "../../ffi/constants.ts";
import { openLibc, SOCKET } from "../../ffi/libc.ts";
import { int32 } from "../../ffi/structs.ts";
import { readSockaddrIp, sockaddrIp, STREAM } from "../../ffi/tcp.ts";
import {
  CMSGHDR,
  DATAGRAM,
  datagramReader,
  IOVEC,
  MSGHDR,
  TIMESPEC,
  writeTimespec,
} from "../../ffi/udp.ts";
import { layoutOf, refusedByC } from "./c_compiler.ts";
import { ip4 } from "../support/addresses.ts";

Deno.test("layouts of messages and times are those of the C headers", async () => {
  assert.equal(
    await refusedByC(["stddef.h", "sys/socket.h", "sys/uio.h", "time.h"], [
      ...layoutOf("msghdr", MSGHDR, {
        name: "msg_name",
        nameLength: "msg_namelen",
        iov: "msg_iov",
        iovLength: "msg_iovlen",
        control: "msg_control",
        controlLength: "msg_controllen",
        flags: "msg_flags",
      }),
      ...layoutOf("iovec", IOVEC, { base: "iov_base", length: "iov_len" }),
      ...layoutOf("cmsghdr", CMSGHDR, {
        length: "cmsg_len",
        level: "cmsg_level",
        type: "cmsg_type",
      }),
      ...layoutOf("timespec", TIMESPEC, { seconds: "tv_sec", nanoseconds: "tv_nsec" }),
    ]),
    "",
  );
});

Deno.test("datagramReader() tells sender and TTL of each datagram", () => {
  using libc = openLibc({ ...SOCKET, ...STREAM, ...DATAGRAM });
  const udp = () => new Fd(libc, libc.symbols.socket(KERNEL.AF_INET, KERNEL.SOCK_DGRAM, 0));
  using receiver = udp();
  using sender = udp();
  const any = sockaddrIp(ip4(0x7f000001), 0);
  assert.equal(libc.symbols.bind(receiver.number, any, any.length), 0);
  const { IPPROTO_IP, IP_RECVTTL, IP_TTL, MSG_DONTWAIT } = KERNEL;
  libc.symbols.setsockopt(receiver.number, IPPROTO_IP, IP_RECVTTL, int32(1), 4);
  libc.symbols.setsockopt(sender.number, IPPROTO_IP, IP_TTL, int32(77), 4);
  const bound = new Uint8Array(28);
  libc.symbols.getsockname(receiver.number, bound, int32(28));
  const to = sockaddrIp(ip4(0x7f000001), readSockaddrIp(bound)?.port ?? 0);
  assert.equal(libc.symbols.connect(sender.number, to, to.length), 0);
  const read = datagramReader(libc, 64);
  assert.equal(read(receiver, MSG_DONTWAIT), undefined);
  for (let round = 0; round < 1000; round++) {
    libc.symbols.send(sender.number, Uint8Array.of(round & 255, 2), 2n, 0);
    const datagram = read(receiver, MSG_DONTWAIT);
    assert.deepEqual([[...datagram?.bytes ?? []], datagram?.from, datagram?.told], [
      [round & 255, 2],
      ip4(0x7f000001),
      77,
    ]);
  }
});

Deno.test("writeTimespec() keeps parts of a millisecond", () => {
  const bytes = new Uint8Array(TIMESPEC.size);
  writeTimespec(bytes, 1234.5678);
  const view = new DataView(bytes.buffer);
  assert.deepEqual([view.getBigInt64(0, true), view.getBigInt64(8, true)], [1n, 234_567_800n]);
  for (const ms of [0, 1e-7, 0.9999999, 999.9999997, 999.9999999, 1_000]) {
    writeTimespec(bytes, ms);
    assert.ok(view.getBigInt64(8, true) < 1_000_000_000n, `${ms} ms: the kernel would refuse it`);
  }
});
