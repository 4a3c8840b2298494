import assert from "node:assert/strict";
import { KERNEL } from "../../../../ffi/constants.ts";
import { openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { poll, pollSet, readiness } from "../../../../ffi/poll.ts";
import { OsError } from "../../../../ffi/result.ts";
import { int32, readInt32, SOCKADDR_NL, sockaddrNl } from "../../../../ffi/structs.ts";
import {
  createDumpBuffer,
  openRouteSocket,
  requestDump,
  takeError,
} from "../../../../lib/host/linux/netlink/socket.ts";
import { decodeRoute } from "../../../../lib/netlink/route.ts";

const open = () => openLibc({ ...SOCKET, ...POLL });

/** The kinds of all messages that wait; each datagram is read before the next is taken. */
function kinds(datagrams: Iterable<Uint8Array>): string[] {
  const found: string[] = [];
  for (const datagram of datagrams) {
    for (const { kind } of decodeRoute(datagram)) found.push(kind);
  }
  return found;
}

Deno.test("requestDump() is answered by links and an end, all in the dump buffer", () => {
  using libc = open();
  using fd = openRouteSocket(libc);
  requestDump(libc, fd, 7);
  const buffer = createDumpBuffer(libc, fd, 65_536);
  const found = kinds(buffer.receive(64));
  assert.ok(found.length >= 2 && found.slice(0, -1).every((kind) => kind === "link"));
  assert.equal(found.at(-1), "done");
  assert.equal(buffer.takeLoss(), false);
  assert.deepEqual(kinds(buffer.receive(64)), []);
});

Deno.test("the dump buffer tells of a datagram that was too large, and takes the next one whole (corpus 2.9.10)", () => {
  using libc = open();
  using fd = openRouteSocket(libc);
  const buffer = createDumpBuffer(libc, fd, 64);
  requestDump(libc, fd, 1);
  const first = kinds(buffer.receive(64));
  assert.equal(buffer.takeLoss(), true);
  assert.equal(buffer.takeLoss(), false);
  requestDump(libc, fd, 2);
  const second = kinds(buffer.receive(64));
  assert.ok(second.length > first.length, "the first of the links is there only now");
  assert.equal(buffer.takeLoss(), false);
});

Deno.test("the dump buffer drops what another process sends (corpus 2.9.4)", () => {
  using libc = open();
  using fd = openRouteSocket(libc);
  using stranger = openRouteSocket(libc);
  const own = new Uint8Array(SOCKADDR_NL.size);
  assert.equal(libc.symbols.getsockname(fd.number, own, int32(own.length)), 0);
  const to = sockaddrNl(KERNEL.AF_NETLINK, readInt32(own, SOCKADDR_NL.pid) >>> 0, 0);
  const deleteLink = Uint8Array.fromHex("20000000110000000000000000000000" + "00".repeat(16));
  const size = BigInt(deleteLink.length);
  assert.equal(
    libc.symbols.sendto(stranger.number, deleteLink, size, 0, to, to.length),
    deleteLink.length,
  );
  assert.equal(poll(libc, pollSet([fd.number]), 1_000), 1, "it arrived");
  assert.deepEqual(kinds(createDumpBuffer(libc, fd, 4_096).receive(64)), []);
});

Deno.test("takeError() sees no error on a quiet socket, and a closed one", () => {
  using libc = open();
  const fd = openRouteSocket(libc);
  const set = pollSet([fd.number]);
  poll(libc, set, 0);
  assert.equal(takeError(libc, fd, readiness(set, 0)), false);
  fd[Symbol.dispose]();
  poll(libc, set, 0);
  assert.throws(() => takeError(libc, fd, readiness(set, 0)), OsError);
});
