import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { ARP_REPLY, ARP_REQUEST, type ArpPacket } from "../../lib/arp/packet.ts";
import type { NdpPacket } from "../../lib/ndp/packet.ts";
import type { Mac } from "../../lib/net/ethernet.ts";
import { type Ip, ip6 } from "../../lib/net/ip.ts";
import {
  type AddressProbeAction,
  type AddressProbeEvent,
  claimOfArp,
  claimOfNdp,
  createAddressProbe,
  heldBack,
  nextDeadline,
  passed,
  PROBE_WAIT_MS,
  RETRY_MS,
  step,
  taken,
} from "../../lib/speaker/address_probe.ts";
import { JUDGE_MS } from "../../lib/speaker/conflicts.ts";
import { seededRandom } from "../support/random.ts";
import { ip4 } from "../support/addresses.ts";

const VIP = ip4(0x0a4d01dc);
const OTHER = ip4(0x0a4d01dd);
const FOREIGN = 0x0200_0000_0099 as Mac;
type Timed = AddressProbeAction & { readonly at: number };

/** The machine with its clock, as its driver runs it. */
function bench(seed = 1) {
  const state = createAddressProbe();
  const random = seededRandom(seed);
  const done: Timed[] = [];
  let now = 0;
  const act = (event: AddressProbeEvent) => {
    const actions = step(state, event, instant(now), random).map((action) => ({
      ...action,
      at: now,
    }));
    done.push(...actions);
    return actions;
  };
  return {
    state,
    done,
    act,
    want: (...ips: Ip[]) => act({ kind: "wanted", ips }),
    pass(ms: number) {
      const end = now + ms;
      for (let due = nextDeadline(state); due !== undefined && due <= end;) {
        now = due;
        act({ kind: "tick" });
        due = nextDeadline(state);
      }
      now = end;
    },
    times: (kind: AddressProbeAction["kind"]) =>
      done.filter((one) => one.kind === kind).map(({ at }) => at),
  };
}

Deno.test("step() probes a free address three times, 1 to 2 s apart, and then lets it pass (row L9)", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const one = bench(seed);
    assert.deepEqual(one.want(VIP), []);
    assert.deepEqual(passed(one.state), [], "it is not answered meanwhile");
    one.pass(7_200);
    const [first = NaN, second = NaN, third = NaN, ...more] = one.times("probe");
    assert.equal(more.length, 0);
    assert.ok(first >= 0 && first <= PROBE_WAIT_MS, `${first}`);
    for (const gap of [second - first, third - second]) assert.ok(gap >= 1_000 && gap <= 2_000);
    assert.deepEqual(one.times("passed").map((at) => at - third), [2_000]);
    assert.deepEqual(passed(one.state), [VIP]);
    assert.equal(nextDeadline(one.state), undefined);
  }
});

Deno.test("step() announces nothing of an address that a foreign host has, and tells of it once (row L9)", () => {
  const one = bench();
  one.want(VIP, OTHER);
  one.pass(1_000);
  const seen = { kind: "seen", ip: VIP, mac: FOREIGN } as const;
  assert.deepEqual(one.act(seen), [], "it may be a fellow that nobody told of yet");
  one.pass(JUDGE_MS);
  assert.deepEqual(one.done.filter(({ kind }) => kind === "conflict"), [
    { kind: "conflict", ip: VIP, mac: FOREIGN, at: 1_000 + JUDGE_MS },
  ]);
  assert.deepEqual(one.act(seen), [], "its next frame is no news");
  assert.deepEqual(taken(one.state), [{ ip: VIP, mac: FOREIGN }]);
  assert.equal(heldBack(one.state, VIP), "host 02:00:00:00:00:99 has it");
  assert.equal(heldBack(one.state, OTHER), "the network is being asked whether a host has it");
  one.pass(20_000);
  assert.deepEqual(passed(one.state), [OTHER]);
  assert.equal(heldBack(one.state, OTHER), undefined);
  // It is asked after again; and when the host is gone, announced.
  one.pass(RETRY_MS - 20_000);
  assert.deepEqual(taken(one.state), [], "it may be gone");
  one.act(seen);
  one.pass(JUDGE_MS);
  assert.equal(one.times("conflict").length, 2);
  one.pass(RETRY_MS + 7_200);
  assert.deepEqual(passed(one.state).sort(), [VIP, OTHER]);
});

Deno.test("step() skips what a speaker had, or this node a moment ago (row L9)", () => {
  const one = bench();
  one.act({ kind: "held", ips: [VIP] });
  one.want(VIP);
  assert.deepEqual(passed(one.state), [VIP], "failover does not wait");
  one.want();
  one.act({ kind: "free", ips: [VIP] });
  one.act({ kind: "wanted", ips: [VIP], resumed: [VIP] });
  assert.deepEqual(passed(one.state), [VIP]);
  one.want();
  one.want(VIP);
  assert.deepEqual(passed(one.state), [], "nobody had it");
  assert.equal(one.done.length, 0);
});

Deno.test("step() leaves to ownership what a fellow speaker is seen to have", () => {
  const one = bench();
  one.want(VIP);
  one.pass(1_000);
  one.act({ kind: "fellows", macs: new Set([FOREIGN]) });
  const actions = one.act({ kind: "seen", ip: VIP, mac: FOREIGN });
  assert.deepEqual(actions, [{ kind: "passed", ip: VIP, at: 1_000 }]);
  assert.deepEqual(passed(one.state), [VIP]);
});

Deno.test("step() tells of no fellow that is known as one only after its frame", () => {
  const one = bench();
  one.want(VIP);
  one.pass(1_000);
  one.act({ kind: "seen", ip: VIP, mac: FOREIGN });
  one.pass(JUDGE_MS - 1);
  one.act({ kind: "fellows", macs: new Set([FOREIGN]) });
  one.pass(1);
  assert.deepEqual(one.times("conflict"), []);
  assert.deepEqual(passed(one.state), [VIP]);
});

Deno.test("step() forgets what is wanted no more, and takes no notice of what never was", () => {
  const one = bench();
  one.want(VIP);
  one.pass(1_000);
  one.want();
  assert.equal(one.act({ kind: "seen", ip: VIP, mac: FOREIGN }).length, 0);
  assert.equal(nextDeadline(one.state), undefined);
  assert.deepEqual([one.state.wanted.size, one.state.probing.size], [0, 0]);
  one.want(VIP);
  one.pass(PROBE_WAIT_MS);
  assert.equal(one.times("probe").at(-1) !== undefined, true);
  assert.deepEqual(passed(one.state), [], "it is probed anew");
});

Deno.test("claimOfArp() and claimOfNdp() see who has an address, and who probes for it", () => {
  const packet: ArpPacket = {
    destination: 0 as Mac,
    source: FOREIGN,
    operation: ARP_REPLY,
    senderHardwareAddress: FOREIGN,
    senderProtocolAddress: VIP,
    targetHardwareAddress: 0 as Mac,
    targetProtocolAddress: OTHER,
  };
  const claim = { ip: VIP, mac: FOREIGN };
  assert.deepEqual(claimOfArp(packet), claim);
  assert.deepEqual(claimOfArp({ ...packet, operation: ARP_REQUEST }), claim);
  const probe = { ...packet, operation: ARP_REQUEST, senderProtocolAddress: ip4(0) } as const;
  assert.deepEqual(claimOfArp({ ...probe, targetProtocolAddress: VIP }), claim);
  const six = ip6(0xfd77n << 112n | 0x220n);
  const ndp: NdpPacket = {
    destinationMac: 0 as Mac,
    sourceMac: FOREIGN,
    source: six,
    destination: ip6(1n),
    kind: "advertisement",
    flags: 0,
    target: six,
    linkLayer: undefined,
  };
  assert.deepEqual(claimOfNdp(ndp), { ip: six, mac: FOREIGN });
  assert.equal(claimOfNdp({ ...ndp, kind: "solicitation" }), undefined, "a question");
  const dad = claimOfNdp({ ...ndp, kind: "solicitation", source: ip6(0n) });
  assert.deepEqual(dad, { ip: six, mac: FOREIGN });
});
