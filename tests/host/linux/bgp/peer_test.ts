import assert from "node:assert/strict";
import { EPOLL } from "../../../../ffi/epoll.ts";
import { openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { STREAM } from "../../../../ffi/tcp.ts";
import { decodeMessage, encodeKeepalive, encodeNotification } from "../../../../lib/bgp/message.ts";
import { notification, shutdown } from "../../../../lib/bgp/notification.ts";
import { createRib } from "../../../../lib/bgp/rib.ts";
import { startPeer } from "../../../../lib/host/linux/bgp/peer.ts";
import { createPeerRecord } from "../../../../lib/host/linux/bgp/record.ts";
import { startEventLoop } from "../../../../lib/host/linux/bgp/event_loop.ts";
import { systemClock } from "../../../../lib/host/process/clock.ts";
import { createMetrics } from "../../../../lib/host/metrics/metrics.ts";
import type { Peer } from "../../../../lib/config/types.ts";
import { bytesOf, VECTORS } from "../../../bgp/vectors.ts";
import { type BgpSide, establish, talk, THEIR_OPEN } from "../../../support/bgp_side.ts";
import { waitFor } from "../../../support/wait.ts";
import { ip4 } from "../../../support/addresses.ts";
import { logOf, SILENT_LOG } from "../../../support/log.ts";

const LOOPBACK = ip4(0x7f000001);
const PEER: Peer = {
  myAsn: 64500,
  peerAsn: 64501,
  peerAddress: LOOPBACK,
  peerPort: 0,
  holdTimeMs: 90_000,
  keepaliveTimeMs: 30_000,
  ebgpMultihop: true,
  ttlSecurity: false,
  gracefulRestart: false,
  nodeSelectors: [],
};
/** Herald's side with a listener on loopback whose answers the test writes. */
function workshop(part: Partial<Peer> = {}) {
  const libc = openLibc({ ...SOCKET, ...POLL, ...STREAM, ...EPOLL });
  const stop = new AbortController();
  const loop = startEventLoop(libc, stop.signal);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const lines: string[] = [];
  const note = (fields: Record<string, unknown>, text: string) =>
    lines.push(`${text} ${fields.reason ?? ""}`);
  const log = logOf({ info: note, warn: note, error: note });
  const record = createPeerRecord("peer", {
    log,
    metrics: createMetrics().bgp,
    clock: systemClock,
  });
  const rib = createRib();
  const peer = startPeer({
    peer: { ...PEER, peerPort: (listener.addr as Deno.NetAddr).port, ...part },
    name: "peer",
    nodeName: "n1",
    libc,
    loop,
    clock: systemClock,
    rib,
    record,
    onTold: () => undefined,
  });
  return {
    peer,
    rib,
    record,
    lines,
    accept: async () => talk(await listener.accept()),
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await peer.stop(undefined);
      stop.abort();
      await loop.done;
      libc[Symbol.dispose]();
    },
  };
}

const FAULTS: readonly (readonly [string, Uint8Array, string])[] = [
  ["a marker of zeros", new Uint8Array(19), "1/1"],
  ["a length of 4,097", bytesOf(`${"ff".repeat(16)}100102`), "1/2"],
  ["message type 9", bytesOf(`${"ff".repeat(16)}001309`), "1/3"],
  ["an UPDATE whose lists go past the end", bytesOf(`${"ff".repeat(16)}00170200ff0000`), "3/1"],
  ["a second OPEN", THEIR_OPEN, "5/3"],
];

for (const [what, bytes, wanted] of FAULTS) {
  Deno.test(`B3: ${what} is told once with ${wanted}, then the stream ends without a reset`, async () => {
    await using at = workshop();
    using side = await at.accept();
    await establish(side);
    // Input that nobody reads any more would make the kernel reset the connection.
    await side.send(bytes, new Uint8Array(50_000));
    const { kinds, said } = await side.untilEnd();
    assert.equal(`${said?.code}/${said?.subcode}`, wanted);
    assert.equal(kinds.filter((kind) => kind === "notification").length, 1);
  });
}

Deno.test("B11: an OPEN with another AS gets 2/2 and no UPDATE", async () => {
  await using at = workshop({ peerAsn: 64999 });
  at.rib.set({ address: ip4(0x0a000009), length: 32 }, {
    localPref: 0,
    communities: [],
    largeCommunities: [],
  });
  using side = await at.accept();
  await side.next();
  await side.send(THEIR_OPEN);
  const { kinds, said } = await side.untilEnd();
  assert.deepEqual([kinds, said?.code, said?.subcode], [["notification"], 2, 2]);
  await waitFor("the log", () => at.lines.some((line) => /64501.*peer-asn 64999/.test(line)));
});

Deno.test("2.6-4: one byte at a time makes a session; its messages are counted", async () => {
  await using at = workshop();
  using side = await at.accept();
  await side.next();
  for (const byte of [...THEIR_OPEN, ...encodeKeepalive()]) await side.send(Uint8Array.of(byte));
  await waitFor("the session", () => at.record.status().state === "Established");
  assert.equal(at.record.status().messagesReceived, 2);
});

Deno.test("2.6-10: a flood of routes is counted and forgotten, the session goes on", async () => {
  await using at = workshop();
  using side = await at.accept();
  await establish(side);
  const update = bytesOf(VECTORS.find(({ name }) => name === "frr/ibgp-ipv4/update-2")?.hex ?? "");
  const many = Uint8Array.from(Array.from({ length: 500 }, () => [...update]).flat());
  const reading = (async () => {
    while (await side.next() !== undefined);
  })();
  for (let turn = 0; turn < 20; turn++) {
    for (let at = 0; at < many.length;) at += await side.conn.write(many.subarray(at));
  }
  await waitFor("10,000 routes", () => at.record.status().prefixesReceived === 10_000);
  assert.equal(at.record.status().state, "Established");
  assert.ok(at.lines.length < 20, "a line for each cause, not for each message");
  side.conn.close();
  await reading.catch(() => undefined);
});

Deno.test("B2: a peer that accepts and closes is tried with growing pauses and told of once", async () => {
  await using at = workshop();
  for (let turn = 0; turn < 2; turn++) {
    using side = await at.accept();
    side.conn.close();
    const before = performance.now();
    await waitFor("the pause", () => (at.peer.retryAt() ?? 0) > before, { everyMs: 5 });
  }
  await waitFor("a growing pause", () => (at.peer.retryAt() ?? 0) - performance.now() > 1000);
  assert.equal(at.lines.filter((line) => /not established/.test(line)).length, 1);
});

Deno.test("2.6-9: a refresh is answered between its marks, at most once a second", async () => {
  await using at = workshop();
  at.rib.set({ address: ip4(0x0a000009), length: 32 }, {
    localPref: 0,
    communities: [],
    largeCommunities: [],
  });
  using side = await at.accept();
  await establish(side);
  await side.next(); // the route
  await side.next(); // its End-of-RIB
  const ask = bytesOf(`${"ff".repeat(16)}00170500010001`);
  await side.send(ask, ask, ask);
  const kinds: string[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const message = decodeMessage(await side.next() ?? assert.fail(), {
      asnBytes: 4,
      ebgp: true,
      maxLength: 4096,
    });
    kinds.push(message.kind === "route-refresh" ? `mark ${message.subtype}` : message.kind);
  }
  assert.deepEqual(kinds, ["mark 1", "update", "mark 2"]);
  await side.send(encodeNotification(notification(6, 4)));
  assert.deepEqual((await side.untilEnd()).kinds, [], "the other two requests came too soon");
  await waitFor(
    "the reason",
    () => /administrative reset/.test(at.record.status().lastError ?? ""),
  );
});

Deno.test("B7: a peer that does not read holds back its own routes only, one value for each", async () => {
  await using at = workshop();
  using side = await at.accept();
  await establish(side);
  const attributes = (turn: number) => ({
    localPref: 0,
    communities: Array.from({ length: 60 }, (_, index) => turn * 100 + index),
    largeCommunities: [],
  });
  for (let turn = 0; turn < 100; turn++) {
    const changed = Array.from(
      { length: 1000 },
      (_, index) =>
        at.rib.set(
          { address: ip4(0x0a000000 + index), length: 32 },
          attributes(turn * 1000 + index),
        ),
    )
      .filter((one) => one !== undefined);
    at.peer.touch(changed);
  }
  const { prefixesPending } = at.record.status();
  assert.ok(prefixesPending > 0 && prefixesPending <= 1000, `${prefixesPending}`);
  let last = 0;
  while (at.record.status().prefixesPending > 0 || last < 1000) {
    const bytes = await side.next();
    assert.ok(bytes);
    const message = decodeMessage(bytes, { asnBytes: 4, ebgp: true, maxLength: 4096 });
    const said = message.kind === "update" &&
      message.attributes.find((one) => one.kind === "communities");
    if (said && (said.communities[0] ?? 0) >= 99 * 100_000) last++;
  }
  assert.equal(at.record.status().prefixesSent, 1000);
});

Deno.test("B4: stopping takes the routes back, then says 6/2 with the reason", async () => {
  await using at = workshop();
  at.rib.set({ address: ip4(0x0a000009), length: 32 }, {
    localPref: 0,
    communities: [],
    largeCommunities: [],
  });
  using side = await at.accept();
  await establish(side);
  await waitFor("the route", () => at.record.status().prefixesSent === 1);
  at.peer.withdrawAll();
  const stopped = at.peer.stop(shutdown(2, "bye"));
  const { kinds, said } = await side.untilEnd();
  side.conn.close();
  await stopped;
  assert.deepEqual(kinds, ["update", "update", "update", "notification"]);
  assert.deepEqual([said?.code, said?.subcode], [6, 2]);
});

Deno.test("a password file that is not there is a clear reason, and no crash", async () => {
  await using at = workshop({ passwordFile: "/nonexistent/key" });
  await waitFor(
    "the reason",
    () => at.lines.some((line) => /password-file \/nonexistent\/key cannot be used/.test(line)),
  );
});

Deno.test("a hundred peers share one loop: each has its session, its routes, and its end", async () => {
  const libc = openLibc({ ...SOCKET, ...POLL, ...STREAM, ...EPOLL });
  const stop = new AbortController();
  const loop = startEventLoop(libc, stop.signal);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const rib = createRib();
  const metrics = createMetrics();
  const peerPort = (listener.addr as Deno.NetAddr).port;
  const peers = Array.from({ length: 100 }, (_, index) => {
    const name = `peer ${index}`;
    const record = createPeerRecord(name, {
      log: SILENT_LOG,
      metrics: metrics.bgp,
      clock: systemClock,
    });
    return startPeer({
      peer: { ...PEER, peerPort },
      name,
      nodeName: "n1",
      libc,
      loop,
      clock: systemClock,
      rib,
      record,
      onTold: () => undefined,
    });
  });
  const sides: BgpSide[] = [];
  while (sides.length < peers.length) sides.push(talk(await listener.accept()));
  await Promise.all(sides.map(establish));
  await waitFor(
    "100 sessions",
    () => peers.every(({ record }) => record.status().state === "Established"),
  );
  const prefix = rib.set({ address: ip4(0x0a000009), length: 32 }, {
    localPref: 0,
    communities: [],
    largeCommunities: [],
  });
  for (const peer of peers) peer.touch(prefix ? [prefix] : []);
  const ends = sides.map((side) => side.untilEnd());
  const stopped = peers.map((peer) => peer.stop(shutdown(2, "bye")));
  for (const { kinds, said } of await Promise.all(ends)) {
    // The End-of-RIB of the session's one family, the route, the farewell.
    assert.deepEqual([kinds, said?.subcode], [["update", "update", "notification"], 2]);
  }
  for (const side of sides) side[Symbol.dispose]();
  await Promise.all(stopped);
  stop.abort();
  await loop.done;
  libc[Symbol.dispose]();
});
