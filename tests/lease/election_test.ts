import assert from "node:assert/strict";
import { type Instant, instant } from "../../lib/base/time.ts";
import { nextDeadline, step } from "../../lib/lease/election.ts";
import {
  createElection,
  type ElectionAction,
  type ElectionEvent,
  type ElectionState,
  mayWrite,
  writeWithinMs,
} from "../../lib/lease/election_state.ts";
import type { Lease, LeaseRecord } from "../../lib/lease/record.ts";

const TIMING = { durationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

function lease(version: number, holder: string, more: Partial<LeaseRecord> = {}): Lease {
  const record = {
    holder,
    durationMs: 15_000,
    acquireTime: "a",
    renewTime: `r${version}`,
    transitions: 0,
    ...more,
  };
  return { resourceVersion: `${version}`, record, object: {} };
}

/** One candidate and its clock. */
function candidate(random = 0.5, nothingGiven = true) {
  let state: ElectionState = createElection("me", TIMING);
  let now = 0;
  const feed = (event: ElectionEvent): readonly ElectionAction[] => {
    const turn = step(state, event, {
      now: instant(now),
      wallMs: 0,
      random: () => random,
      nothingGiven,
    });
    state = turn.state;
    return turn.actions;
  };
  /** Ticks as the host does, up to then. */
  const wait = (until: number): ElectionAction[] => {
    const actions: ElectionAction[] = [];
    for (;;) {
      const due = nextDeadline(state);
      if (due === undefined || due > until) break;
      now = Math.max(now, due);
      actions.push(...feed({ kind: "tick" }));
      assert.ok((nextDeadline(state) ?? Infinity) > now, "a tick that changes nothing");
    }
    now = until;
    return actions;
  };
  const answer = (kind: "read" | "written" | "conflict" | "failed", of?: Lease) => {
    const id = state.pending?.id ?? -1;
    if (kind === "read") return feed({ kind, id, lease: of });
    if (kind !== "written") return feed({ kind, id });
    assert.ok(of);
    return feed({ kind, id, lease: of });
  };
  return {
    feed,
    wait,
    answer,
    kinds: (actions: readonly ElectionAction[]) => actions.map(({ kind }) => kind),
    get state() {
      return state;
    },
    get now(): Instant {
      return instant(now);
    },
    leading: () => mayWrite(state, instant(now)),
  };
}

/** A candidate that leads since 0, renewed at that time. */
function leader() {
  const one = candidate();
  one.wait(0);
  one.answer("read", undefined);
  assert.deepEqual(one.kinds(one.answer("written", lease(1, "me"))), ["holder", "started"]);
  return one;
}

function written(actions: readonly ElectionAction[]): LeaseRecord {
  const found = actions.find((action) => action.kind === "write");
  assert.ok(found?.kind === "write", JSON.stringify(actions));
  return found.record;
}

Deno.test("step() reads first, and makes a lease where there is none", () => {
  const one = candidate();
  assert.deepEqual(one.wait(0), [{ kind: "read", id: 1, withinMs: 5_000 }]);
  assert.deepEqual(one.answer("read", undefined), [{
    kind: "write",
    id: 2,
    base: undefined,
    record: {
      holder: "me",
      durationMs: 15_000,
      acquireTime: "1970-01-01T00:00:00.000000Z",
      renewTime: "1970-01-01T00:00:00.000000Z",
      transitions: 0,
    },
    withinMs: 5_000,
  }]);
  assert.ok(!one.leading(), "nothing is confirmed yet");
  one.answer("written", lease(1, "me"));
  assert.ok(one.leading());
});

Deno.test("step() waits as long as the lease was not seen to change, whatever its times say", () => {
  const one = candidate();
  one.wait(0);
  one.answer("read", lease(7, "other", { renewTime: "1999-01-01T00:00:00.000000Z" }));
  for (let at = 0; at < 14_000;) {
    one.wait(at += 500);
    if (one.state.pending) {
      one.answer("read", lease(7, "other", { renewTime: "1999-01-01T00:00:00.000000Z" }));
    }
    assert.equal(one.state.pending, undefined, `at ${at}`);
  }
  // At the moment of expiry, on the version seen: no look is needed before.
  const actions = one.wait(15_000);
  assert.equal(one.now, 15_000);
  const record = written(actions);
  assert.equal(record.holder, "me");
  assert.equal(record.transitions, 1);
  assert.equal(one.state.lease?.resourceVersion, "7");
});

Deno.test("step() begins the wait anew with each change, and not with one of the metadata", () => {
  const one = candidate();
  one.wait(0);
  one.answer("read", lease(1, "other"));
  one.wait(10_000);
  one.answer("read", lease(2, "other"));
  assert.equal(one.state.heldUntil, 25_000);
  one.feed({ kind: "seen", lease: { ...lease(2, "other"), resourceVersion: "3" } });
  assert.equal(one.state.heldUntil, 25_000);
  assert.equal(one.state.lease?.resourceVersion, "3");
});

Deno.test("step() takes the holder's own duration, and its own where there is none", () => {
  for (
    const [durationMs, until] of [[2_000, 2_000], [60_000, 60_000], [undefined, 15_000]] as const
  ) {
    const one = candidate();
    one.wait(0);
    one.answer("read", lease(1, "other", { durationMs }));
    assert.equal(one.state.heldUntil, until);
  }
});

Deno.test("step() spreads its looks at another's lease over 1 to 2.2 retry periods", () => {
  for (const [random, at] of [[0, 2_000], [0.5, 3_200], [0.999_999, 4_400]] as const) {
    const one = candidate(random);
    one.wait(0);
    one.answer("read", lease(1, "other"));
    assert.equal(Math.round(nextDeadline(one.state) ?? -1), at);
  }
});

Deno.test("step() takes a released lease at once", () => {
  const one = candidate();
  one.wait(0);
  one.answer("read", lease(1, "other"));
  one.wait(500);
  const actions = one.feed({
    kind: "seen",
    lease: lease(2, "", { durationMs: 1000, transitions: 3 }),
  });
  assert.deepEqual(one.kinds(actions), ["holder", "write"]);
  assert.equal(written(actions).transitions, 4);
});

Deno.test("step() does not take a deleted lease before the time of its holder is over", () => {
  const one = candidate();
  one.wait(0);
  one.answer("read", lease(1, "other"));
  one.wait(4_000);
  assert.deepEqual(one.answer("read", undefined), []);
  for (let at = 4_000; at < 14_500;) {
    one.wait(at += 500);
    if (one.state.pending) assert.deepEqual(one.answer("read", undefined), [], `at ${at}`);
  }
  assert.equal(written(one.wait(15_000)).holder, "me");
});

Deno.test("fault 18: step() waits where there is no lease while addresses are given: its holder may not know", () => {
  const one = candidate(0.5, false);
  one.wait(0);
  assert.deepEqual(one.answer("read", undefined), []);
  for (let at = 0; at < 14_500;) {
    one.wait(at += 500);
    if (one.state.pending) assert.deepEqual(one.answer("read", undefined), [], `at ${at}`);
  }
  assert.equal(written(one.wait(15_000)).holder, "me");
});

Deno.test("fault 19: step() counts the time for which the machine stood against its own lead, and nobody else's", () => {
  const one = leader();
  one.wait(1_000);
  assert.deepEqual(one.feed({ kind: "paused", ms: 8_000 }), []);
  assert.ok(one.leading());
  assert.deepEqual(one.kinds(one.feed({ kind: "paused", ms: 2_000 })), ["stopped", "write"]);
  assert.ok(!one.leading());

  const renewing = leader();
  renewing.wait(2_000);
  renewing.feed({ kind: "paused", ms: 20_000 });
  assert.deepEqual(renewing.kinds(renewing.answer("written", lease(2, "me"))), ["write"]);
  assert.ok(!renewing.leading(), "the answer is older than it looks");

  const other = candidate();
  other.wait(0);
  other.answer("read", lease(1, "other"));
  assert.deepEqual(other.feed({ kind: "paused", ms: 60_000 }), [], "a leader may go on elsewhere");
});

Deno.test("step() makes its lease anew as soon as a watch tells that it is gone", () => {
  const one = leader();
  one.wait(500);
  assert.deepEqual(one.kinds(one.feed({ kind: "deleted" })), ["read"]);
  const actions = one.answer("read", undefined);
  assert.ok(actions[0]?.kind === "write" && actions[0].base === undefined);
  assert.ok(one.leading());
});

Deno.test("step() renews each retry period, from when the last renewal was sent", () => {
  const one = leader();
  assert.deepEqual(one.wait(1_999), []);
  const record = written(one.wait(2_000));
  assert.deepEqual([record.holder, record.acquireTime, record.transitions], ["me", "a", 0]);
  one.wait(3_500);
  assert.deepEqual(one.answer("written", lease(2, "me")), []);
  assert.deepEqual([one.state.renewedAt, one.state.nextAt], [2_000, 4_000]);
});

Deno.test("step() stops at the renew deadline, and not later for an answer that comes late", () => {
  const one = leader();
  one.wait(2_000);
  const actions = one.wait(10_000);
  assert.deepEqual(actions, [{ kind: "stopped", reason: "not-renewed" }]);
  assert.ok(!one.leading());
  // The answer to the renewal of 2,000: its own deadline is 12,000, so it leads once more.
  assert.deepEqual(one.kinds(one.answer("written", lease(2, "me"))), [
    "started",
    "write",
  ]);
  assert.ok(one.leading());

  const late = leader();
  late.wait(2_000);
  late.wait(12_000);
  assert.deepEqual(late.kinds(late.answer("written", lease(2, "me"))), ["write"], "renewed first");
  assert.ok(!late.leading());
});

Deno.test("step() says first that the lead is over when it was asleep past the deadline", () => {
  const one = leader();
  one.wait(2_000);
  const { id = -1 } = one.state.pending ?? {};
  const turn = step(one.state, { kind: "written", id, lease: lease(2, "me") }, {
    now: instant(60_000),
    wallMs: 0,
    random: () => 0,
  });
  assert.deepEqual(turn.actions.map(({ kind }) => kind), ["stopped", "write"]);
  assert.ok(!mayWrite(turn.state, instant(60_000)));
});

Deno.test("step() tries again while it leads: after a failure in the rhythm, after a timeout at once", () => {
  const one = leader();
  one.wait(2_000);
  assert.deepEqual(one.answer("failed"), []);
  assert.deepEqual(one.kinds(one.wait(4_000)), ["read"], "a write may have been done all the same");
  one.wait(9_000);
  assert.deepEqual(one.kinds(one.answer("failed")), ["read"]);
  assert.deepEqual(one.kinds(one.answer("read", lease(2, "me"))), ["write"]);
  one.answer("written", lease(3, "me"));
  assert.equal(one.state.renewedAt, 9_000);
});

Deno.test("step() reads again after a conflict, and stops at once when another holds the lease", () => {
  const one = leader();
  one.wait(2_000);
  assert.deepEqual(one.kinds(one.answer("conflict")), ["read"]);
  assert.ok(one.leading(), "somebody may only have edited a label");
  assert.deepEqual(one.answer("read", lease(9, "other")), [
    { kind: "holder", holder: "other" },
    { kind: "stopped", reason: "taken" },
  ]);
  assert.ok(!one.leading());
});

Deno.test("step() makes its lease anew when somebody deleted it", () => {
  const one = leader();
  one.wait(2_000);
  one.answer("conflict");
  const actions = one.answer("read", undefined);
  assert.ok(actions[0]?.kind === "write" && actions[0].base === undefined);
  assert.ok(one.leading());
});

Deno.test("step() does not race on and on against conflicts", () => {
  const one = candidate();
  one.wait(0);
  one.answer("read", undefined);
  one.answer("conflict");
  one.answer("read", undefined);
  assert.deepEqual(one.answer("conflict"), [], "the second in a row waits");
  assert.deepEqual(one.kinds(one.wait(5_000)), ["read"]);
});

Deno.test("step() goes on under its own name after a write whose answer was lost", () => {
  const one = candidate();
  one.wait(0);
  one.answer("read", undefined);
  one.answer("failed");
  one.wait(5_000);
  const actions = one.answer("read", lease(1, "me", { transitions: 2 }));
  assert.equal(written(actions).transitions, 2);
  assert.ok(!one.leading(), "only a write that is known to have succeeded gives the lead");
});

Deno.test("step() releases: nobody's, for a second, the count stays", () => {
  const one = leader();
  one.wait(1_000);
  const actions = one.feed({ kind: "stop" });
  assert.deepEqual(one.kinds(actions), ["stopped", "write"]);
  assert.deepEqual([written(actions).holder, written(actions).durationMs], ["", 1000]);
  assert.ok(!one.leading());
  assert.deepEqual(one.kinds(one.answer("written", lease(2, ""))), ["holder", "ended"]);
  assert.equal(nextDeadline(one.state), undefined);
  assert.deepEqual(one.feed({ kind: "tick" }), []);
});

Deno.test("step() waits for a renewal under way before it releases", () => {
  const one = leader();
  one.wait(2_000);
  assert.deepEqual(one.kinds(one.feed({ kind: "stop" })), ["stopped"]);
  assert.equal(written(one.answer("written", lease(2, "me"))).holder, "");
});

Deno.test("step() ends a release that fails, and one that another was faster than", () => {
  const failing = leader();
  failing.feed({ kind: "stop" });
  assert.deepEqual(failing.kinds(failing.answer("failed")), ["ended"]);

  const beaten = leader();
  beaten.feed({ kind: "stop" });
  assert.deepEqual(beaten.kinds(beaten.answer("conflict")), ["read"]);
  assert.deepEqual(beaten.kinds(beaten.answer("read", lease(5, "other"))), ["holder", "ended"]);

  const standby = candidate();
  standby.wait(0);
  standby.answer("read", lease(1, "other"));
  assert.deepEqual(standby.kinds(standby.feed({ kind: "stop" })), ["ended"]);
});

Deno.test("step() ignores answers to questions that it does not ask any more", () => {
  const one = leader();
  const before = one.state;
  for (const kind of ["conflict", "failed"] as const) one.feed({ kind, id: 99 });
  one.feed({ kind: "written", id: 99, lease: lease(9, "other") });
  one.feed({ kind: "read", id: 99, lease: undefined });
  assert.deepEqual(one.state, before);
});

Deno.test("mayWrite() and writeWithinMs() leave room between the last write and the next leader", () => {
  const one = leader();
  const within = writeWithinMs(TIMING);
  assert.equal(within, 4_000);
  assert.ok(mayWrite(one.state, instant(9_999)));
  assert.ok(!mayWrite(one.state, instant(10_000)));
  assert.ok(9_999 + within < 15_000);
});
