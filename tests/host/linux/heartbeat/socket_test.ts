import assert from "node:assert/strict";
import { KERNEL } from "../../../../ffi/constants.ts";
import { openLibc, SOCKET } from "../../../../ffi/libc.ts";
import { sockaddrIp, STREAM } from "../../../../ffi/tcp.ts";
import { DATAGRAM, datagramReader } from "../../../../ffi/udp.ts";
import { openHeartbeatSocket } from "../../../../lib/host/linux/heartbeat/socket.ts";
import { localAddress } from "../../../../lib/host/linux/socket.ts";
import { type Ip, ip6 } from "../../../../lib/net/ip.ts";
import { waitFor } from "../../../support/wait.ts";
import { ip4 } from "../../../support/addresses.ts";

const LOOPBACK4 = ip4(0x7f000001);
const LOOPBACKS: readonly Ip[] = [LOOPBACK4, ip6(1n)];
const open = () => openLibc({ ...SOCKET, ...STREAM, ...DATAGRAM });

for (const address of LOOPBACKS) {
  const family = typeof address === "number" ? 4 : 6;
  Deno.test(`a packet to a closed port comes back as an error that says where it went: IPv${family}`, async () => {
    using libc = open();
    const closed = openHeartbeatSocket(libc, address, 0);
    closed.fd[Symbol.dispose]();
    const { fd } = openHeartbeatSocket(libc, address, 0);
    using _ = fd;
    const to = sockaddrIp(address, closed.port);
    libc.symbols.sendto(fd.number, Uint8Array.of(1), 1n, KERNEL.MSG_DONTWAIT, to, to.length);
    const read = datagramReader(libc, 1_500, 512);
    const flags = KERNEL.MSG_DONTWAIT | KERNEL.MSG_ERRQUEUE;
    const error = await waitFor("the refusal", () => read(fd, flags));
    assert.deepEqual([error.from, error.port], [address, closed.port]);
  });
}

Deno.test("port 0 picks one and tells it; a port that is taken is named", () => {
  using libc = open();
  const { fd, port } = openHeartbeatSocket(libc, LOOPBACK4, 0);
  using _ = fd;
  assert.deepEqual(localAddress(libc, fd), { ip: LOOPBACK4, port, scopeId: 0 });
  assert.throws(
    () => openHeartbeatSocket(libc, LOOPBACK4, port),
    new RegExp(`heartbeats on 127\\.0\\.0\\.1, UDP port ${port}`),
  );
});
