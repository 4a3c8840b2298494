import assert from "node:assert/strict";
import type { Notice } from "../../../lib/heartbeat/packet.ts";
import { startHandover } from "../../../lib/host/speaker/handover.ts";
import type { KeptPlan } from "../../../lib/host/speaker/plans.ts";
import type { Mac } from "../../../lib/net/ethernet.ts";
import { formatIp, type Ip } from "../../../lib/net/ip.ts";
import { precedes } from "../../../lib/speaker/election.ts";
import { LEAVE_MS, LINGER_MS } from "../../../lib/speaker/ownership.ts";
import type { SpeakerView } from "../../../lib/speaker/view.ts";
import { ip, ips } from "../../controller/fixture.ts";
import { settled } from "../../support/clock.ts";
import { speakerView } from "../../support/facts.ts";
import { bgpPlan, layer2Plan, MAC, speakerContext } from "./parts.ts";

const VIP = "10.77.1.1";
const OTHER_MAC = MAC + 1 as Mac;
const texts = (addresses: Iterable<Ip>) => [...addresses].map(formatIp).join();

function bench(...fellows: string[]) {
  const interfaces = [{ name: "eth0", mac: MAC, ifindex: 2 }];
  const { clock, metrics, signal, stop } = speakerContext();
  const heard = new Set(fellows);
  const notices: Notice[] = [];
  const layer2: string[] = [];
  const holders: string[] = [];
  const macs: Mac[][] = [];
  const pending: (() => void)[] = [];
  const answers = { count: 0 };
  const handover = startHandover({
    nodeName: "node1",
    layer2: {
      setOwned: (owned, quiet) =>
        void layer2.push(
          `answer ${texts(owned)}${quiet.length > 0 ? ` quiet ${texts(quiet)}` : ""}`,
        ),
      announceAgain: (again) => void layer2.push(`again ${texts(again)}`),
      setFellows: (set) => void macs.push([...set]),
      strangerHeard: () => void holders.push("stranger heard"),
      interfaces: () => interfaces,
      setHeld: (held) => void (held.length > 0 && holders.push(`held ${texts(held)}`)),
      setFree: (free) => void (free.length > 0 && holders.push(`free ${texts(free)}`)),
    },
    fellows: {
      heard: () => heard,
      notify(notice) {
        notices.push(notice);
        return new Promise((resolve) => pending.push(resolve));
      },
    },
    clock,
    metrics: metrics.gossip,
    onAnswer: () => void answers.count++,
  }, signal);
  const all = new Map<Ip, KeptPlan>();
  return {
    answers,
    clock,
    handover,
    heard,
    interfaces,
    macs,
    stop,
    /** Since the last look. */
    notices: () => notices.splice(0),
    layer2: () => layer2.splice(0),
    holders: () => holders.splice(0),
    settleNotices: () => pending.splice(0).forEach((settle) => settle()),
    /** New plans come, as the desk hands them on. */
    plan(changed: readonly KeptPlan[], gone: readonly KeptPlan[] = []) {
      for (const { ip } of gone) all.delete(ip);
      for (const plan of changed) all.set(plan.ip, plan);
      handover.update(viewWith(["node1", ...heard]), { all, changed, gone });
    },
  };
}

function viewWith(live: readonly string[]): SpeakerView {
  return speakerView({ liveSpeakers: new Set(live) });
}

/** An address for which that node comes before the other. */
function salted(first: string, second: string): string {
  for (let last = 1; last < 255; last++) {
    if (precedes(first, second, `10.77.1.${last}`)) return `10.77.1.${last}`;
  }
  return assert.fail("no such address");
}

Deno.test("a handover answers for what is planned here and claims it", () => {
  const { answers, handover, layer2, notices, plan } = bench("node2");
  assert.equal(handover.silence(ip(VIP)), "this node does not claim it now");
  plan([layer2Plan(VIP, "node1"), layer2Plan("10.77.1.2", "node2")]);
  assert.deepEqual([answers.count, handover.silence(ip(VIP))], [1, undefined]);
  assert.deepEqual(layer2(), [`answer ${VIP}`]);
  assert.deepEqual(notices(), [{ what: "claim", ips: ips(VIP), macs: [MAC] }]);
  assert.deepEqual(handover.answering(), ips(VIP));
});

Deno.test("a handover has nothing to do with addresses of BGP", () => {
  const { holders, layer2, notices, plan } = bench();
  plan([bgpPlan(VIP)]);
  assert.deepEqual([layer2(), notices()], [[], []]);
  assert.deepEqual(holders(), [`free ${VIP}`]);
});

Deno.test("an old owner answers until the new one claims, and then falls silent", () => {
  const { handover, layer2, notices, plan } = bench("node2");
  plan([layer2Plan(VIP, "node1")]);
  layer2();
  notices();
  plan([layer2Plan(VIP, "node2")]);
  assert.deepEqual(layer2(), [`answer ${VIP} quiet ${VIP}`]);
  assert.deepEqual(notices(), [{ what: "release", ips: ips(VIP) }]);
  handover.onNotice("node2", { what: "claim", ips: ips(VIP), macs: [OTHER_MAC] });
  assert.deepEqual(layer2(), ["answer "]);
});

Deno.test("an old owner that hears no claim falls silent by itself", async () => {
  const { clock, layer2, plan } = bench("node2");
  plan([layer2Plan(VIP, "node1")]);
  plan([layer2Plan(VIP, "node2")]);
  layer2();
  await clock.elapse(LINGER_MS - 1);
  assert.deepEqual(layer2(), []);
  await clock.elapse(1);
  assert.deepEqual(layer2(), ["answer "]);
});

Deno.test("fellows that are gone count before the plans: nothing is left to them", () => {
  const { heard, layer2, plan } = bench("node2");
  plan([layer2Plan(VIP, "node1")]);
  layer2();
  heard.delete("node2");
  plan([layer2Plan(VIP, "node2")]);
  assert.deepEqual(layer2(), ["answer "], "no claim of node2 would ever be heard");
});

Deno.test("a node that joins running speakers takes every address for held", () => {
  const among = bench("node2");
  among.plan([layer2Plan(VIP, "node1")]);
  assert.deepEqual(among.holders(), [`held ${VIP}`, `held ${VIP}`]);
  among.plan([layer2Plan("10.77.1.2", "node1")]);
  assert.deepEqual(among.holders(), ["held 10.77.1.2"], "only with its first plans");
  const alone = bench();
  alone.plan([layer2Plan(VIP, undefined)], [layer2Plan("10.77.1.3", "node1")]);
  assert.deepEqual(alone.holders(), [`free 10.77.1.3,${VIP}`]);
});

Deno.test("a claim tells whose hardware addresses are no conflict, and that an address is held", () => {
  const { handover, holders, macs } = bench("node2", "node3");
  const claim = (from: string, claimed: readonly Mac[]) =>
    handover.onNotice(from, { what: "claim", ips: ips(VIP), macs: claimed });
  claim("node2", [OTHER_MAC]);
  claim("node3", [OTHER_MAC + 1 as Mac]);
  claim("node3", []);
  assert.deepEqual(macs, [[OTHER_MAC], [OTHER_MAC, OTHER_MAC + 1]]);
  assert.deepEqual(holders(), Array(3).fill(`held ${VIP}`));
});

Deno.test("of two that claim, the one that comes first tells the other again", () => {
  const mine = salted("node1", "node2");
  const first = bench("node2");
  first.plan([layer2Plan(mine, "node1")]);
  first.layer2();
  first.notices();
  first.handover.onNotice("node2", { what: "claim", ips: ips(mine), macs: [] });
  assert.deepEqual(first.layer2(), [`again ${mine}`]);
  assert.deepEqual(first.notices().map(({ what }) => what), ["claim"]);
  const theirs = salted("node2", "node1");
  const second = bench("node2");
  second.plan([layer2Plan(theirs, "node1")]);
  second.layer2();
  second.handover.onNotice("node2", { what: "claim", ips: ips(theirs), macs: [] });
  assert.deepEqual(second.layer2(), ["answer "]);
});

Deno.test("a fellow that is heard again learns what this node claims", () => {
  const { handover, notices, plan } = bench("node2");
  handover.tellClaims();
  assert.deepEqual(notices(), [{ what: "claim", ips: [], macs: [MAC] }], "its frames are known");
  plan([layer2Plan(VIP, "node1")]);
  notices();
  handover.tellClaims();
  assert.deepEqual(notices(), [{ what: "claim", ips: ips(VIP), macs: [MAC] }]);
});

Deno.test("fellows learn new hardware addresses with the change, and each once", () => {
  const { handover, interfaces, notices, plan } = bench("node2");
  plan([layer2Plan(VIP, "node1")]);
  notices();
  handover.interfacesChanged();
  assert.deepEqual(notices(), [], "they know them");
  interfaces.push({ name: "eth0.7", mac: MAC, ifindex: 3 });
  handover.interfacesChanged();
  assert.deepEqual(notices(), [], "a VLAN has those of its interface");
  interfaces.push({ name: "eth1", mac: OTHER_MAC, ifindex: 4 });
  handover.interfacesChanged();
  assert.deepEqual(notices(), [{ what: "claim", ips: ips(VIP), macs: [MAC, OTHER_MAC] }]);
});

Deno.test("after a reset nothing is answered until all plans come again", () => {
  const { handover, layer2, plan } = bench("node2");
  plan([layer2Plan(VIP, "node1"), layer2Plan("10.77.1.2", "node2")]);
  layer2();
  handover.reset();
  assert.deepEqual(layer2(), ["answer "]);
  assert.deepEqual(handover.answering(), []);
  plan([]);
  assert.deepEqual(layer2(), [`answer ${VIP}`], "the plans did not change meanwhile");
});

Deno.test("leave() answers until the others have claimed", async () => {
  const { clock, handover, layer2, notices, plan, settleNotices } = bench("node2");
  plan([layer2Plan(VIP, "node1")]);
  notices();
  layer2();
  let left = false;
  const leaving = handover.leave().then(() => left = true);
  assert.deepEqual(notices(), [{ what: "leaving" }]);
  settleNotices();
  await clock.elapse(5);
  assert.equal(left, false);
  assert.deepEqual(handover.answering(), [ip(VIP)]);
  handover.onNotice("node2", { what: "claim", ips: ips(VIP), macs: [] });
  await clock.elapse(1);
  assert.equal(left, true);
  await leaving;
});

Deno.test("leave() waits a second and a half for a claim at most, and not at all where nobody takes over", async () => {
  const among = bench("node2");
  among.plan([layer2Plan(VIP, "node1")]);
  let left = false;
  void among.handover.leave().then(() => left = true);
  among.settleNotices();
  await among.clock.elapse(LEAVE_MS - 1);
  assert.equal(left, false);
  await among.clock.elapse(2);
  assert.equal(left, true);
  const alone = bench();
  alone.plan([layer2Plan(VIP, "node1")]);
  const leaving = alone.handover.leave();
  alone.settleNotices();
  await leaving;
});

Deno.test("a handover is silent once the signal has fired, and leave() waits no longer", async () => {
  const { clock, handover, layer2, plan, settleNotices, stop } = bench("node2");
  plan([layer2Plan(VIP, "node1")]);
  layer2();
  const leaving = handover.leave();
  settleNotices();
  await settled();
  layer2();
  stop.abort();
  await leaving;
  handover.onNotice("node2", { what: "claim", ips: ips(VIP), macs: [] });
  assert.deepEqual(layer2(), []);
  assert.equal(clock.pending(), 0);
});

Deno.test("a handover knows addresses that it gives to a fellow which does not claim them", () => {
  const { clock, handover, notices, plan } = bench("node2");
  plan([layer2Plan(VIP, "node2"), layer2Plan("10.77.1.2", "node2")]);
  handover.onNotice("node2", { what: "claim", ips: ips("10.77.1.2"), macs: [] });
  assert.ok(handover.nextUnclaimed() !== undefined);
  clock.advance(10_000);
  assert.deepEqual([...handover.unclaimed()], [["node2", ips(VIP)]]);
  assert.equal(handover.nobodys(false).size, 0);
  assert.deepEqual(notices(), [{ what: "release", ips: ips(VIP) }], "the others are told");
  handover.onNotice("node2", { what: "release", ips: ips(VIP) });
  assert.deepEqual([...handover.nobodys(false)], [[ip(VIP), new Set(["node2"])]]);
  plan([layer2Plan(VIP, "node1")]);
  assert.deepEqual([...handover.nobodys(false)], [[ip(VIP), "kept"]]);
  plan([layer2Plan(VIP, "node2")]);
  handover.onNotice("node2", { what: "claim", ips: ips(VIP), macs: [] });
  assert.deepEqual([...handover.unclaimed()], []);
});

Deno.test("F7: a handover's fellows are Herald's speakers by their claims, and MetalLB's beside", () => {
  const { handover, macs } = bench("node2");
  handover.setMacsBeside([7 as Mac]);
  handover.onNotice("node2", { what: "claim", ips: [], macs: [OTHER_MAC] });
  assert.deepEqual(macs.at(-1), [OTHER_MAC, 7 as Mac]);
});
