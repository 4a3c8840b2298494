import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { createElection, leadEnds, mayWrite } from "../../lib/lease/election_state.ts";

const TIMING = { durationMs: 2_000, renewDeadlineMs: 1_200, retryPeriodMs: 300 };

Deno.test("createElection() leads nobody and is due at once", () => {
  const state = createElection("me", TIMING);
  assert.equal(state.phase, "standby");
  assert.ok(state.mustRead && state.nextAt < 0);
  assert.ok(!mayWrite(state, instant(-1e9)));
});

Deno.test("leadEnds() counts from when the last renewal was sent", () => {
  assert.equal(leadEnds({ ...createElection("me", TIMING), renewedAt: instant(500) }), 1_700);
});
