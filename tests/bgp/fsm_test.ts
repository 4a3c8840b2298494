import assert from "node:assert/strict";
import fc from "fast-check";
import { type Instant, instant } from "../../lib/base/time.ts";
import { nextDeadline, step } from "../../lib/bgp/fsm.ts";
import {
  createSession,
  type Session,
  type SessionAction,
  type SessionEvent,
} from "../../lib/bgp/session.ts";
import type { Message } from "../../lib/bgp/message.ts";
import {
  bgpFault,
  formatNotification,
  notification,
  shutdown,
} from "../../lib/bgp/notification.ts";
import type { Open } from "../../lib/bgp/open.ts";
import { seededRandom } from "../support/random.ts";
import { ip4 } from "../support/addresses.ts";

const TERMS = {
  myAsn: 64500,
  peerAsn: 64501,
  holdTimeMs: 90_000,
  keepaliveTimeMs: 30_000,
  gracefulRestart: false,
};
const OPEN: Open = {
  kind: "open",
  version: 4,
  myAs: 64501,
  holdTimeSeconds: 90,
  routerId: ip4(0x0a000002),
  parameters: [[{ kind: "multiprotocol", afi: 1, safi: 1 }]],
};
const CONNECTED: SessionEvent = { kind: "connected", routerId: ip4(0x0a000001) };
const NLRI = { family: 4, bytes: new Uint8Array(0), count: 0 } as const;
const UPDATE: Message = {
  kind: "update",
  withdrawn: NLRI,
  attributes: [],
  nlri: NLRI,
  mistakes: [],
};
const KEEPALIVE: Message = { kind: "keepalive" };
const hear = (message: Message): SessionEvent => ({ kind: "message", message });

/** A session in virtual time. */
function bench(terms: Partial<typeof TERMS> = {}, random = () => 0) {
  const session = createSession({ ...TERMS, ...terms });
  let now: Instant = instant(1000);
  const on = (...events: SessionEvent[]): SessionAction[] =>
    events.flatMap((event) => step(session, event, now, random));
  return {
    session,
    on,
    now: () => now,
    /** Lets time pass, with ticks where they are due; gives all that was done. */
    pass(ms: number): [atMs: number, action: SessionAction][] {
      const until = instant(now + ms);
      const begin = now;
      const done: [number, SessionAction][] = [];
      for (let turn = 0; turn < 10_000; turn++) {
        const next = nextDeadline(session);
        if (next === undefined || next > until) break;
        now = instant(Math.max(now, next));
        for (const action of on({ kind: "tick" })) done.push([now - begin, action]);
      }
      now = until;
      return done;
    },
    establish(open = OPEN) {
      on({ kind: "start" }, CONNECTED, hear(open), hear(KEEPALIVE));
      assert.equal(session.phase, "Established");
    },
  };
}

function down(actions: readonly SessionAction[]) {
  const found = actions.filter((action) => action.kind === "down");
  assert.equal(found.length, 1, "exactly one end");
  return found[0];
}

function said(actions: readonly SessionAction[]): string {
  const sent = down(actions)?.sent;
  return sent === undefined ? "nothing" : `${sent.code}/${sent.subcode}`;
}

/** The session driven to a phase. */
function inPhase(phase: Session["phase"]) {
  const at = bench();
  const path: SessionEvent[] = [{ kind: "start" }, CONNECTED, hear(OPEN), hear(KEEPALIVE)];
  const steps = { Idle: 0, Connect: 1, OpenSent: 2, OpenConfirm: 3, Established: 4 }[phase];
  at.on(...path.slice(0, steps));
  assert.equal(at.session.phase, phase);
  return at;
}

Deno.test("a session goes by OPEN and KEEPALIVE to Established, and not before the peer's KEEPALIVE", () => {
  const at = bench();
  assert.deepEqual(at.on({ kind: "start" }), [{ kind: "connect" }]);
  assert.deepEqual(at.on(CONNECTED).map((one) => one.kind === "send" && one.what), ["open"]);
  assert.deepEqual(at.on(hear(OPEN)).map((one) => one.kind === "send" && one.what), ["keepalive"]);
  assert.equal(at.session.phase, "OpenConfirm");
  assert.deepEqual(at.on(hear(KEEPALIVE)).map(({ kind }) => kind), ["established"]);
});

Deno.test("B1: silence ends the session with 4/0 at the hold time, and it reconnects within 2 s", () => {
  const at = bench();
  at.establish({ ...OPEN, holdTimeSeconds: 9 });
  at.pass(4000);
  at.on(hear(KEEPALIVE));
  const done = at.pass(12_000);
  const [atMs, end] = done.find(([, { kind }]) => kind === "down") ?? [];
  assert.equal(atMs, 9000);
  assert.equal(
    end?.kind === "down" && end.sent && formatNotification(end.sent),
    "4/0 hold timer expired",
  );
  const again = done.find(([time, { kind }]) => kind === "connect" && time > 9000);
  assert.ok(again && again[0] <= 11_000, `${again?.[0]}`);
});

Deno.test("KEEPALIVE and UPDATE restart the hold timer, other messages do not", () => {
  for (
    const [message, kept] of [[KEEPALIVE, true], [UPDATE, true], [
      { kind: "route-refresh", afi: 1, safi: 1, subtype: 0 },
      false,
    ]] as const
  ) {
    const at = bench();
    at.establish({ ...OPEN, holdTimeSeconds: 9 });
    at.pass(8000);
    at.on(hear(message));
    at.pass(2000);
    assert.equal(at.session.phase === "Established", kept, message.kind);
  }
});

Deno.test("KEEPALIVEs go each third of the hold time, UPDATEs put them off", () => {
  const at = bench();
  at.establish();
  const times = at.pass(80_000).filter(([, one]) => one.kind === "send").map(([time]) => time);
  assert.deepEqual(times, [30_000, 60_000]);
  at.on(hear(KEEPALIVE), { kind: "updates-sent" });
  assert.deepEqual(at.pass(31_000).map(([time]) => time), [30_000]);
});

Deno.test("B12: a hold time of 0 turns both timers off", () => {
  const at = bench({ holdTimeMs: 0 });
  at.establish();
  assert.deepEqual(at.pass(10_000_000), []);
  assert.equal(nextDeadline(at.session), undefined);
});

Deno.test("B2: a peer that refuses after OPEN is tried at most 7 times in a minute and 14 in ten", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const at = bench({}, seededRandom(seed));
    const refuse = (): SessionAction[] =>
      at.on(
        CONNECTED,
        hear(OPEN),
        hear({ kind: "notification", notification: notification(2, 2) }),
      );
    at.on({ kind: "start" });
    let connects = 1;
    let inMinute = 1;
    assert.ok(!refuse().some(({ kind }) => kind === "established"));
    while (at.now() < 601_000) {
      const next = nextDeadline(at.session);
      assert.ok(next !== undefined);
      if (at.pass(next - at.now()).some(([, { kind }]) => kind === "connect")) {
        if (at.now() > 601_000) break;
        connects++;
        if (at.now() <= 61_000) inMinute++;
        refuse();
      }
    }
    assert.ok(inMinute <= 7 && connects <= 14, `seed ${seed}: ${inMinute}, ${connects}`);
  }
});

Deno.test("failures wait 1, 2, 4 … 120 s, a success begins anew", () => {
  const at = bench({}, () => 1);
  at.on({ kind: "start" });
  const waits: number[] = [];
  for (let turn = 0; turn < 9; turn++) {
    at.on({ kind: "disconnected", reason: "refused" });
    const wait = (nextDeadline(at.session) ?? 0) - at.now();
    waits.push(wait / 1000);
    at.pass(wait);
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
  at.on(CONNECTED, hear(OPEN), hear(KEEPALIVE), { kind: "disconnected", reason: "reset" });
  assert.equal((nextDeadline(at.session) ?? 0) - at.now(), 1000);
});

Deno.test("2.6-7: messages out of turn are 5/1, 5/2 and 5/3", () => {
  assert.equal(said(inPhase("OpenSent").on(hear(KEEPALIVE))), "5/1");
  assert.equal(said(inPhase("OpenSent").on(hear(UPDATE))), "5/1");
  assert.equal(said(inPhase("OpenConfirm").on(hear(UPDATE))), "5/2");
  assert.equal(said(inPhase("OpenConfirm").on(hear(OPEN))), "5/2");
  assert.equal(said(inPhase("Established").on(hear(OPEN))), "5/3");
});

Deno.test("B3: each local fault is told by exactly one NOTIFICATION before the connection ends", () => {
  const faults: readonly (readonly [SessionEvent, string])[] = [
    [{ kind: "fault", fault: bgpFault("bad-marker", "x", 0, notification(1, 1)) }, "1/1"],
    [{ kind: "fault", fault: bgpFault("bad-attribute", "x", 0, notification(3, 1)) }, "3/1"],
    [{ kind: "fault", fault: bgpFault("bad-length", "x", 0, undefined) }, "nothing"],
    [{ kind: "bfd-down" }, "6/10"],
    [{ kind: "stop", say: shutdown(2, "bye") }, "6/2"],
    [hear({ kind: "notification", notification: notification(6, 3) }), "nothing"],
    [{ kind: "disconnected", reason: "reset" }, "nothing"],
  ];
  for (const [event, wanted] of faults) {
    const actions = inPhase("Established").on(event);
    assert.equal(said(actions), wanted);
    assert.deepEqual(actions.map(({ kind }) => kind), ["close", "down"]);
    const [close] = actions;
    assert.equal(close?.kind === "close" && close.bytes !== undefined, wanted !== "nothing");
  }
});

Deno.test("a stopped session stays idle until it is started again", () => {
  const at = inPhase("Established");
  at.on({ kind: "stop", say: undefined });
  assert.equal(nextDeadline(at.session), undefined);
  assert.deepEqual(at.on({ kind: "start" }), [{ kind: "connect" }]);
});

Deno.test("an attempt without answer ends after 10 s, an OPEN without answer after 4 minutes", () => {
  const at = inPhase("Connect");
  assert.equal(at.pass(20_000).find(([, { kind }]) => kind === "down")?.[0], 10_000);
  const open = inPhase("OpenSent");
  assert.equal(open.pass(300_000).find(([, { kind }]) => kind === "down")?.[0], 240_000);
});

Deno.test("B7: a peer that takes no bytes is given up with 8/0 after 8 minutes or twice the hold time", () => {
  for (const [holdTimeMs, wanted] of [[90_000, 480_000], [400_000, 800_000]] as const) {
    const at = bench({ holdTimeMs });
    at.establish({ ...OPEN, holdTimeSeconds: 400 });
    at.on({ kind: "blocked", blocked: true });
    let waited = 0;
    while (at.session.phase === "Established" && waited < 1_000_000) {
      at.on(hear(KEEPALIVE));
      at.pass(1000);
      waited += 1000;
    }
    assert.equal(waited, wanted);
  }
  const freed = inPhase("Established");
  freed.on({ kind: "blocked", blocked: true }, { kind: "blocked", blocked: false });
  assert.equal(freed.session.sendHoldDeadline, undefined);
});

Deno.test("2.6-9: a refresh of an agreed family is handed on, marks and other families are not", () => {
  const at = inPhase("Established");
  const ask = (afi: number, subtype = 0) => hear({ kind: "route-refresh", afi, safi: 1, subtype });
  assert.deepEqual(at.on(ask(1)), [{ kind: "refresh", family: 4 }]);
  assert.deepEqual(at.on(ask(2), ask(1, 1), ask(1, 2), ask(9)), []);
});

Deno.test("any sequence of events keeps the machine sound", () => {
  const events: SessionEvent[] = [
    { kind: "start" },
    CONNECTED,
    hear(OPEN),
    hear(KEEPALIVE),
    hear(UPDATE),
    hear({ kind: "notification", notification: notification(6, 2) }),
    { kind: "disconnected", reason: "x" },
    { kind: "bfd-down" },
    { kind: "blocked", blocked: true },
    { kind: "tick" },
    { kind: "stop", say: notification(6, 2) },
  ];
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...events), fc.nat(200_000))), (list) => {
      const at = bench({}, seededRandom(1));
      let connected = false;
      for (const [event, ms] of list) {
        for (const action of [...at.on(event), ...at.pass(ms).map(([, one]) => one)]) {
          if (action.kind === "connect") connected = true;
          if (action.kind === "close") connected = false;
          if (action.kind === "established") assert.ok(connected);
        }
        assert.equal(connected, at.session.phase !== "Idle");
        if (at.session.phase === "Idle") assert.equal(at.session.negotiated, undefined);
      }
    }),
    { seed: 9, numRuns: 1000 },
  );
});
