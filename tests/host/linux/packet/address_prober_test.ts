import assert from "node:assert/strict";
import {
  type AddressProber,
  startAddressProber,
  withoutProbes,
} from "../../../../lib/host/linux/packet/address_prober.ts";
import type { Claim } from "../../../../lib/host/linux/packet/claim_listener.ts";
import type { Layer2 } from "../../../../lib/host/linux/packet/layer2.ts";
import type { Mac } from "../../../../lib/net/ethernet.ts";
import { formatIp, type Ip } from "../../../../lib/net/ip.ts";
import { ip4 } from "../../../support/addresses.ts";
import {
  ANNOUNCE_WAIT_MS,
  PROBE_MAX_MS,
  PROBE_WAIT_MS,
  PROBES,
  RETRY_MS,
} from "../../../../lib/speaker/address_probe.ts";
import { virtualClock } from "../../../support/clock.ts";
import { recordedLog } from "../../../support/log.ts";

const VIP = ip4(0x0a4d01dc);
const OTHER = ip4(0x0a4d01dd);
const OWN = 0x0200_0000_0001 as Mac;
const FOREIGN = 0x0200_0000_9907 as Mac;
const WHOLE_MS = PROBE_WAIT_MS + (PROBES - 1) * PROBE_MAX_MS + ANNOUNCE_WAIT_MS;

interface Stage {
  readonly prober: AddressProber;
  readonly layer2: Layer2;
  readonly log: ReturnType<typeof recordedLog>;
  readonly clock: ReturnType<typeof virtualClock>;
  readonly ending: AbortController;
  /** What hosts say; taken by the next look. */
  readonly claims: Claim[];
  /** What was done, in order. */
  readonly done: string[];
  readonly listeners: () => number;
}

function makeStage(refusal?: Error): Stage {
  const done: string[] = [];
  const claims: Claim[] = [];
  const log = recordedLog();
  const clock = virtualClock();
  const ending = new AbortController();
  let listeners = 0;
  const textOf = (ips: readonly Ip[]) => ips.map(formatIp).join(" ");
  const layer2: Layer2 = {
    backend: "socket",
    answersBy: () => "socket",
    leadsToAny: () => true,
    cutOff: () => [],
    addresses: () => undefined,
    setOwned: (ips, quiet) =>
      void done.push(`owns ${textOf(ips)}${quiet.map((ip) => `, ${formatIp(ip)} quietly`)}`),
    announceAgain: () => undefined,
    setFellows: (macs) => void done.push(`fellows ${macs.size}`),
    suspects: () => new Set(),
    strangerHeard: () => undefined,
    leftOut: () => [],
    interfaces: () => [{ name: "eth0", mac: OWN, ifindex: 2 }],
    requireReplyLease: () => undefined,
    replyLease: undefined,
    heldBack: () => undefined,
    conflicts: () => [],
    exportCounters: () => undefined,
    problem: () => undefined,
    workerProblem: () => undefined,
    done: Promise.resolve(),
  };
  const open = () => {
    if (refusal !== undefined) throw refusal;
    listeners++;
    return {
      probe: (ip: Ip) => void done.push(`probes ${formatIp(ip)}`),
      claims: () => claims.splice(0),
      [Symbol.dispose]: () => void listeners--,
    };
  };
  const prober = startAddressProber(
    {
      layer2,
      log,
      clock,
      onTaken: (ip) => void done.push(`taken ${formatIp(ip)}`),
      onVerdict: () => void done.push("verdict"),
    },
    ending.signal,
    open,
  );
  return { prober, layer2, log, clock, ending, claims, done, listeners: () => listeners };
}

Deno.test("an address that nobody has is answered after three probes, and the listener closed", () => {
  const { prober, clock, done, listeners, log } = makeStage();
  prober.setOwned([VIP], []);
  assert.deepEqual(done, ["owns "]);
  assert.equal(listeners(), 1, "it listens before the first probe");
  assert.match(prober.heldBack(VIP) ?? "", /being asked/);
  clock.advance(WHOLE_MS);
  const probe = "probes 10.77.1.220";
  assert.deepEqual(done.slice(1), [
    ...[probe, probe, probe],
    "verdict",
    "owns 10.77.1.220",
  ]);
  assert.equal(prober.heldBack(VIP), undefined);
  assert.equal(listeners(), 0);
  assert.equal(clock.pending(), 0);
  assert.deepEqual(log.messages(), ["nobody else has the address"]);
});

Deno.test("an address that a foreign host has is not answered until that host is gone", () => {
  const { prober, clock, done, claims, log } = makeStage();
  prober.setOwned([VIP], []);
  claims.push({ ip: VIP, mac: FOREIGN });
  clock.advance(WHOLE_MS);
  assert.deepEqual(done.filter((one) => !one.startsWith("probes")), [
    "owns ",
    "taken 10.77.1.220",
    "verdict",
  ]);
  assert.deepEqual(prober.conflicts(), [{ ip: VIP, mac: FOREIGN }]);
  assert.equal(prober.heldBack(VIP), "host 02:00:00:00:99:07 has it");
  assert.equal(log.messages("warn").length, 1);
  clock.advance(RETRY_MS + WHOLE_MS);
  assert.equal(done.at(-1), "owns 10.77.1.220");
});

Deno.test("own frames say nothing; those of a fellow speaker leave it to the election", () => {
  const { prober, clock, done, claims } = makeStage();
  prober.setFellows(new Set([FOREIGN]), new Set());
  prober.setOwned([VIP], []);
  claims.push({ ip: VIP, mac: OWN });
  clock.advance(20);
  assert.equal(done.at(-1), "owns ");
  claims.push({ ip: VIP, mac: FOREIGN });
  clock.advance(20);
  assert.equal(done.at(-1), "owns 10.77.1.220");
});

Deno.test("an address that a speaker holds, or that was resumed, is answered without a probe", () => {
  const { prober, clock, done, listeners } = makeStage();
  prober.setHeld([VIP]);
  prober.setOwned([VIP, OTHER], [], [OTHER]);
  assert.deepEqual(done, ["owns 10.77.1.220 10.77.1.221"]);
  assert.equal(listeners(), 0);
  prober.setFree([VIP]);
  prober.setOwned([], []);
  prober.setOwned([VIP], []);
  assert.equal(done.at(-1), "owns ", "nobody holds it any more");
  clock.advance(WHOLE_MS);
  assert.equal(done.at(-1), "owns 10.77.1.220");
});

Deno.test("without a socket the address is announced as without the probe, and the log says so", () => {
  const { prober, clock, done, log } = makeStage(new Error("no descriptors"));
  prober.setOwned([VIP], []);
  clock.advance(WHOLE_MS);
  assert.equal(done.at(-1), "owns 10.77.1.220");
  assert.ok(log.messages("error").includes("addresses cannot be probed"));
});

Deno.test("the signal ends the listening at once", () => {
  const { prober, clock, done, ending, listeners } = makeStage();
  prober.setOwned([VIP], []);
  ending.abort();
  assert.equal(listeners(), 0);
  clock.advance(WHOLE_MS);
  assert.deepEqual(done, ["owns "]);
});

Deno.test("withoutProbes() answers at once for what it is given, held or not", () => {
  const { done, layer2 } = makeStage();
  const unprobed = withoutProbes(layer2);
  unprobed.setFree([VIP]);
  unprobed.setOwned([VIP], []);
  assert.deepEqual(done, [`owns ${formatIp(VIP)}`]);
  assert.equal(unprobed.heldBack(VIP), undefined);
});

Deno.test("what is left to another stays quiet when a probe of another address ends", async () => {
  const { prober, clock, done } = makeStage();
  prober.setHeld([VIP]);
  prober.setOwned([VIP], []);
  prober.setOwned([VIP, OTHER], [VIP]);
  await clock.elapse(WHOLE_MS);
  const [vip, other] = [formatIp(VIP), formatIp(OTHER)];
  const owns = done.filter((one) => one.startsWith("owns"));
  assert.equal(owns.at(-1), `owns ${vip} ${other}, ${vip} quietly`);
});
