import assert from "node:assert/strict";
import { type Instant, instant } from "../../lib/base/time.ts";
import type { Mac } from "../../lib/net/ethernet.ts";
import {
  addBursts,
  type AnnouncingInterface,
  AT_ONCE,
  type Bursts,
  createBursts,
  endBursts,
  groupsOf,
  keepOnly,
  leftOf,
  nextDue,
  REPEAT_MS,
  sendDue,
} from "../../lib/speaker/bursts.ts";
import { ip4 } from "../support/addresses.ts";

const A = ip4(1);
const B = ip4(2);
const on = (ifindex: number, inner = false): AnnouncingInterface => ({
  ifindex,
  mac: ifindex as Mac,
  inner,
});
const START = instant(0);

function send(bursts: Bursts, now: Instant): string[] {
  const sent: string[] = [];
  sendDue(bursts, now, {
    send: (ip, { ifindex }) => sent.push(`${ip} on ${ifindex}`),
    onBegun: (ip) => sent.push(`${ip} begins`),
  });
  return sent;
}

Deno.test("a series goes to the LAN again and again, and to a pod once", () => {
  const bursts = createBursts();
  addBursts(bursts, { ip: A, left: 2, due: START }, groupsOf([on(9, true), on(1), on(2)]));
  assert.deepEqual(send(bursts, START), ["1 on 1", "1 on 2", "1 on 9"]);
  assert.equal(leftOf(bursts, A), 1);
  assert.equal(nextDue(bursts), REPEAT_MS);
  assert.deepEqual(send(bursts, instant(REPEAT_MS)), ["1 on 1", "1 on 2"]);
  assert.deepEqual([nextDue(bursts), bursts.of.size], [undefined, 0]);
});

Deno.test("what is due waits for the pace, goes on where it was, and ends where it is ended", () => {
  const bursts = createBursts();
  const many = Array.from({ length: AT_ONCE + 2 }, (_, index) => on(index + 1));
  addBursts(bursts, { ip: A, left: 1, due: START }, groupsOf(many));
  addBursts(bursts, { ip: B, left: 1, due: START }, groupsOf([on(1)]));
  assert.equal(send(bursts, START).length, AT_ONCE);
  assert.equal(nextDue(bursts), 10);
  keepOnly(bursts, ({ ifindex }) => ifindex !== 1);
  endBursts(bursts, B);
  assert.deepEqual(send(bursts, instant(10)), [`1 on ${AT_ONCE + 1}`, `1 on ${AT_ONCE + 2}`]);
  assert.deepEqual([nextDue(bursts), bursts.of.size], [undefined, 0]);
});

Deno.test("a first announcement goes before a repeat that was due sooner", () => {
  const bursts = createBursts();
  const groups = groupsOf([on(1)]);
  addBursts(bursts, { ip: A, left: 2, due: START }, groups);
  send(bursts, START);
  addBursts(bursts, { ip: B, left: 1, due: instant(REPEAT_MS + 1) }, groups);
  assert.deepEqual(send(bursts, instant(REPEAT_MS + 1)), ["2 on 1", "1 on 1"]);
});

Deno.test("a series that was put off says when it begins", () => {
  const bursts = createBursts();
  const due = instant(50);
  addBursts(bursts, { ip: A, left: 1, due, deferred: true }, groupsOf([on(1)]));
  assert.deepEqual(send(bursts, START), []);
  assert.deepEqual(send(bursts, due), ["1 begins", "1 on 1"]);
});
