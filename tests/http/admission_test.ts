import assert from "node:assert/strict";
import fc from "fast-check";
import { instant } from "../../lib/base/time.ts";
import {
  type Admission,
  ADMISSION_LIMITS,
  admit,
  closeAdmission,
  createAdmission,
  enter,
  leave,
  overdue,
  stick,
  unstick,
} from "../../lib/http/admission.ts";

const LIMITS = { ...ADMISSION_LIMITS, connections: 4, perSource: 3 };

/** Connections 1, 2, … from these addresses, one a millisecond from 1 on. */
function filled(...addresses: readonly string[]): Admission {
  const hall = createAdmission(LIMITS);
  addresses.forEach((address, at) => admit(hall, at + 1, address, instant(at + 1)));
  return hall;
}

Deno.test("fault 5: whoever comes finds a place, and takes it of who waits longest without a request", () => {
  const hall = filled("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4");
  assert.deepEqual(admit(hall, 5, "10.0.0.5", instant(9)), { kind: "admitted", instead: 1 });
  enter(hall, 3, "answering", instant(9));
  enter(hall, 3, "idle", instant(10));
  assert.deepEqual(
    admit(hall, 6, "10.0.0.6", instant(11)),
    { kind: "admitted", instead: 3 },
    "who was answered already comes back without loss",
  );
});

Deno.test("fault 5: one source does not take the places of others", () => {
  const hall = filled("10.0.0.9", "10.0.0.1", "::ffff:10.0.0.1", "10.0.0.1");
  assert.deepEqual(admit(hall, 5, "10.0.0.1", instant(9)), { kind: "admitted", instead: 2 });
  const six = filled("fd00::1", "fd00::2", "fd00::3");
  assert.deepEqual(admit(six, 4, "fd00::4", instant(9)), { kind: "admitted", instead: 1 });
  assert.deepEqual(admit(six, 5, "fd00:0:0:1::4", instant(9)), {
    kind: "admitted",
    instead: undefined,
  });
});

Deno.test("an answer that is being taken keeps its place, one that nobody takes does not", () => {
  const hall = filled("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4");
  for (const id of [1, 2, 3, 4]) enter(hall, id, "answering", instant(id * 10));
  assert.deepEqual(admit(hall, 5, "10.0.0.5", instant(50)), { kind: "refused" });
  assert.deepEqual(admit(hall, 5, "10.0.0.5", instant(10 + LIMITS.patienceMs)), {
    kind: "admitted",
    instead: 1,
  });
});

Deno.test("who lets as many answers lie as he may have connections is refused until one is gone", () => {
  const hall = filled();
  for (let times = 0; times < LIMITS.perSource; times++) {
    assert.equal(admit(hall, times, "10.0.0.1", instant(1)).kind, "admitted");
    leave(hall, times);
    stick(hall, "::ffff:10.0.0.1");
  }
  assert.deepEqual(admit(hall, 9, "10.0.0.1", instant(2)), { kind: "refused" });
  assert.equal(admit(hall, 9, "10.0.0.2", instant(2)).kind, "admitted");
  for (let left = LIMITS.perSource; left > 0; left--) {
    unstick(hall, "10.0.0.1");
    assert.equal(admit(hall, 10 + left, "10.0.0.1", instant(3)).kind, "admitted");
    leave(hall, 10 + left);
  }
  assert.equal(hall.stuck.size, 0);
});

Deno.test("each phase has its time, and a byte now and then does not stretch it", () => {
  const hall = filled("10.0.0.1");
  enter(hall, 1, "reading", instant(4_000));
  assert.deepEqual(overdue(hall, instant(LIMITS.openingMs)), []);
  assert.deepEqual(overdue(hall, instant(1 + LIMITS.openingMs)), [1]);
  enter(hall, 1, "answering", instant(5_000));
  assert.deepEqual(overdue(hall, instant(5_000 + LIMITS.answeringMs)), [1]);
  enter(hall, 1, "idle", instant(6_000));
  assert.deepEqual(overdue(hall, instant(5_999 + LIMITS.idleMs)), []);
  enter(hall, 1, "reading", instant(7_000));
  enter(hall, 1, "reading", instant(11_000));
  assert.deepEqual(overdue(hall, instant(7_000 + LIMITS.readingMs)), [1]);
  leave(hall, 1);
  assert.deepEqual(overdue(hall, instant(1e9)), []);
});

Deno.test("closeAdmission() dismisses who waits, and gives an answer under way little time", () => {
  const hall = filled("10.0.0.1", "10.0.0.2");
  enter(hall, 2, "answering", instant(2));
  assert.deepEqual(closeAdmission(hall, instant(10)), [1]);
  assert.deepEqual(overdue(hall, instant(10 + LIMITS.patienceMs)), [1, 2]);
});

Deno.test("never are there more connections than places, in all or of one source", () => {
  const step = fc.record({
    kind: fc.constantFrom("come", "leave", "answering", "idle", "reading"),
    id: fc.integer({ min: 1, max: 12 }),
    source: fc.integer({ min: 1, max: 3 }),
    ms: fc.integer({ min: 0, max: 2_000 }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const hall = createAdmission(LIMITS);
    let now = 0;
    let next = 100;
    for (const { id, kind, ms, source } of steps) {
      now += ms;
      const known = [...hall.guests.keys()][id % Math.max(1, hall.guests.size)] ?? 0;
      if (kind === "come") admit(hall, next++, `10.0.0.${source}`, instant(now));
      else if (kind === "leave") leave(hall, known);
      else if (kind === "reading" || kind === "idle" || kind === "answering") {
        enter(hall, known, kind, instant(now));
      }
      assert.ok(hall.guests.size <= LIMITS.connections);
      const counts = Map.groupBy(hall.guests.values(), (guest) => guest.source);
      for (const group of counts.values()) assert.ok(group.length <= LIMITS.perSource);
    }
  }));
});
