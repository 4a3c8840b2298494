import assert from "node:assert/strict";
import { KERNEL } from "../../../ffi/constants.ts";
import { openLibc, SOCKET } from "../../../ffi/libc.ts";
import { OsError } from "../../../ffi/result.ts";
import { int32, readInt32 } from "../../../ffi/structs.ts";
import { sockaddrIp, STREAM } from "../../../ffi/tcp.ts";
import {
  bindSocket,
  localAddress,
  openSocket,
  setOption,
  takeSocketError,
  trySetOption,
} from "../../../lib/host/linux/socket.ts";
import { waitFor } from "../../support/wait.ts";
import { ip4 } from "../../support/addresses.ts";

const LOOPBACK = ip4(0x7f000001);
const UDP = { domain: KERNEL.AF_INET, type: KERNEL.SOCK_DGRAM, purpose: "socket of a test" };

const openFds = () => [...Deno.readDirSync("/proc/self/fd")].length;
const open = () => openLibc({ ...SOCKET, ...STREAM });

Deno.test("openSocket() gives a socket that never blocks, and that no other program inherits", () => {
  using libc = open();
  using fd = openSocket(libc, UDP);
  const flags = /flags:\t(\d+)/.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${fd.number}`));
  const wanted = KERNEL.SOCK_NONBLOCK | KERNEL.SOCK_CLOEXEC;
  assert.equal(parseInt(flags?.[1] ?? "0", 8) & wanted, wanted);
});

Deno.test("openSocket() says what the socket was for when there is no such kind", () => {
  using libc = open();
  assert.throws(
    () => openSocket(libc, { ...UDP, domain: 12_345 }),
    (error) => error instanceof OsError && /^socket failed .*: socket of a/.test(error.message),
  );
});

Deno.test("openSocket() closes the socket when its setting up fails, and passes the error on", () => {
  using libc = open();
  const before = openFds();
  const failed = () => {
    throw new RangeError("no");
  };
  for (let round = 0; round < 3; round++) {
    assert.throws(() => openSocket(libc, UDP, failed), /^RangeError: no$/);
  }
  assert.equal(openFds(), before);
});

Deno.test("options hold when the kernel takes them, and name themselves when it does not", () => {
  using libc = open();
  using fd = openSocket(libc, UDP);
  setOption(libc, fd, KERNEL.IPPROTO_IP, KERNEL.IP_TTL, 77, "the TTL");
  const value = int32(0);
  libc.symbols.getsockopt(fd.number, KERNEL.IPPROTO_IP, KERNEL.IP_TTL, value, int32(4));
  assert.equal(readInt32(value), 77);
  assert.equal(trySetOption(libc, fd, KERNEL.IPPROTO_IP, KERNEL.IP_TTL, int32(78)), true);
  assert.equal(trySetOption(libc, fd, KERNEL.IPPROTO_IP, KERNEL.IP_TTL, 7_777), false);
  assert.throws(
    () => setOption(libc, fd, KERNEL.IPPROTO_IP, KERNEL.IP_TTL, 7_777, "the TTL"),
    /^OsError: setsockopt failed \(probably EINVAL, invalid argument\): the TTL$/,
  );
});

Deno.test("a bound socket tells its port, and a port that is taken is refused by name", () => {
  using libc = open();
  using fd = openSocket(libc, UDP);
  bindSocket(libc, fd, sockaddrIp(LOOPBACK, 0), "any port");
  const own = localAddress(libc, fd);
  assert.equal(own?.ip, LOOPBACK);
  assert.ok(own.port > 0);
  using second = openSocket(libc, UDP);
  assert.throws(
    () => bindSocket(libc, second, sockaddrIp(LOOPBACK, own.port), "the same port"),
    /^OsError: bind failed .*: the same port$/,
  );
});

Deno.test("takeSocketError() gives what went wrong since the last question, once", async () => {
  using libc = open();
  using fd = openSocket(libc, UDP);
  const to = sockaddrIp(LOOPBACK, 1);
  assert.equal(libc.symbols.connect(fd.number, to, to.length), 0);
  assert.equal(takeSocketError(libc, fd), 0);
  libc.symbols.send(fd.number, new Uint8Array(1), 1n, 0);
  const ECONNREFUSED = 111;
  assert.equal(await waitFor("the refusal", () => takeSocketError(libc, fd)), ECONNREFUSED);
  assert.equal(takeSocketError(libc, fd), 0);
});
