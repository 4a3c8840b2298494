import assert from "node:assert/strict";
import fc from "fast-check";
import { type Instant, instant } from "../../lib/base/time.ts";
import {
  createVerdicts,
  decide,
  forget,
  learn,
  missAnswer,
  type Verdict,
  VERDICT_LIMITS as LIMITS,
} from "../../lib/http/verdicts.ts";

const at = (ms: number): Instant => instant(ms);
const allowed = { kind: "verdict", verdict: "allowed" };

Deno.test("what is known is not asked again until it is old, a refusal sooner", () => {
  const verdicts = createVerdicts(at(0));
  assert.deepEqual(decide(verdicts, "a", at(0)), { kind: "ask" });
  learn(verdicts, "a", "allowed", at(0));
  learn(verdicts, "b", "forbidden", at(0));
  assert.deepEqual(decide(verdicts, "a", at(LIMITS.allowedMs - 1)), allowed);
  assert.deepEqual(decide(verdicts, "a", at(LIMITS.allowedMs)), { kind: "ask" });
  assert.deepEqual(decide(verdicts, "b", at(LIMITS.refusedMs - 1)), {
    kind: "verdict",
    verdict: "forbidden",
  });
  assert.deepEqual(decide(verdicts, "b", at(LIMITS.refusedMs)), { kind: "ask" });
});

Deno.test("while the API server is away the last good counts for a time, and nobody else comes in", () => {
  const verdicts = createVerdicts(at(0));
  learn(verdicts, "a", "allowed", at(0));
  learn(verdicts, "b", "unauthenticated", at(0));
  const later = LIMITS.lastGoodMs - 1;
  for (const key of ["a", "b", "c"]) {
    assert.deepEqual(
      missAnswer(verdicts, key, at(later)),
      key === "a" ? allowed : { kind: "unknown" },
      key,
    );
  }
  // It is let alone for a moment, and then asked again.
  assert.deepEqual(decide(verdicts, "c", at(later)), { kind: "unknown" });
  assert.deepEqual(decide(verdicts, "a", at(later)), allowed);
  assert.deepEqual(missAnswer(verdicts, "a", at(LIMITS.lastGoodMs)), { kind: "unknown" });
  assert.deepEqual(decide(verdicts, "c", at(LIMITS.lastGoodMs + LIMITS.restMs)), { kind: "ask" });
});

Deno.test("a right that was taken away does not come back while the API server is away", () => {
  const verdicts = createVerdicts(at(0));
  learn(verdicts, "a", "allowed", at(0));
  learn(verdicts, "a", "forbidden", at(1));
  assert.deepEqual(missAnswer(verdicts, "a", at(2)), { kind: "unknown" });
  learn(verdicts, "b", "allowed", at(3));
  forget(verdicts, "b");
  assert.deepEqual(missAnswer(verdicts, "b", at(4)), { kind: "unknown" });
});

Deno.test("a crowd that tries tokens is asked about a few times a second, and keeps out none that may", () => {
  const verdicts = createVerdicts(at(0));
  learn(verdicts, "prometheus", "allowed", at(0));
  let asked = 0;
  for (let ms = 0; ms < 60_000; ms++) {
    const key = `try ${ms}`;
    if (decide(verdicts, key, at(ms)).kind === "ask") {
      asked++;
      learn(verdicts, key, "unauthenticated", at(ms));
    }
    assert.notEqual(decide(verdicts, "prometheus", at(ms)).kind, "unknown");
  }
  assert.ok(asked <= LIMITS.strangersAtOnce + 60 * LIMITS.strangersPerSecond, String(asked));
  assert.ok(asked >= 60 * LIMITS.strangersPerSecond - 1, String(asked));
  assert.ok(verdicts.known.size <= LIMITS.entries);
});

Deno.test("whatever happens, nothing is allowed but what was, within its time, and little is kept", () => {
  const key = fc.constantFrom("a", "b", "c", "d");
  const verdict = fc.constantFrom<Verdict>("allowed", "forbidden", "unauthenticated");
  const event = fc.record({
    afterMs: fc.integer({ min: 0, max: 200_000 }),
    key,
    answer: fc.option(verdict, { nil: undefined }),
  });
  fc.assert(fc.property(fc.array(event, { maxLength: 60 }), (events) => {
    const limits = { ...LIMITS, entries: 3 };
    const verdicts = createVerdicts(at(0), limits);
    const last = new Map<string, { verdict: Verdict; at: number }>();
    let now = 0;
    for (const { afterMs, answer, key } of events) {
      now += afterMs;
      let decision = decide(verdicts, key, at(now));
      if (decision.kind === "ask") {
        if (answer === undefined) decision = missAnswer(verdicts, key, at(now));
        else {
          learn(verdicts, key, answer, at(now));
          last.set(key, { verdict: answer, at: now });
          continue;
        }
      }
      assert.notEqual(decision.kind, "ask");
      if (decision.kind === "verdict") {
        const known = last.get(key);
        assert.equal(decision.verdict, known?.verdict);
        assert.ok(now - (known?.at ?? 0) < LIMITS.lastGoodMs);
      }
      assert.ok(verdicts.known.size <= limits.entries);
    }
  }));
});
