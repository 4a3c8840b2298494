import assert from "node:assert/strict";
import { KERNEL } from "../../../../ffi/constants.ts";
import { openLibc, SOCKET } from "../../../../ffi/libc.ts";
import { int32, readInt32 } from "../../../../ffi/structs.ts";
import { STREAM } from "../../../../ffi/tcp.ts";
import {
  beginConnect,
  receiveBytes,
  sendBytes,
  socketError,
  type TcpTarget,
} from "../../../../lib/host/linux/bgp/socket.ts";
import { localAddress } from "../../../../lib/host/linux/socket.ts";
import { ip6 } from "../../../../lib/net/ip.ts";
import { waitFor } from "../../../support/wait.ts";
import { ip4 } from "../../../support/addresses.ts";

const LOOPBACK = ip4(0x7f000001);

function target(port: number, part: Partial<TcpTarget> = {}): TcpTarget {
  return {
    peer: LOOPBACK,
    port,
    interfaceName: undefined,
    source: undefined,
    password: undefined,
    ttl: undefined,
    minimumTtl: undefined,
    userTimeoutMs: 20_000,
    ...part,
  };
}

Deno.test("bytes go both ways, from the source address asked for", async () => {
  using libc = openLibc({ ...SOCKET, ...STREAM });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const source = ip4(0x7f000007);
  using fd = beginConnect(libc, target(port, { source }));
  using conn = await listener.accept();
  assert.equal(socketError(libc, fd), undefined);
  assert.equal(localAddress(libc, fd)?.ip, source);
  assert.equal(sendBytes(libc, fd, Uint8Array.of(1, 2, 3)), 3);
  const into = new Uint8Array(8);
  assert.equal(await conn.read(into), 3);
  assert.equal(receiveBytes(libc, fd, into), undefined, "nothing waits");
  await conn.write(Uint8Array.of(9));
  assert.equal(await waitFor("the byte", () => receiveBytes(libc, fd, into)), 1);
  conn.closeWrite();
  assert.equal(await waitFor("the end", () => receiveBytes(libc, fd, into) === 0), true);
});

Deno.test("a port where nobody listens is refused, by name", async () => {
  using libc = openLibc({ ...SOCKET, ...STREAM });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  using fd = beginConnect(libc, target(port));
  assert.match(await waitFor("the refusal", () => socketError(libc, fd)), /ECONNREFUSED/);
});

Deno.test("B8: the kernel gives unacknowledged bytes up after the hold time; TTLs are set before the first segment", () => {
  using libc = openLibc({ ...SOCKET, ...STREAM });
  const read = (fd: number, level: number, name: number): number => {
    const value = int32(0);
    assert.equal(libc.symbols.getsockopt(fd, level, name, value, int32(4)), 0);
    return readInt32(value);
  };
  const { IPPROTO_TCP, TCP_USER_TIMEOUT, IPPROTO_IP, IP_TTL, IP_MINTTL } = KERNEL;
  using four = beginConnect(libc, target(1, { ttl: 255, minimumTtl: 255, userTimeoutMs: 90_000 }));
  assert.equal(read(four.number, IPPROTO_TCP, TCP_USER_TIMEOUT), 90_000);
  assert.equal(read(four.number, IPPROTO_IP, IP_TTL), 255);
  assert.equal(read(four.number, IPPROTO_IP, IP_MINTTL), 255);
  using six = beginConnect(libc, target(1, { peer: ip6(1n), ttl: 1, minimumTtl: 254 }));
  assert.equal(read(six.number, KERNEL.IPPROTO_IPV6, KERNEL.IPV6_UNICAST_HOPS), 1);
  assert.equal(read(six.number, KERNEL.IPPROTO_IPV6, KERNEL.IPV6_MINHOPCOUNT), 254);
});

Deno.test("a source address that is not here and an interface that is not there are named", () => {
  using libc = openLibc({ ...SOCKET, ...STREAM });
  assert.throws(
    () => beginConnect(libc, target(1, { source: ip4(0xc0000201) })),
    /192\.0\.2\.1 is not on this node/,
  );
  assert.throws(
    () =>
      beginConnect(libc, target(1, { peer: ip6(0xfe80n << 112n | 1n), interfaceName: "nope0" })),
    /no interface nope0/,
  );
});

Deno.test("an MD5 key is taken by the kernel, and no descriptor stays when a call is refused", () => {
  using libc = openLibc({ ...SOCKET, ...STREAM });
  const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = count();
  beginConnect(libc, target(1, { password: "k".repeat(80) }))[Symbol.dispose]();
  assert.throws(() => beginConnect(libc, target(1, { password: "k".repeat(81) })), RangeError);
  assert.equal(count(), before);
});
