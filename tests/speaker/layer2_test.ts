import assert from "node:assert/strict";
import fc from "fast-check";
import { instant } from "../../lib/base/time.ts";
import type { Mac } from "../../lib/net/ethernet.ts";
import type { Ip } from "../../lib/net/ip.ts";
import { type AnnouncingInterface, AT_ONCE, PER_SECOND } from "../../lib/speaker/bursts.ts";
import {
  createLayer2,
  type Layer2Action,
  type Layer2Event,
  nextDeadline,
  step,
} from "../../lib/speaker/layer2.ts";
import { ip4 } from "../support/addresses.ts";

type TimedEvent = readonly [atMs: number, event: Layer2Event];
type TimedAction = Layer2Action & { readonly at: number };
type Announcement = Extract<TimedAction, { kind: "gratuitous" }>;

const ETH0: AnnouncingInterface = { ifindex: 2, mac: 0x0200_0000_0001 as Mac, inner: false };
const ETH1: AnnouncingInterface = { ifindex: 3, mac: 0x0200_0000_0002 as Mac, inner: false };
const A = ip4(0x0a4d_01dc);
const B = ip4(0x0a4d_01dd);

function owned(...ips: Ip[]): Layer2Event {
  return { kind: "owned", ips };
}

function interfaces(...links: AnnouncingInterface[]): Layer2Event {
  return { kind: "interfaces", interfaces: links };
}

/** Runs the machine as its driver does, on virtual time; `lateMs` is how late its timers fire. */
function run(events: readonly TimedEvent[], untilMs: number, lateMs = 0): TimedAction[] {
  const state = createLayer2();
  const actions: TimedAction[] = [];
  const waiting = [...events];
  let now = 0;
  while (true) {
    const deadline = nextDeadline(state);
    const timer = deadline === undefined ? Infinity : Math.max(now, deadline) + lateMs;
    const [at, event] = waiting[0] ?? [Infinity, undefined];
    now = Math.min(timer, at);
    if (now > untilMs) return actions;
    if (at <= timer) waiting.shift();
    const given: Layer2Event = at <= timer && event !== undefined ? event : { kind: "tick" };
    const made = step(state, given, instant(now)).actions;
    // A tick at its deadline that sends nothing would come again and again.
    if (given.kind === "tick") assert.ok(made.length > 0, `an idle tick at ${now} ms`);
    actions.push(...made.map((action) => ({ ...action, at: now })));
  }
}

function announcements(actions: readonly TimedAction[]): Announcement[] {
  return actions.filter((action) => action.kind === "gratuitous");
}

function times(actions: readonly TimedAction[], ip: Ip, { ifindex } = ETH0): number[] {
  return announcements(actions).filter((one) => one.ip === ip && one.ifindex === ifindex)
    .map(({ at }) => Math.round(at * 1e6) / 1e6);
}

Deno.test("step() announces an address at once and then each 1.1 s for 5 s, on each interface", () => {
  const actions = run([[0, interfaces(ETH0, ETH1)], [1_000, owned(A)]], 60_000);
  for (const link of [ETH0, ETH1]) {
    assert.deepEqual(times(actions, A, link), [1_000, 2_100, 3_200, 4_300, 5_400]);
  }
  assert.equal(announcements(actions).length, 10);
});

Deno.test("step() sets the table before any frame leaves", () => {
  const actions = run([[0, interfaces(ETH0)], [0, owned(A)], [10, owned(B)]], 20);
  assert.deepEqual(actions.map(({ kind }) => kind), [
    "setInterfaces",
    "setOwned",
    "gratuitous",
    "setOwned",
    "gratuitous",
  ]);
  assert.deepEqual(actions.filter(({ kind }) => kind === "setOwned"), [
    { kind: "setOwned", ips: [A], at: 0 },
    { kind: "setOwned", ips: [B], at: 10 },
  ]);
});

Deno.test("step() does nothing when nothing changed", () => {
  const state = createLayer2();
  const at = instant(0);
  step(state, interfaces(ETH0, ETH1), at);
  step(state, owned(A, B), at);
  for (const event of [owned(B, A), interfaces(ETH1, ETH0), { kind: "tick" as const }]) {
    assert.deepEqual(step(state, event, at).actions, [], event.kind);
  }
});

Deno.test("step() ends the announcements of an address that is lost", () => {
  const actions = run([[0, interfaces(ETH0)], [0, owned(A, B)], [1_500, owned(B)]], 60_000);
  assert.deepEqual(times(actions, A), [0, 1_100]);
  assert.deepEqual(times(actions, B), [0, 1_100, 2_200, 3_300, 4_400]);
  assert.deepEqual(actions.findLast(({ kind }) => kind === "setOwned"), {
    kind: "setOwned",
    ips: [B],
    at: 1_500,
  });
});

Deno.test("step() announces an address regained within 5 s at once and after them, later as if new", () => {
  const gains = (back: number): TimedEvent[] => [
    [0, interfaces(ETH0)],
    [0, owned(A)],
    [500, owned()],
    [back, owned(A)],
  ];
  assert.deepEqual(times(run(gains(600), 60_000), A), [0, 600, 5_000]);
  assert.deepEqual(times(run(gains(4_999), 60_000), A), [0, 4_999, 6_099]);
  assert.deepEqual(
    times(run(gains(5_000), 60_000), A),
    [0, 5_000, 6_100, 7_200, 8_300, 9_400],
  );
});

Deno.test("step() begins no series while there is no interface to announce on", () => {
  const actions = run(
    [[0, owned(A)], [100, owned()], [200, interfaces(ETH0)], [300, owned(A)]],
    60_000,
  );
  assert.deepEqual(times(actions, A), [300, 1_400, 2_500, 3_600, 4_700]);
});

Deno.test("step() announces all addresses on an interface that comes, and only there", () => {
  const actions = run(
    [[0, interfaces(ETH0)], [0, owned(A, B)], [20_000, interfaces(ETH0, ETH1)]],
    60_000,
  );
  for (const ip of [A, B]) {
    assert.deepEqual(times(actions, ip, ETH1), [20_000, 21_100, 22_200, 23_300, 24_400]);
    assert.equal(times(actions, ip).length, 5);
  }
});

Deno.test("step() announces all addresses with a changed hardware address, never the old one", () => {
  const changed = { ...ETH0, mac: 0x0200_0000_00ff as Mac };
  const actions = run(
    [[0, interfaces(ETH0, ETH1)], [0, owned(A)], [2_000, interfaces(changed, ETH1)]],
    60_000,
  );
  const sent = announcements(actions).filter(({ ifindex }) => ifindex === ETH0.ifindex);
  assert.deepEqual(sent.map(({ at, mac }) => [at, mac]), [
    [0, ETH0.mac],
    [1_100, ETH0.mac],
    ...[2_000, 3_100, 4_200, 5_300, 6_400].map((at) => [at, changed.mac]),
  ]);
  assert.deepEqual(times(actions, A, ETH1), [0, 1_100, 2_200, 3_300, 4_400]);
});

Deno.test("step() sends nothing on an interface that went", () => {
  const actions = run(
    [[0, interfaces(ETH0, ETH1)], [0, owned(A)], [1_500, interfaces(ETH1)]],
    60_000,
  );
  assert.deepEqual(times(actions, A), [0, 1_100]);
  assert.equal(times(actions, A, ETH1).length, 5);
});

/** No second holds more frames than the rule allows; each announcement is two of them. */
function assertPaced(sent: readonly Announcement[]): void {
  for (const [place, { at }] of sent.entries()) {
    const later = sent[place + PER_SECOND]?.at ?? Infinity;
    assert.ok(later - at >= 1_000, `${PER_SECOND + 1} announcements from ${at} to ${later} ms`);
  }
}

for (const lateMs of [0, 1.5, 8]) {
  Deno.test(`step() announces 1,000 addresses within a second, timers ${lateMs} ms late`, () => {
    const many = Array.from({ length: 1_000 }, (_, place) => ip4(A + place));
    const sent = announcements(
      run([[0, interfaces(ETH0)], [0, owned(...many)]], 60_000, lateMs),
    );
    const first = sent.slice(0, 1_000);
    assert.equal(new Set(first.map(({ ip }) => ip)).size, 1_000, "a repeat went before a first");
    assert.ok((first.at(-1)?.at ?? Infinity) <= 1_000 + lateMs, `last at ${first.at(-1)?.at} ms`);
    assert.equal(sent.length, 5_000);
    assertPaced(sent);
    const last = new Map<Ip, number>();
    for (const { ip, at } of sent) {
      assert.ok(at - (last.get(ip) ?? -Infinity) >= 1_000, "repeats less than 1 s apart");
      last.set(ip, at);
    }
  });
}

Deno.test("step() lets the first announcement of an address go before repeats that wait", () => {
  const many = Array.from({ length: 3_000 }, (_, place) => ip4(A + 10 + place));
  const sent = announcements(
    run([[0, interfaces(ETH0)], [0, owned(...many)], [3_500, owned(...many, B)]], 3_520),
  );
  assert.equal(sent.filter(({ ip }) => ip === B).length, 1);
});

Deno.test("step() keeps the pace however many events come", () => {
  const many = Array.from({ length: 3_000 }, (_, place) => ip4(A + place));
  const events = many.map((
    _,
    place,
  ): TimedEvent => [place / 4, owned(...many.slice(0, place + 1))]);
  const sent = announcements(run([[0, interfaces(ETH0, ETH1)], ...events], 40_000));
  assert.equal(sent.length, 3_000 * 2 * 5);
  assertPaced(sent);
  const burst = sent.filter(({ at }) => at === 0).length;
  assert.ok(burst <= AT_ONCE);
});

Deno.test("step() announces a flapping address anew at most each 5 s", () => {
  // The only endpoint comes and goes each 200 ms for a minute, then stays.
  const toggles = Array.from(
    { length: 301 },
    (_, count): TimedEvent => [count * 200, count % 2 === 0 ? owned(A) : owned()],
  );
  const actions = run([[0, interfaces(ETH0)], ...toggles], 120_000);
  const sent = times(actions, A);
  const during = sent.filter((at) => at < 60_000);
  assert.equal(during.length, 150, "each gain is told once, and without repeats");
  const after = sent.filter((at) => at >= 60_000);
  assert.ok(after.length === 5 || after.length === 2, after.join());
  assert.deepEqual(actions.findLast(({ kind }) => kind === "setOwned"), {
    kind: "setOwned",
    ips: [A],
    at: 60_000,
  });
});

Deno.test("step() announces an address that was nobody else's meanwhile once per 5 s (row L20)", () => {
  const toggles = Array.from({ length: 301 }, (_, count): TimedEvent => [
    count * 200,
    count % 2 === 1 ? owned() : { kind: "owned", ips: [A], resumed: count === 0 ? [] : [A] },
  ]);
  const sent = times(run([[0, interfaces(ETH0)], ...toggles], 120_000), A);
  const during = sent.filter((at) => at < 60_000);
  assert.ok(during.length >= 11, during.join());
  for (const [place, at] of during.entries()) {
    assert.ok(at - (during[place - 1] ?? -Infinity) >= 5_000, during.join());
  }
  // It stays: a whole series follows, not sooner than five seconds after the last announcement.
  const after = sent.slice(during.length);
  assert.equal(after.length, 5, after.join());
  assert.ok((after[0] ?? 0) - (during.at(-1) ?? 0) >= 5_000, sent.join());
  assert.ok((after[0] ?? 0) <= 65_000);
});

Deno.test("step() repeats the series of an address that flaps slowly, one per 5 s", () => {
  // Owned 2 s, lost 0.5 s, and so on: time for repeats in each spell.
  const events = Array.from({ length: 24 }, (_, count): TimedEvent[] => [
    [count * 2_500, owned(A)],
    [count * 2_500 + 2_000, owned()],
  ]).flat();
  const sent = times(run([[0, interfaces(ETH0)], ...events], 60_000), A);
  // Each second spell may begin a series, of which two leave; the other has one announcement.
  assert.deepEqual(sent.slice(0, 6), [0, 1_100, 2_500, 5_000, 6_100, 7_500]);
  assert.equal(sent.length, 36);
});

Deno.test("step() announces once more, when five seconds are over, what it took again within them", () => {
  // Another node had it for half a second: whoever missed the one frame must not believe that node.
  const events: TimedEvent[] = [[0, owned(A)], [1_200, owned()], [1_700, owned(A)]];
  const sent = times(run([[0, interfaces(ETH0)], ...events], 60_000), A);
  assert.deepEqual(sent, [0, 1_100, 1_700, 5_000]);
  const gone = times(run([[0, interfaces(ETH0)], ...events, [4_000, owned()]], 60_000), A);
  assert.deepEqual(gone, [0, 1_100, 1_700]);
});

Deno.test("step() announces what it takes back from one that it had left it to, and was answering all along", () => {
  const left: TimedEvent = [10_000, { kind: "owned", ips: [A], quiet: [A] }];
  const actions = run([[0, interfaces(ETH0)], [0, owned(A)], left, [10_200, owned(A)]], 60_000);
  assert.deepEqual(times(actions, A).filter((at) => at > 5_000).slice(0, 2), [10_200, 11_300]);
  assert.equal(actions.filter(({ kind }) => kind === "setOwned").length, 1);
  const never = run([[0, interfaces(ETH0)], [0, { kind: "owned", ips: [A], quiet: [A] }]], 60_000);
  assert.deepEqual(times(never, A), []);
  const other = run([
    [0, interfaces(ETH0)],
    [0, { kind: "owned", ips: [A], quiet: [A] }],
    [1_000, { kind: "again", ips: [A] }],
    [2_000, interfaces(ETH0, ETH1)],
  ], 60_000);
  assert.deepEqual(times(other, A), [], "whatever else happens");
});

Deno.test("step() is silent from the very event by which an address is lost", () => {
  // The last local endpoint terminates: the table is emptied in the same step.
  const state = createLayer2();
  step(state, interfaces(ETH0), instant(0));
  step(state, owned(A), instant(0));
  const lost = step(state, owned(), instant(1_100));
  assert.deepEqual(lost.actions, [{ kind: "setOwned", ips: [] }]);
  assert.equal(nextDeadline(state), undefined);
});

Deno.test("nextDeadline() is undefined while there is nothing to send", () => {
  const state = createLayer2();
  assert.equal(nextDeadline(state), undefined);
  step(state, owned(A), instant(0));
  assert.equal(nextDeadline(state), undefined);
  step(state, interfaces(ETH0), instant(5));
  assert.equal(nextDeadline(state), 1_105);
});

const PODS = Array.from({ length: 110 }, (_, index) => ({
  ifindex: 100 + index,
  mac: (0x0200_0000_1000 + index) as Mac,
  inner: true,
}));

Deno.test("step() announces on the LAN before it announces to the pods of the node, once", () => {
  const actions = run([[0, interfaces(...PODS, ETH0)], [0, owned(A, B)]], 60_000);
  const order = announcements(actions).map(({ ifindex }) => ifindex);
  assert.deepEqual(order.slice(0, 2), [ETH0.ifindex, ETH0.ifindex]);
  assert.equal(order.length, 2 * (5 + PODS.length));
  assert.deepEqual(times(actions, A), [0, 1_100, 2_200, 3_300, 4_400]);
});

Deno.test("step() goes on to the pods where it was when one of them went", () => {
  const [gone, ...rest] = PODS;
  assert.ok(gone);
  const actions = run([
    [0, interfaces(...PODS, ETH0)],
    [0, owned(A)],
    [1, interfaces(...rest, ETH0)],
  ], 60_000);
  for (const pod of rest) assert.equal(times(actions, A, pod).length, 1, `${pod.ifindex}`);
  assert.deepEqual(times(actions, A, gone), [0]);
});

Deno.test("1,000 addresses on a node with 110 pods are announced with little work a tick (layer 2, fault 15)", () => {
  const many = Array.from({ length: 1_000 }, (_, place) => ip4(A + place));
  const state = createLayer2();
  step(state, interfaces(ETH0, ...PODS), instant(0));
  let now = 0;
  let worstMs = 0;
  let busyMs = 0;
  let sent = 0;
  const took = (event: Layer2Event) => {
    const begun = performance.now();
    sent += step(state, event, instant(now)).actions.length;
    const ms = performance.now() - begun;
    worstMs = Math.max(worstMs, ms);
    busyMs += ms;
  };
  took(owned(...many));
  for (let due = nextDeadline(state); due !== undefined && due < 15_000;) {
    now = due;
    took({ kind: "tick" });
    due = nextDeadline(state);
  }
  assert.ok(sent > 20_000, `${sent}`);
  // A tick's work follows what leaves: 10 of 15 s when each looked at all that there is.
  assert.ok(busyMs < 1_500 && worstMs < 100, `busy ${busyMs} ms, worst ${worstMs} ms`);
});

const someIps = fc.subarray(Array.from({ length: 40 }, (_, place) => ip4(A + place)));
const someLinks = fc.uniqueArray(
  fc.record({
    ifindex: fc.integer({ min: 1, max: 3 }),
    mac: fc.constantFrom(1 as Mac, 2 as Mac, 3 as Mac),
    inner: fc.boolean(),
  }, { noNullPrototype: true }),
  { selector: ({ ifindex }) => ifindex },
);
const someEvents = fc.array(
  fc.tuple(
    fc.nat(3_000),
    fc.oneof(
      someIps.map((ips): Layer2Event => owned(...ips)),
      someLinks.map((links): Layer2Event => interfaces(...links)),
    ),
  ),
  { maxLength: 30 },
);

Deno.test("step() never announces what is not owned, whatever comes, and ends up complete", () => {
  let sent = 0;
  fc.assert(
    fc.property(someEvents, fc.constantFrom(0, 3), (gaps, lateMs) => {
      let at = 0;
      const events = gaps.map(([gap, event]): TimedEvent => [at += gap, event]);
      const actions = run(events, at + 60_000, lateMs);
      let table = new Set<Ip>();
      let links = new Map<number, Mac>();
      const told = new Set<string>();
      for (const action of actions) {
        if (action.kind === "setOwned") {
          table = new Set(action.ips);
          for (const key of told) if (!table.has(ip4(Number(key.split(" ")[0])))) told.delete(key);
        } else if (action.kind === "setInterfaces") {
          links = new Map(action.interfaces.map(({ ifindex, mac }) => [ifindex, mac]));
        } else {
          sent++;
          assert.ok(table.has(action.ip), "announced an address that the table has not");
          assert.equal(links.get(action.ifindex), action.mac, "announced a wrong hardware address");
          told.add(`${action.ip} ${action.ifindex} ${action.mac}`);
        }
      }
      assertPaced(announcements(actions));
      const lastOf = (kind: Layer2Event["kind"]) =>
        events.findLast(([, event]) => event.kind === kind)?.[1];
      const wanted = lastOf("owned");
      const wantedLinks = lastOf("interfaces");
      assert.deepEqual([...table].sort(), wanted?.kind === "owned" ? [...wanted.ips].sort() : []);
      if (wantedLinks?.kind !== "interfaces") return;
      for (const ip of table) {
        for (const { ifindex, mac } of wantedLinks.interfaces) {
          assert.ok(told.has(`${ip} ${ifindex} ${mac}`), "an address was never announced");
        }
      }
    }),
    { seed: 60, numRuns: 300 },
  );
  assert.ok(sent > 10_000, `only ${sent} announcements`);
});

Deno.test("step() forgets addresses that are gone", () => {
  const state = createLayer2();
  step(state, interfaces(ETH0), instant(0));
  for (let count = 0; count < 2_000; count++) {
    step(state, owned(ip4(A + count)), instant(count * 100));
  }
  step(state, owned(), instant(300_000));
  assert.equal(state.bursts.waiting.values.length, 0);
  assert.deepEqual([state.owned.size, state.bursts.of.size, state.begun.size], [0, 0, 0]);
});
