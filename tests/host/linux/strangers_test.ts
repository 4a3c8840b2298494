import assert from "node:assert/strict";
import { KERNEL } from "../../../ffi/constants.ts";
import type { Fd } from "../../../ffi/fd.ts";
import { openLibc, SOCKET } from "../../../ffi/libc.ts";
import { sockaddrIp, STREAM } from "../../../ffi/tcp.ts";
import { DATAGRAM, datagramReader } from "../../../ffi/udp.ts";
import { instant } from "../../../lib/base/time.ts";
import { openHeartbeatSocket } from "../../../lib/host/linux/heartbeat/socket.ts";
import { watchStrangers } from "../../../lib/host/linux/strangers.ts";
import { familyOf, formatIp, type Ip, ip6 } from "../../../lib/net/ip.ts";
import { ip4 } from "../../support/addresses.ts";

const [SELF, SPEAKER, STRANGER] = [1, 2, 3].map((last) => ip4(0x7f000000 + last)) as [Ip, Ip, Ip];
const LOOPBACK6: Ip = ip6(1n);

/** A socket of the beats, and others that send to it; no time passes but what is told. */
function scene(self: Ip, sources: Set<Ip>) {
  const resources = new DisposableStack();
  const libc = resources.use(openLibc({ ...SOCKET, ...STREAM, ...DATAGRAM }));
  const open = (ip: Ip) => {
    const { fd, port } = openHeartbeatSocket(libc, ip, 0);
    return { fd: resources.use(fd), port };
  };
  const { fd, port } = open(self);
  const read = datagramReader(libc, 100);
  const to = sockaddrIp(self, port);
  const send = ({ fd: from }: { fd: Fd }, count: number) => {
    for (let sent = 0; sent < count; sent++) {
      libc.symbols.sendto(from.number, Uint8Array.of(1), 1n, KERNEL.MSG_DONTWAIT, to, to.length);
    }
  };
  const strangers = watchStrangers(libc, fd, familyOf(self), sources);
  return {
    open,
    strangers,
    /** So many are sent; tells how many come in. */
    comeIn(from: { fd: Fd }, count: number): number {
      let taken = 0;
      // No more at once than the buffer holds.
      for (let left = count; left > 0; left -= 50) {
        send(from, Math.min(50, left));
        while (read(fd, KERNEL.MSG_DONTWAIT) !== undefined) taken++;
      }
      return taken;
    },
    flood(atMs: number) {
      for (let count = 0; count < 200; count++) strangers.mayKnock(instant(atMs));
    },
    [Symbol.dispose]: () => resources.dispose(),
  };
}

Deno.test("a few strangers are looked at, and a few more some time later", () => {
  using at = scene(SELF, new Set());
  const looked = (ms: number) =>
    Array.from({ length: 50 }, () => at.strangers.mayKnock(instant(ms))).filter(Boolean).length;
  assert.deepEqual([0, 100, 199, 200, 399, 400].map(looked), [20, 0, 0, 20, 0, 20]);
});

Deno.test("of a flood the kernel lets in a few, all of the speakers, and counts the others", () => {
  using at = scene(SELF, new Set([SPEAKER, LOOPBACK6]));
  const [speaker, stranger] = [at.open(SPEAKER), at.open(STRANGER)];
  assert.equal(at.comeIn(stranger, 1_000), 1_000, "before it is one");
  at.flood(0);
  const taken = at.comeIn(stranger, 2_000);
  assert.ok(taken > 20 && taken < 400, `${taken} of 2,000`);
  assert.equal(at.comeIn(speaker, 1_000), 1_000);
  assert.equal(at.strangers.takeKeptOut(instant(999)), 0);
  assert.equal(at.strangers.takeKeptOut(instant(1_000)), 2_000 - taken);
  assert.ok(at.comeIn(stranger, 2_000) < 400, "it goes on");
  assert.ok(at.strangers.takeKeptOut(instant(2_000)) > 1_000);
});

Deno.test("once a flood is over all are let in again", () => {
  using at = scene(SELF, new Set([SPEAKER]));
  const stranger = at.open(STRANGER);
  at.flood(0);
  at.comeIn(stranger, 100);
  at.strangers.takeKeptOut(instant(1_000));
  assert.equal(at.comeIn(stranger, 1_000), 1_000);
  assert.equal(at.strangers.takeKeptOut(instant(2_000)), 0);
});

Deno.test("a speaker that joins during a flood is let in from then on, however many there are", () => {
  for (const others of [0, 5_000]) {
    const sources = new Set<Ip>();
    using at = scene(SELF, sources);
    const late = at.open(STRANGER);
    at.flood(0);
    assert.ok(at.comeIn(late, 1_000) < 400);
    for (let count = 0; count < others; count++) sources.add(ip4(0x0a000000 + count));
    sources.add(STRANGER);
    at.strangers.sourcesChanged();
    assert.equal(at.comeIn(late, 1_000), 1_000, `beside ${others}`);
  }
});

Deno.test("by IPv6 a flood is known by its source too", () => {
  for (const [sources, isKnown] of [[[LOOPBACK6, SPEAKER], true], [[SPEAKER], false]] as const) {
    using at = scene(LOOPBACK6, new Set(sources));
    const sender = at.open(LOOPBACK6);
    at.flood(0);
    const taken = at.comeIn(sender, 1_000);
    assert.ok(isKnown ? taken === 1_000 : taken < 400, `${formatIp(LOOPBACK6)}: ${taken}`);
  }
});
