import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { nextDeadline, step } from "../../lib/bgp/fsm.ts";
import { createSession } from "../../lib/bgp/session.ts";

const TERMS = {
  myAsn: 64500,
  peerAsn: 64501,
  holdTimeMs: 90_000,
  keepaliveTimeMs: 30_000,
  gracefulRestart: false,
};

Deno.test("createSession() makes one that waits to be started, and is told of nothing meanwhile", () => {
  const session = createSession(TERMS);
  assert.equal(session.phase, "Idle");
  assert.equal(nextDeadline(session), undefined);
  assert.ok(session.restarting, "the first OPEN says that it restarts");
  const events = [{ kind: "tick" }, { kind: "bfd-down" }, { kind: "updates-sent" }] as const;
  for (const event of events) assert.deepEqual(step(session, event, instant(0), () => 0), []);
  assert.deepEqual(step(session, { kind: "start" }, instant(0), () => 0), [{ kind: "connect" }]);
});
