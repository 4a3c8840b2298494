import assert from "node:assert/strict";
import { KERNEL } from "../../../../ffi/constants.ts";
import { sockaddrIp } from "../../../../ffi/tcp.ts";
import { encodeKeepalive } from "../../../../lib/bgp/message.ts";
import { type BgpConnection, openConnection } from "../../../../lib/host/linux/bgp/connection.ts";
import type { TcpLibc } from "../../../../lib/host/linux/bgp/socket.ts";
import { virtualClock } from "../../../support/clock.ts";
import { ip4 } from "../../../support/addresses.ts";

const { EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP } = KERNEL;
const LOCAL = ip4(0x0a000001);
const TARGET = {
  peer: ip4(0x0a000002),
  port: 179,
  interfaceName: undefined,
  source: undefined,
  password: undefined,
  ttl: undefined,
  minimumTtl: undefined,
  userTimeoutMs: 20_000,
};
const HELLO = encodeKeepalive();

/** A connection whose kernel is the test: what it takes, what it gives, and what it was asked. */
function workshop() {
  const kernel = { room: Infinity, input: [] as Uint8Array[], ended: false, errno: 0 };
  const sent: number[] = [];
  const calls: string[] = [];
  const symbols = {
    socket: () => 7,
    setsockopt: () => 0,
    connect: () => -1,
    getsockopt(_fd: number, _level: number, _name: number, value: Uint8Array) {
      new DataView(value.buffer).setInt32(0, kernel.errno, true);
      kernel.errno = 0;
      return 0;
    },
    getsockname(_fd: number, address: Uint8Array) {
      address.set(sockaddrIp(LOCAL, 50_000));
      return 0;
    },
    send(_fd: number, bytes: Uint8Array) {
      const taken = Math.min(kernel.room, bytes.length);
      kernel.room -= taken;
      sent.push(...bytes.subarray(0, taken));
      return taken === 0 ? -1 : taken;
    },
    recv(_fd: number, into: Uint8Array) {
      const [next] = kernel.input;
      if (next === undefined) return kernel.ended ? 0 : -1;
      kernel.input.shift();
      into.set(next);
      return next.length;
    },
    shutdown: () => calls.push("shutdown"),
  };
  const libc = { symbols, close: () => calls.push("close") } as unknown as TcpLibc;
  let handler = (_events: number) => {};
  const loop = {
    register(_fd: unknown, writable: boolean, onEvents: (events: number) => void) {
      calls.push(`register ${writable}`);
      handler = onEvents;
      return {
        setWritable: (on: boolean) => void calls.push(`writable ${on}`),
        [Symbol.dispose]: () => void calls.push("deregister"),
      };
    },
    done: Promise.resolve(),
  };
  const told: string[] = [];
  const clock = virtualClock();
  const hooks = {
    onConnected: (ip: unknown) => void told.push(`connected ${ip === LOCAL}`),
    onMessage: (bytes: Uint8Array) => void told.push(`message of ${bytes.length}`),
    onFault: ({ detail }: { detail: string }) => void told.push(`fault: ${detail}`),
    onBlocked: (blocked: boolean) => void told.push(`blocked ${blocked}`),
    onClosed: (reason: string) => void told.push(`closed: ${reason}`),
  };
  const connection = openConnection({ libc, loop, clock }, TARGET, hooks);
  const at = {
    kernel,
    clock,
    hooks,
    connection,
    sent,
    fire: (events: number) => handler(events),
    /** What was told, and asked of kernel and loop, since the last time. */
    told: () => told.splice(0),
    calls: () => calls.splice(0),
    read(...input: Uint8Array[]) {
      kernel.input.push(...input);
      handler(EPOLLIN);
    },
    connected() {
      handler(EPOLLOUT);
      told.length = 0;
      calls.length = 0;
      return at;
    },
  };
  return at;
}

function isSettled(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), Promise.resolve().then(() => false)]);
}

Deno.test("a connection is told with our address, and asks for room no more", () => {
  const at = workshop();
  assert.deepEqual(at.calls(), ["register true"]);
  at.fire(EPOLLOUT);
  assert.deepEqual(at.told(), ["connected true"]);
  assert.deepEqual(at.calls(), ["writable false"]);
});

Deno.test("a refused connection is told with the kernel's reason, and closed at once", async () => {
  const at = workshop();
  at.kernel.errno = 111;
  at.fire(EPOLLOUT | EPOLLERR | EPOLLHUP);
  assert.deepEqual(at.told(), ["closed: ECONNREFUSED, nobody listens there"]);
  assert.deepEqual(at.calls(), ["register true", "deregister", "close"]);
  assert.ok(await isSettled(at.connection.close(undefined)));
});

Deno.test("messages are cut out of the stream, however the reads fall", () => {
  const at = workshop().connected();
  at.read(HELLO.subarray(0, 5));
  at.read(HELLO.subarray(5, 18));
  assert.deepEqual(at.told(), []);
  at.read(Uint8Array.of(...HELLO.subarray(18), ...HELLO, ...HELLO.subarray(0, 3)));
  assert.deepEqual(at.told(), ["message of 19", "message of 19"]);
  at.read(HELLO.subarray(3));
  assert.deepEqual(at.told(), ["message of 19"]);
});

Deno.test("what is no message is told as a fault, and what came before it is not lost", () => {
  const at = workshop().connected();
  at.read(Uint8Array.of(...HELLO, ...new Uint8Array(19)));
  assert.deepEqual(at.told(), ["message of 19", "fault: the marker is not all ones"]);
});

Deno.test("a message of more than 4,096 bytes is a fault", () => {
  const at = workshop().connected();
  at.read(Uint8Array.of(...new Uint8Array(16).fill(0xff), 0x10, 0x01, 2));
  assert.match(at.told().join(), /fault: length 4097/);
});

Deno.test("a receiver that closes hears nothing of the messages behind", () => {
  const at = workshop().connected();
  at.hooks.onMessage = () => void at.connection.close(undefined);
  at.read(Uint8Array.of(...HELLO, ...HELLO));
  assert.deepEqual(at.told(), []);
});

Deno.test("bytes that the kernel does not take wait in order; that is told once, and its end", () => {
  const at = workshop().connected();
  at.kernel.room = 3;
  at.connection.send(Uint8Array.of(1, 2, 3, 4, 5));
  at.kernel.room = 1;
  at.connection.send(Uint8Array.of(6, 7));
  at.kernel.room = 3;
  assert.deepEqual([at.connection.queuedBytes(), at.told(), at.calls()], [4, ["blocked true"], [
    "writable true",
  ]]);
  at.fire(EPOLLOUT);
  assert.deepEqual([at.connection.queuedBytes(), at.told()], [1, []]);
  at.kernel.room = 10;
  at.fire(EPOLLOUT);
  assert.deepEqual([at.connection.queuedBytes(), at.told(), at.calls()], [0, ["blocked false"], [
    "writable false",
  ]]);
  assert.deepEqual(at.sent, [1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("closing sends all that waits and the last bytes before the FIN, then waits for the peer's", async () => {
  const at = workshop().connected();
  at.kernel.room = 1;
  at.connection.send(Uint8Array.of(1, 2));
  at.told();
  const closed = at.connection.close(Uint8Array.of(3));
  assert.ok(!at.calls().includes("shutdown"), "bytes still wait");
  at.kernel.room = 10;
  at.fire(EPOLLOUT);
  assert.deepEqual(at.sent, [1, 2, 3]);
  assert.deepEqual(at.calls(), ["writable false", "shutdown"]);
  at.read(HELLO);
  assert.ok(!await isSettled(closed), "the peer has not ended its side");
  at.kernel.ended = true;
  at.fire(EPOLLIN);
  assert.ok(await isSettled(closed));
  assert.deepEqual([at.calls(), at.clock.pending()], [["deregister", "close"], 0]);
  assert.deepEqual(at.told(), [], "whoever closes is told nothing more");
});

Deno.test("last bytes that must wait block nobody: the session has ended already", () => {
  const at = workshop().connected();
  at.kernel.room = 0;
  void at.connection.close(Uint8Array.of(3));
  assert.deepEqual(at.told(), []);
});

Deno.test("a peer that does not end its side is left after half a second", async () => {
  const at = workshop().connected();
  const closed = at.connection.close(Uint8Array.of(1));
  at.clock.advance(499);
  assert.ok(!await isSettled(closed));
  at.clock.advance(1);
  assert.ok(await isSettled(closed));
  assert.equal(at.connection.queuedBytes(), 0);
});

Deno.test("an attempt that is closed before it succeeded tells and sends nothing", async () => {
  const at = workshop();
  assert.ok(await isSettled(at.connection.close(Uint8Array.of(1))));
  assert.deepEqual([at.told(), at.sent], [[], []]);
});

Deno.test("input that came before an error is handed on before the error is told", () => {
  const at = workshop().connected();
  at.kernel.errno = 104;
  at.kernel.input.push(HELLO);
  at.fire(EPOLLIN | EPOLLERR | EPOLLHUP);
  assert.deepEqual(at.told(), ["message of 19", "closed: ECONNRESET, reset by the other side"]);
  send(at.connection);
  assert.deepEqual(at.sent, [], "nothing goes into a closed connection");
});

function send(connection: BgpConnection): void {
  connection.send(Uint8Array.of(9));
  connection.readNow();
}

Deno.test("a flood from one peer ends a turn after eight reads", () => {
  const at = workshop().connected();
  const full = new Uint8Array(65_536);
  const many = Math.floor(full.length / HELLO.length);
  for (let index = 0; index < many; index++) full.set(HELLO, index * HELLO.length);
  full.set(HELLO.subarray(0, full.length - many * HELLO.length), many * HELLO.length);
  at.hooks.onFault = () => {};
  at.read(...Array.from({ length: 10 }, () => full));
  assert.equal(at.kernel.input.length, 2);
});

Deno.test("a socket that the kernel does not wait for is closed", () => {
  const calls: string[] = [];
  const libc = {
    symbols: { socket: () => 7, setsockopt: () => 0, connect: () => -1 },
    close: (fd: number) => calls.push(`close ${fd}`),
  } as unknown as TcpLibc;
  const loop = {
    register() {
      throw new Error("epoll_ctl: ENOSPC");
    },
    done: Promise.resolve(),
  };
  const hooks = {} as Parameters<typeof openConnection>[2];
  const context = { libc, loop, clock: virtualClock() };
  assert.throws(() => openConnection(context, TARGET, hooks), /ENOSPC/);
  assert.deepEqual(calls, ["close 7"]);
});
