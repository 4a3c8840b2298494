import assert from "node:assert/strict";
import { KERNEL } from "../../../../ffi/constants.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import { openLibc, SOCKET } from "../../../../ffi/libc.ts";
import { STREAM } from "../../../../ffi/tcp.ts";
import { DATAGRAM, type Datagram, datagramReader } from "../../../../ffi/udp.ts";
import { openBfdReceiver, openBfdSender } from "../../../../lib/host/linux/bfd/socket.ts";
import { localAddress } from "../../../../lib/host/linux/socket.ts";
import { type Ip, ip6 } from "../../../../lib/net/ip.ts";
import { waitFor } from "../../../support/wait.ts";
import { ip4 } from "../../../support/addresses.ts";

const LOOPBACK4 = ip4(0x7f000001);
const open = () => openLibc({ ...SOCKET, ...STREAM, ...DATAGRAM });
const LOOPBACKS: readonly (readonly [4 | 6, Ip])[] = [[4, LOOPBACK4], [6, ip6(1n)]];

function portOf(libc: ReturnType<typeof open>, fd: Fd): number {
  return localAddress(libc, fd)?.port ?? assert.fail("no address");
}

for (const [family, address] of LOOPBACKS) {
  Deno.test(`packets go out with TTL 255 from a port of 49152 or more, and are heard with it: IPv${family}`, async () => {
    using libc = open();
    using receiver = openBfdReceiver(libc, family, 0);
    const peer = { address, port: portOf(libc, receiver), interfaceName: undefined };
    using sender = openBfdSender(libc, peer, undefined);
    libc.symbols.send(sender.number, Uint8Array.of(1, 2, 3), 3n, KERNEL.MSG_DONTWAIT);
    const read = datagramReader(libc, 256);
    const heard: Datagram = await waitFor("the packet", () => read(receiver, KERNEL.MSG_DONTWAIT));
    assert.deepEqual([...heard.bytes], [1, 2, 3]);
    assert.deepEqual([heard.from, heard.told], [address, 255]);
    assert.ok(heard.port >= 49_152, `RFC 5881 wants another source port than ${heard.port}`);
  });
}

Deno.test("two sessions to one peer send from different ports", () => {
  using libc = open();
  const peer = { address: LOOPBACK4, port: 3784, interfaceName: undefined };
  using one = openBfdSender(libc, peer, LOOPBACK4);
  using two = openBfdSender(libc, peer, LOOPBACK4);
  assert.notEqual(portOf(libc, one), portOf(libc, two));
});

Deno.test("a port that another daemon has, and a source that is not here, are named", () => {
  using libc = open();
  using taken = openBfdReceiver(libc, 4, 0);
  const port = portOf(libc, taken);
  assert.throws(() => openBfdReceiver(libc, 4, port), new RegExp(`UDP port ${port}; does another`));
  const peer = { address: LOOPBACK4, port, interfaceName: undefined };
  assert.throws(() => openBfdSender(libc, peer, ip4(0xc0000201)), /BFD from 192\.0\.2\.1/);
});
