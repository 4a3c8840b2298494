import assert from "node:assert/strict";
import { decodeMessage } from "../../../../lib/bgp/message.ts";
import { formatNotification, type Notification } from "../../../../lib/bgp/notification.ts";
import { advertisedWith } from "../../../../lib/config/advertised.ts";
import { parseConfig } from "../../../../lib/config/parse.ts";
import { startBgp } from "../../../../lib/host/linux/bgp/bgp.ts";
import { createMetrics } from "../../../../lib/host/metrics/metrics.ts";
import { systemClock } from "../../../../lib/host/process/clock.ts";
import { type Ip, parseIp } from "../../../../lib/net/ip.ts";
import { routeWishes } from "../../../../lib/speaker/routes.ts";
import { type BgpSide, establish, talk } from "../../../support/bgp_side.ts";
import { recordedLog } from "../../../support/log.ts";
import { waitFor } from "../../../support/wait.ts";
import { ip4 } from "../../../support/addresses.ts";
import { NO_WORKER } from "../../../support/timekeeper.ts";

const ADDRESS = ip4(0xc0000201);
const NO_LABELS = new Map<string, string>();
const POOL = "address-pools: [{name: p, protocol: bgp, addresses: [192.0.2.0/24]}]";

function config(...peers: readonly string[]) {
  const base = "peer-address: 127.0.0.1, my-asn: 64500, peer-asn: 64501, ebgp-multihop: true";
  const list = peers.map((peer) => `{${base}, ${peer}}`).join(", ");
  const { config: read } = parseConfig(`peers: [${list}]\n${POOL}`, "c");
  assert.ok(read);
  return read;
}

/** All that a configuration makes of an address. */
function told(address: Ip, by = config()) {
  return [address, routeWishes(address, advertisedWith(by, address)?.bgp ?? [])] as const;
}

/** BGP of one node, with a listener on loopback whose messages the test writes. */
function workshop() {
  const stop = new AbortController();
  const log = recordedLog();
  const metrics = createMetrics();
  const counts = { told: 0 };
  const options = {
    nodeName: "n1",
    worker: NO_WORKER,
    log,
    metrics,
    clock: systemClock,
    onTold: () => void counts.told++,
  };
  const bgp = startBgp(options, stop.signal);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return {
    bgp,
    counts,
    log,
    stop,
    metrics,
    port: (listener.addr as Deno.NetAddr).port,
    async session(): Promise<BgpSide> {
      const side = talk(await listener.accept());
      await establish(side);
      return side;
    },
    [Symbol.asyncDispose]: async () => {
      listener.close();
      stop.abort();
      await bgp.done;
    },
  };
}

async function nextUpdate(side: BgpSide): Promise<{ announced: number; withdrawn: number }> {
  const bytes = await side.next() ?? assert.fail("the stream has ended");
  const message = decodeMessage(bytes, { asnBytes: 4, ebgp: true, maxLength: 4096 });
  assert.ok(message.kind === "update", message.kind);
  return { announced: message.nlri.count, withdrawn: message.withdrawn.count };
}

function wordsOf(said: Notification | undefined): string {
  return said === undefined ? "" : formatNotification(said);
}

Deno.test("an announced address is told to the peers of this node, and taken back", async () => {
  await using at = workshop();
  const meant = `peer-port: ${at.port}, node-selectors: [{match-labels: {rack: a}}]`;
  const other = "peer-port: 1, node-selectors: [{match-labels: {rack: b}}]";
  const both = config(meant, other);
  const labels = new Map([["rack", "a"]]);
  at.bgp.update(both, labels, [told(ADDRESS)]);
  assert.deepEqual(at.bgp.status().map(({ peer }) => peer), [`127.0.0.1:${at.port}`]);
  using side = await at.session();
  assert.deepEqual(await nextUpdate(side), { announced: 1, withdrawn: 0 });
  assert.deepEqual(await nextUpdate(side), { announced: 0, withdrawn: 0 }, "the End-of-RIB");
  at.bgp.update(both, labels, [[ADDRESS, []]]);
  assert.deepEqual(await nextUpdate(side), { announced: 0, withdrawn: 1 });
});

Deno.test("routesOf says of each peer whether an address is told to it, or why not", async () => {
  await using at = workshop();
  at.bgp.update(config(`peer-port: ${at.port}`), NO_LABELS, [told(ADDRESS)]);
  const name = `192.0.2.1/32 to 127.0.0.1:${at.port}`;
  assert.deepEqual(at.bgp.routesOf(ADDRESS), [`${name}: the session is not established`]);
  assert.equal(at.bgp.isTold(ADDRESS), false);
  using side = await at.session();
  await nextUpdate(side);
  assert.deepEqual(at.bgp.routesOf(ADDRESS), [`${name}: told`]);
  assert.equal(at.bgp.isTold(ADDRESS), true);
  assert.deepEqual(at.bgp.routesOf(ip4(0xc0000202)), [], "not announced here");
});

Deno.test("isTold() knows an address by any plan of its route, and each change of it is told", async () => {
  await using at = workshop();
  const wide = config(`peer-port: ${at.port}`);
  const other = ip4(0xc0000202);
  const wishOf = (address: Ip) =>
    [
      address,
      told(address, wide)[1].map((wish) => ({
        ...wish,
        prefix: { address: ip4(0xc0000200), length: 24 },
      })),
    ] as const;
  at.bgp.update(wide, NO_LABELS, [wishOf(ADDRESS), wishOf(other)]);
  assert.equal(at.counts.told, 0);
  const side = await at.session();
  await nextUpdate(side);
  await nextUpdate(side);
  assert.deepEqual([at.bgp.isTold(ADDRESS), at.bgp.isTold(other), at.counts.told], [true, true, 1]);
  at.bgp.update(wide, NO_LABELS, [wishOf(ADDRESS)]);
  assert.equal(at.bgp.isTold(ADDRESS), true, "planned anew, and told as before");
  assert.equal(at.counts.told, 1);
  side[Symbol.dispose]();
  await waitFor("the end of the session", () => at.counts.told === 2);
  assert.equal(at.bgp.isTold(ADDRESS), false);
});

Deno.test("an IPv6 route is not told to a peer that takes IPv4 only", async () => {
  await using at = workshop();
  const six = parseIp("2001:db8::1") ?? assert.fail();
  const text = `peers: [{peer-address: 127.0.0.1, peer-port: ${at.port}, my-asn: 64500, ` +
    "peer-asn: 64501, ebgp-multihop: true}]\n" +
    'address-pools: [{name: p, protocol: bgp, addresses: ["2001:db8::/64"]}]';
  const read = parseConfig(text, "c").config ?? assert.fail();
  at.bgp.update(read, NO_LABELS, [told(six, read)]);
  using side = await at.session();
  await nextUpdate(side);
  assert.match(at.bgp.routesOf(six).join(), /: the peer takes no IPv6$/);
});

Deno.test("a peer that leaves the configuration loses its routes, hears 6/3 and is out of the metrics", async () => {
  await using at = workshop();
  at.bgp.update(config(`peer-port: ${at.port}`), NO_LABELS, [told(ADDRESS)]);
  using side = await at.session();
  await nextUpdate(side);
  await nextUpdate(side);
  at.bgp.update(config(), NO_LABELS, []);
  const { kinds, said } = await side.untilEnd();
  assert.deepEqual(kinds, ["update", "notification"]);
  assert.match(wordsOf(said), /^6\/3 /);
  assert.deepEqual(at.bgp.status(), []);
  assert.doesNotMatch(await at.metrics.registry.metrics(), /session_up\{peer=/);
});

Deno.test("a peer whose session changes hears 6/6 and gets another", async () => {
  await using at = workshop();
  at.bgp.update(config(`peer-port: ${at.port}`), NO_LABELS, []);
  using side = await at.session();
  at.bgp.update(config(`peer-port: ${at.port}, hold-time: 30s`), NO_LABELS, []);
  assert.match(wordsOf((await side.untilEnd()).said), /^6\/6 /);
  using again = await at.session();
  await nextUpdate(again);
  assert.equal(at.bgp.status()[0]?.holdTimeMs, 30_000);
  const counted = await at.metrics.registry.metrics();
  assert.match(counted, /opens_sent\{.*\} 2$/m, "the peer is counted on");
});

Deno.test("the choice of nodes and BFD of a peer change beside its session", async () => {
  await using at = workshop();
  at.bgp.update(config(`peer-port: ${at.port}`), NO_LABELS, []);
  using side = await at.session();
  await nextUpdate(side);
  const chosen = `peer-port: ${at.port}, node-selectors: [{match-labels: {rack: a}}]`;
  at.bgp.update(config(chosen), new Map([["rack", "a"]]), [told(ADDRESS)]);
  assert.deepEqual(await nextUpdate(side), { announced: 1, withdrawn: 0 });
});

Deno.test("the signal takes all routes back, then says which node stops; later changes start nothing", async () => {
  await using at = workshop();
  at.bgp.update(config(`peer-port: ${at.port}`), NO_LABELS, [told(ADDRESS)]);
  using side = await at.session();
  await nextUpdate(side);
  await nextUpdate(side);
  at.stop.abort();
  const { kinds, said } = await side.untilEnd();
  side.conn.close();
  assert.deepEqual(kinds, ["update", "notification"]);
  assert.match(wordsOf(said), /^6\/2 .*"herald on n1 is stopping"/);
  await at.bgp.done;
  at.bgp.update(config("peer-port: 1"), NO_LABELS, []);
  assert.equal(at.bgp.status().length, 1, "only the peer that was there");
});

Deno.test("the status of a peer that cannot be reached says why, and when it is tried again", async () => {
  await using at = workshop();
  at.bgp.update(config("peer-port: 1"), NO_LABELS, []);
  const status = await waitFor("the refusal", () => {
    const [one] = at.bgp.status();
    return one?.lastError === undefined ? undefined : one;
  }, { everyMs: 5 });
  assert.match(status.lastError ?? "", /ECONNREFUSED/);
  assert.ok(status.nextAttemptInMs !== undefined && status.nextAttemptInMs <= 1_000);
  assert.deepEqual([status.asn, status.state, status.bfd], [64501, "Idle", undefined]);
});
