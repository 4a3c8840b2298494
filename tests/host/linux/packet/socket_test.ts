import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { KERNEL } from "../../../../ffi/constants.ts";
import { openLibc, SOCKET } from "../../../../ffi/libc.ts";
import { OsError } from "../../../../ffi/result.ts";
import { int32, readInt32, SOCKADDR_LL } from "../../../../ffi/structs.ts";
import {
  openPacketSocket,
  sendFrame,
  takeDroppedFrames,
} from "../../../../lib/host/linux/packet/socket.ts";
import { run } from "../../../support/process.ts";
import { request } from "../frames.ts";

const FRAME = Uint8Array.fromHex(request({ senderIp: "0a4d0001", targetIp: "0a4d01dc" }));
const NO_SUCH_INTERFACE = 0x7fff_fff0;

Deno.test("openPacketSocket() is bound to ARP on every interface, with a large buffer", () => {
  using libc = openLibc(SOCKET);
  using fd = openPacketSocket(libc, "arp");
  const bound = new Uint8Array(SOCKADDR_LL.size);
  assert.equal(libc.symbols.getsockname(fd.number, bound, int32(bound.length)), 0);
  assert.equal(bound.subarray(0, 8).toHex(), "1100" + "0806" + "00000000");
  const size = int32(0);
  const { SOL_SOCKET, SO_RCVBUF } = KERNEL;
  assert.equal(libc.symbols.getsockopt(fd.number, SOL_SOCKET, SO_RCVBUF, size, int32(4)), 0);
  assert.ok(readInt32(size) >= 4 * 1024 * 1024);
});

Deno.test("takeDroppedFrames() counts none on a quiet socket", () => {
  using libc = openLibc(SOCKET);
  using fd = openPacketSocket(libc, "arp");
  assert.equal(takeDroppedFrames(libc, fd), 0);
});

Deno.test("sendFrame() says that the interface is gone", () => {
  using libc = openLibc(SOCKET);
  using fd = openPacketSocket(libc, "arp");
  const refusal = sendFrame(libc, fd, FRAME, NO_SUCH_INTERFACE);
  assert.ok(refusal instanceof OsError);
  assert.equal(refusal.operation, "sendto");
  assert.match(refusal.message, /no such interface.*interface 2147483632/);
});

Deno.test("a closed packet socket is told as such by every call", () => {
  using libc = openLibc(SOCKET);
  const fd = openPacketSocket(libc, "arp");
  fd[Symbol.dispose]();
  assert.throws(() => sendFrame(libc, fd, FRAME, 1), TypeError);
  assert.throws(() => takeDroppedFrames(libc, fd), TypeError);
});

Deno.test("openPacketSocket() without CAP_NET_RAW names the call and the probable reason", async () => {
  const url = (path: string) => new URL(`../../../../${path}`, import.meta.url).href;
  const program = `import { openLibc, SOCKET } from "${url("ffi/libc.ts")}";
    import { openPacketSocket } from "${url("lib/host/linux/packet/socket.ts")}";
    using libc = openLibc(SOCKET);
    try { openPacketSocket(libc, 'arp'); } catch (error) { console.log(error.message); }`;
  const { stdout } = await run("setpriv", [
    "--bounding-set=-net_raw",
    Deno.execPath(),
    "eval",
    "--quiet",
    "--config",
    fileURLToPath(new URL("../../../../deno.json", import.meta.url)),
    program,
  ]);
  assert.match(stdout, /^socket failed \(probably EPERM, not permitted\): raw packet socket/);
});

Deno.test("a thousand packet sockets opened and closed leave no descriptor", async () => {
  using libc = openLibc(SOCKET);
  const before = [...Deno.readDirSync("/proc/self/fd")].length;
  for (let round = 0; round < 10; round++) {
    // Closing waits for the kernel's grace period: a hundred wait together.
    const sockets = Array.from({ length: 100 }, () => openPacketSocket(libc, "arp"));
    await Promise.all(sockets.map((fd) => fd[Symbol.asyncDispose]()));
  }
  assert.equal([...Deno.readDirSync("/proc/self/fd")].length, before);
});
