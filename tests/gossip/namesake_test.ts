import assert from "node:assert/strict";
import { type Instant, instant } from "../../lib/base/time.ts";
import { announcementOf } from "../../lib/gossip/meta.ts";
import { keepsName } from "../../lib/gossip/namesake.ts";
import {
  createGossip,
  type GossipAction,
  type GossipEvent,
  type GossipState,
} from "../../lib/gossip/state.ts";
import { localStates } from "../../lib/gossip/told.ts";
import { nextDeadline, step } from "../../lib/gossip/step.ts";
import { ip4 } from "../support/addresses.ts";
import { seededRandom } from "../support/random.ts";

const PORT = 7946;
const metaOf = (sinceMs: number) =>
  announcementOf({ inRing: true, port: 7947, boot: 1, sinceMs, canAnnounce: true });

/** Members that know each other's addresses, and lose nothing; time is theirs. */
function network(seed: number) {
  const random = seededRandom(seed);
  const members = new Map<number, GossipState>();
  let now: Instant = instant(0);
  const feed = (state: GossipState, event: GossipEvent): void => {
    for (const action of step(state, event, now, random)) carryOut(state, action);
  };
  const exchange = (state: GossipState, address: number): void => {
    const other = members.get(address);
    if (other === undefined) return;
    feed(other, { kind: "merge", nodes: localStates(state) });
    feed(state, { kind: "merge", nodes: localStates(other) });
  };
  const carryOut = (state: GossipState, action: GossipAction): void => {
    if (action.kind === "send") {
      const other = members.get(Number(action.to.address));
      for (const message of other === undefined ? [] : action.messages) {
        if (other !== undefined) feed(other, { kind: "message", message, from: state.self });
      }
    } else if (action.kind === "push-pull") exchange(state, Number(action.to.address));
    else if (action.kind === "join") {
      exchange(state, Number(action.to.address));
      feed(state, { kind: "join-ended", address: action.to.address });
    } else if (action.kind === "candidates") {
      feed(state, { kind: "candidates", addresses: [...members.keys()].map(ip4), complete: true });
    }
  };
  return {
    start(name: string, address: number, since: number = now): void {
      const self = { name, address: ip4(address), port: PORT };
      members.set(address, createGossip(self, metaOf(Math.floor(since)), now));
    },
    leave(address: number): void {
      const state = members.get(address);
      if (state !== undefined) feed(state, { kind: "leave" });
    },
    /** The machine is gone without a word. */
    cut: (address: number): void => void members.delete(address),
    run(ms: number): void {
      const end = now + ms;
      for (;;) {
        const due = [...members.values()].map((state) => [nextDeadline(state), state] as const)
          .sort(([one], [other]) => one - other)[0];
        if (due === undefined || due[0] > end) break;
        now = instant(Math.max(now, due[0]));
        feed(due[1], { kind: "tick" });
      }
      now = instant(end);
    },
    /** The addresses of those of this name that others do not refuse. */
    accepted: (name: string): number[] =>
      [...members].filter(([, { self, rival }]) => self.name === name && rival === undefined)
        .map(([address]) => address),
    /** Where the others know it. */
    known: (name: string): string[] =>
      [...members.values()].filter(({ self }) => self.name !== name)
        .map(({ members }) => members.get(name))
        .map((member) => `${member?.address} ${member?.state}`),
  };
}

Deno.test("of two that have one name the older keeps it, then the lower address, and never both", () => {
  const at = (address: number, sinceMs: number) => ({
    address: ip4(address),
    port: PORT,
    meta: metaOf(sinceMs),
  });
  assert.equal(keepsName(at(9, 100), at(1, 101)), true);
  assert.equal(keepsName(at(1, 100), at(9, 100)), true);
  const metallb = { address: ip4(9), port: PORT, meta: new Uint8Array() };
  assert.equal(keepsName(metallb, at(1, 100)), true, "one that tells no age stays");
  const random = seededRandom(7);
  for (let round = 0; round < 200; round++) {
    const some = () => at(Math.floor(random() * 5), Math.floor(random() * 3));
    const [one, other] = [some(), some()];
    const same = one.address === other.address;
    if (!same) assert.notEqual(keepsName(one, other), keepsName(other, one));
  }
});

Deno.test("two namesakes leave exactly one, in whatever order and distance they start (layer 2, fault 6a)", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed);
    const net = network(seed);
    const starts: (readonly [string, number, number])[] = [
      ["n1", 1, random() * 30_000],
      ["n2", 2, random() * 30_000],
      ["n2", 3, random() * 30_000],
      ["n3", 4, random() * 30_000],
    ];
    const count = seed % 2 === 0 ? 4 : 3;
    const inOrder = starts.slice(0, count).sort(([, , one], [, , other]) => one - other);
    let at = 0;
    for (const [name, address, startMs] of inOrder) {
      net.run(startMs - at);
      at = startMs;
      net.start(name, address);
    }
    net.run(12_000);
    const [, stays] = inOrder.filter(([name]) => name === "n2")[0] ?? assert.fail();
    assert.deepEqual(net.accepted("n2"), [stays], `seed ${seed}`);
    for (const known of net.known("n2")) assert.equal(known, `${stays} alive`, `seed ${seed}`);
    net.run(60_000);
    assert.deepEqual(net.accepted("n2"), [stays], `seed ${seed}, a minute later`);
  }
});

Deno.test("a namesake that was refused has the name half a minute after the other is gone", () => {
  const net = network(1);
  net.start("n1", 1);
  net.start("n2", 2);
  net.run(20_000);
  net.start("n2", 3);
  net.run(10_000);
  assert.deepEqual(net.accepted("n2"), [2]);
  net.cut(2);
  net.run(30_000);
  assert.deepEqual(net.accepted("n2"), []);
  net.run(30_000);
  assert.deepEqual([net.accepted("n2"), net.known("n2")], [[3], ["3 alive"]]);
});

Deno.test("a node that comes back at another address is refused until its name is free, and knows it (layer 2, fault 1c)", () => {
  for (const awayMs of [1_000, 15_000, 31_000, 61_000, 600_000]) {
    const net = network(awayMs);
    for (const [name, address] of [["n1", 1], ["n2", 2], ["n3", 3]] as const) {
      net.start(name, address);
    }
    net.run(20_000);
    net.cut(3);
    net.run(awayMs);
    net.start("n3", 33);
    net.run(2_000);
    const isFree = awayMs > 40_000;
    assert.deepEqual(net.accepted("n3"), isFree ? [33] : [], `after ${awayMs} ms`);
    net.run(60_000);
    assert.deepEqual(net.accepted("n3"), [33], `after ${awayMs} ms, later`);
    assert.deepEqual(net.known("n3"), ["33 alive", "33 alive"]);
  }
});

Deno.test("a node that left in order comes back at another address at once", () => {
  const net = network(3);
  for (const [name, address] of [["n1", 1], ["n2", 2], ["n3", 3]] as const) {
    net.start(name, address);
  }
  net.run(5_000);
  net.leave(3);
  net.run(100);
  net.cut(3);
  net.start("n3", 33);
  net.run(3_000);
  assert.deepEqual([net.accepted("n3"), net.known("n3")], [[33], ["33 alive", "33 alive"]]);
});
