import assert from "node:assert/strict";
import { startDeadline } from "../../../lib/host/kubernetes/deadline.ts";

function start(ms: number) {
  const [own, owner] = [new AbortController(), new AbortController()];
  return { own, owner, deadline: startDeadline(ms, own.signal, owner.signal) };
}

Deno.test("startDeadline() fires with its time and says that it was the time", async () => {
  const { deadline } = start(5);
  await new Promise((resolve) => deadline.signal.addEventListener("abort", resolve));
  assert.equal(deadline.expired(), true);
  deadline.clear();
});

Deno.test("startDeadline() fires with either signal, and says that it was not the time", () => {
  for (const which of ["own", "owner"] as const) {
    const started = start(60_000);
    started[which].abort();
    assert.equal(started.deadline.signal.aborted, true);
    assert.equal(started.deadline.expired(), false);
    started.deadline.clear();
  }
  const fired = AbortSignal.abort();
  const late = startDeadline(60_000, new AbortController().signal, fired);
  assert.equal(late.signal.aborted, true);
  late.clear();
});

Deno.test("clear() lets go of both signals; after handOver() the own one still counts", () => {
  const cleared = start(60_000);
  cleared.deadline.clear();
  cleared.own.abort();
  cleared.owner.abort();
  assert.equal(cleared.deadline.signal.aborted, false);
  const handed = start(60_000);
  handed.deadline.handOver();
  handed.deadline.clear();
  handed.owner.abort();
  assert.equal(handed.deadline.signal.aborted, false);
  handed.own.abort();
  assert.equal(handed.deadline.signal.aborted, true);
});
