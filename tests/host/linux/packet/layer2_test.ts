import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { FakeOutlets } from "./fake_outlets.ts";
import { driveLayer2 } from "../../../../lib/host/linux/packet/layer2.ts";
import { createMetrics } from "../../../../lib/host/metrics/metrics.ts";
import { MAX_ADDRESSES } from "../../../../lib/neighbour/table.ts";
import { formatMac, type Mac } from "../../../../lib/net/ethernet.ts";
import { formatIp, type Ip, ip6 } from "../../../../lib/net/ip.ts";
import { ip4 } from "../../../support/addresses.ts";
import type { Link } from "../../../../lib/netlink/link.ts";
import { JUDGE_MS } from "../../../../lib/speaker/conflicts.ts";
import { REPEAT_MS } from "../../../../lib/speaker/bursts.ts";
import { REPEATS } from "../../../../lib/speaker/layer2.ts";
import { settled, virtualClock } from "../../../support/clock.ts";
import { recordedLog } from "../../../support/log.ts";
import { run } from "../../../support/process.ts";
import { fakeOutlets } from "./fake_outlets.ts";
import { NO_WORKER } from "../../../support/timekeeper.ts";

const VIP = ip4(0x0a4d01dc);
const VIP6 = ip6(0xfd77n << 112n | 0x220n);
const STRANGER = 0x0200_0000_9907 as Mac;

const link = (ifindex: number, part: Partial<Link> = {}): Link => ({
  ifindex,
  name: `eth${ifindex}`,
  mac: 0x0200_0000_0000 + ifindex as Mac,
  up: true,
  running: true,
  broadcast: true,
  noArp: false,
  loopback: false,
  master: undefined,
  kind: undefined,
  sharesCableOf: undefined,
  ...part,
});

function makeStage(outlets: FakeOutlets = fakeOutlets(), interfaces: readonly string[] = []) {
  const log = recordedLog();
  const metrics = createMetrics();
  const clock = virtualClock(10_000);
  const ending = new AbortController();
  const conflicts: string[] = [];
  let judged = 0;
  const driver = driveLayer2(outlets, {
    worker: NO_WORKER,
    backend: "auto",
    interfaces,
    log,
    metrics,
    clock,
    onConflict: (ip, mac) => conflicts.push(`${formatIp(ip)} ${formatMac(mac)}`),
    onInterfaces: () => judged++,
    ownAddresses: () => [{ ip: ip4(0x0a4d010b), length: 24, interface: "eth2" }],
  }, ending.signal);
  return {
    ...driver,
    log,
    metrics,
    clock,
    ending,
    conflicts,
    judged: () => judged,
    /** What was done since the last question. */
    done: () => outlets.done.splice(0),
  };
}

Deno.test("an address is answered on every interface at once, and announced again and again", () => {
  const { layer2, onLinks, clock, done, log, judged } = makeStage();
  onLinks([link(2), link(3, { up: false })]);
  assert.deepEqual(done(), ["on 2", "looks for groups", "joins for 0 on 2"]);
  assert.equal(judged(), 1);
  assert.deepEqual(layer2.interfaces(), [{ name: "eth2", mac: link(2).mac, ifindex: 2 }]);
  layer2.setOwned([VIP], []);
  const announced = "announces 10.77.1.220 on 2";
  assert.deepEqual(done(), ["joins for 1 on 2", "owns 10.77.1.220", announced]);
  clock.advance(REPEAT_MS);
  assert.deepEqual(done(), [announced]);
  clock.advance(60_000);
  assert.equal(done().length, REPEATS - 2, "in all as often as the series is long");
  assert.equal(clock.pending(), 0);
  layer2.announceAgain([VIP]);
  assert.deepEqual(done(), [announced]);
  assert.deepEqual(log.messages(), ["interface answers ARP and NDP"]);
});

Deno.test("a quiet address is answered and not announced", () => {
  const { layer2, onLinks, clock, done } = makeStage();
  onLinks([link(2)]);
  layer2.setOwned([VIP], [VIP]);
  clock.advance(60_000);
  assert.deepEqual(done().filter((one) => one.startsWith("announces")), []);
});

Deno.test("nothing is done any more once the signal has fired", () => {
  const { layer2, onLinks, clock, done, ending } = makeStage();
  onLinks([link(2)]);
  layer2.setOwned([VIP], []);
  done();
  ending.abort();
  layer2.setOwned([], []);
  clock.advance(60_000);
  assert.deepEqual(done(), []);
});

Deno.test("the kernel falls silent before the socket, and what answers is told of each interface", () => {
  const outlets = fakeOutlets({ withKernel: true });
  const { layer2, onLinks, done, log } = makeStage(outlets);
  assert.equal(layer2.backend, "ebpf");
  assert.deepEqual(layer2.replyLease?.mapFd, 7);
  onLinks([link(2)]);
  const held = ["kernel on 2", "looks for groups", "joins for 0 on 2"];
  assert.deepEqual(done(), ["on 2", "kernel on 2", ...held]);
  layer2.setOwned([VIP], [VIP]);
  assert.deepEqual(done(), ["joins for 1 on 2", "owns 10.77.1.220", "kernel owns 10.77.1.220"]);
  layer2.setOwned([], []);
  assert.deepEqual(done()[0], "kernel owns ");
  layer2.setOwned([VIP], [VIP]);
  done();
  outlets.failing.set(3, new Error("no room"));
  onLinks([link(2), link(3)]);
  assert.deepEqual([2, 3].map(layer2.answersBy), ["ebpf", "socket"]);
  assert.deepEqual(log.lines.findLast(({ level }) => level === "warn")?.fields, {
    interface: 3,
    error: "no room",
  });
});

Deno.test("solicited-node groups are joined on what leads to the LAN, and on pods' pairs only without it", () => {
  const { layer2, onLinks, done } = makeStage();
  layer2.setOwned([VIP6], [VIP6]);
  onLinks([link(2), link(9, { kind: "veth" })]);
  const joined = () => done().findLast((one) => one.startsWith("joins"));
  assert.equal(joined(), "joins for 1 on 2");
  onLinks([link(9, { kind: "veth" })]);
  assert.equal(joined(), "joins for 1 on 9");
});

Deno.test("interfaces of containers do not answer, get no program and no group, and are named", () => {
  const { layer2, onLinks, done, log } = makeStage(fakeOutlets({ withKernel: true }));
  const names = ["cni0", "cali1", "lxc2", "flannel.1", "docker0"];
  onLinks([link(2), ...names.map((name, at) => link(at + 3, { name }))]);
  layer2.setOwned([VIP, VIP6], []);
  assert.deepEqual(done().filter((one) => /on (?!2$)/.test(one)), []);
  assert.deepEqual(layer2.interfaces().map(({ name }) => name), ["eth2"]);
  assert.deepEqual(layer2.leftOut(), [...names].sort());
  assert.deepEqual(log.messages(), ["interface answers ARP and NDP"]);
});

Deno.test("interfaces that patterns shut out do not answer; one that goes is told of", () => {
  const { onLinks, done, log, metrics } = makeStage(fakeOutlets(), ["eth*"]);
  onLinks([link(2), link(3, { name: "cni0" })]);
  assert.equal(done()[0], "on 2");
  onLinks([]);
  assert.deepEqual(log.messages(), ["interface answers ARP and NDP", "interface answers no more"]);
  return metrics.registry.getSingleMetricAsString("herald_layer2_interfaces").then((text) =>
    assert.match(text, /interfaces 0$/m)
  );
});

Deno.test("layer 2 knows this machine's addresses, and whether an interface that answers leads to others", () => {
  const { layer2, onLinks } = makeStage();
  const range = { first: VIP, last: VIP, text: "" };
  assert.deepEqual([layer2.addresses(), layer2.leadsToAny([range])], [undefined, false]);
  onLinks([link(2), link(3)]);
  assert.deepEqual(layer2.addresses(), new Set([ip4(0x0a4d010b)]));
  assert.equal(layer2.leadsToAny([range]), true);
  onLinks([link(2, { running: false }), link(3)]);
  assert.equal(layer2.leadsToAny([range]), false, "eth3 answers and leads elsewhere");
});

Deno.test("a conflict is defended once within its interval, and told to people once a minute", () => {
  const { layer2, onLinks, onConflict, done, clock, conflicts, log } = makeStage();
  onLinks([link(2)]);
  layer2.setOwned([VIP], []);
  clock.advance(60_000);
  done();
  const claim = { ip: VIP as Ip, mac: STRANGER, ifindex: 2 };
  onConflict(claim);
  onConflict(claim);
  assert.deepEqual(done(), ["announces 10.77.1.220 on 2"]);
  assert.deepEqual(conflicts, [], "it may be a fellow that nobody told of yet");
  clock.advance(JUDGE_MS);
  assert.deepEqual(conflicts, ["10.77.1.220 02:00:00:00:99:07"]);
  assert.deepEqual(layer2.conflicts(), [{ ip: VIP, mac: STRANGER }]);
  assert.equal(log.lines.findLast(({ level }) => level === "warn")?.fields.interface, "eth2");
  clock.advance(60_000);
  onConflict(claim);
  clock.advance(JUDGE_MS);
  assert.equal(conflicts.length, 2);
});

Deno.test("own frames and those of fellow speakers are no conflict to tell of", () => {
  const { layer2, onLinks, onConflict, clock, conflicts } = makeStage();
  const late = STRANGER + 1 as Mac;
  onLinks([link(2)]);
  layer2.setFellows(new Set([STRANGER]), new Set());
  layer2.setOwned([VIP], []);
  onConflict({ ip: VIP, mac: link(2).mac ?? assert.fail(), ifindex: 2 });
  onConflict({ ip: VIP, mac: STRANGER, ifindex: 2 });
  onConflict({ ip: VIP, mac: late, ifindex: 2 });
  layer2.setFellows(new Set([STRANGER, late]), new Set());
  clock.advance(JUDGE_MS);
  assert.deepEqual(conflicts, []);
});

Deno.test("what cannot be sent or joined is logged; more addresses than fit are cut", async () => {
  const outlets = fakeOutlets();
  outlets.refusal = new Error("interface down");
  outlets.unjoined = 3;
  const { layer2, onLinks, log, done } = makeStage(outlets);
  onLinks([link(2)]);
  layer2.setOwned(Array.from({ length: MAX_ADDRESSES + 1 }, (_, index) => ip4(index + 1)), []);
  assert.equal(layer2.heldBack(ip4(MAX_ADDRESSES)), undefined);
  assert.match(layer2.heldBack(ip4(MAX_ADDRESSES + 1)) ?? "", /no more fit/);
  await settled();
  assert.ok(log.messages("debug").includes("gratuitous frame not sent"));
  assert.ok(log.messages("debug").includes("solicited-node groups not joined"));
  assert.deepEqual(log.messages("error"), ["too many addresses for one node"]);
  assert.ok(done().includes(`joins for ${MAX_ADDRESSES} on 2`));
});

Deno.test("a Worker that ended is a problem that only a new process mends", () => {
  const outlets = fakeOutlets();
  const { layer2 } = makeStage(outlets);
  assert.deepEqual([layer2.problem(), layer2.workerProblem()], [undefined, undefined]);
  outlets.fault = "herald-arp does not answer";
  assert.equal(layer2.problem(), outlets.fault);
  assert.equal(layer2.workerProblem(), outlets.fault);
});

Deno.test("startLayer2() without CAP_NET_RAW stays up with layer 2 off, until the signal fires", async () => {
  const url = (path: string) => new URL(`../../../../${path}`, import.meta.url).href;
  const program = `
    import { startLayer2 } from "${url("lib/host/linux/packet/layer2.ts")}";
    import { createMetrics } from "${url("lib/host/metrics/metrics.ts")}";
    import { systemClock } from "${url("lib/host/process/clock.ts")}";
    const log = { error: (fields, text) => console.log(text, fields.error) };
    const ending = new AbortController();
    const layer2 = await startLayer2({
      worker: undefined, backend: "auto", interfaces: [], log,
      metrics: createMetrics(), clock: systemClock, onConflict() {}, onInterfaces() {},
    }, ending.signal);
    layer2.setOwned([1], []);
    console.log(layer2.backend, layer2.interfaces().length, layer2.workerProblem());
    ending.abort();
    await layer2.done;`;
  const config = fileURLToPath(new URL("../../../../deno.json", import.meta.url));
  const { stdout } = await run("setpriv", [
    "--bounding-set=-net_raw",
    ...[Deno.execPath(), "eval", "--quiet", "--config", config, program],
  ]);
  assert.match(stdout, /^layer 2 is off Missing capability CAP_NET_RAW .*\noff 0 undefined\n$/);
});

// startLayer2() with the kernel's own outlets is in the LAN tests.
