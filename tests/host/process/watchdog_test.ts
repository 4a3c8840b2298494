import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { logOf } from "../../support/log.ts";
import {
  createFeed,
  createWatchdog,
  endWhenUnhealthy,
  look,
  startWatchdog,
  watchdogStart,
} from "../../../lib/host/process/watchdog.ts";
import { virtualClock } from "../../support/clock.ts";
import { start } from "../../support/process.ts";
import { waitFor } from "../../support/wait.ts";

Deno.test("look() counts the time in which nobody fed it, and begins anew when somebody does", () => {
  const state = createWatchdog(0);
  assert.equal(look(state, 5, 500), 0);
  assert.equal(look(state, 5, 1_000), 500);
  assert.equal(look(state, 5, 1_500), 1_000);
  assert.equal(look(state, 6, 2_000), 0);
  assert.equal(look(state, 6, 2_500), 500);
});

Deno.test("look() does not count the time in which the whole process stood still", () => {
  const state = createWatchdog(0);
  look(state, 1, 500);
  assert.equal(look(state, 1, 3_600_000), 1_000);
});

/** Looks a second apart, at each of which these problems are found; tells how it ended, and when. */
async function ended(looks: readonly (readonly string[])[]): Promise<readonly [string, number]> {
  const clock = virtualClock();
  const stop = new AbortController();
  let look = 0;
  const end = endWhenUnhealthy(clock, () => looks[look++] ?? [], stop.signal)
    .then(() => "by the signal", ({ message }: Error) => message);
  await clock.elapse(1_000 * looks.length);
  stop.abort();
  return [await end, look];
}

Deno.test("a process that is unhealthy for a minute ends where nobody probes it, and no other does", async () => {
  const ill = ["herald-arp ended: no reason"];
  const looks = (count: number, problems: readonly string[]) => Array(count).fill(problems);
  assert.deepEqual(await ended(looks(70, ill)), [
    "herald-arp ended: no reason: so for a minute, and only a new process mends it",
    60,
  ]);
  const [end] = await ended([...looks(59, ill), [], ...looks(59, ill)]);
  assert.equal(end, "by the signal");
});

function child(
  limitMs: number,
  stallMs: number,
  rights: readonly string[] = [],
  of = "controller",
) {
  const program = fileURLToPath(new URL("../watchdog_child.ts", import.meta.url));
  // No right to run programs or send signals, as the binary has none.
  const all = ["--allow-read", "--allow-env", "--no-prompt", ...rights];
  return start(Deno.execPath(), ["run", "-q", ...all, program, `${limitMs}`, `${stallMs}`, of]);
}

for (const [of, rights] of [["controller", []], ["speaker", ["--allow-ffi"]]] as const) {
  Deno.test(`the watchdog of a ${of} ends a process whose event loop stands still for good, and says so`, async () => {
    await using hanging = child(1_500, 60_000, rights, of);
    assert.equal(await hanging.exited, 134, hanging.output());
    assert.match(hanging.output(), /^stalls\n\{"level":"error",.*the event loop stands still/);
    assert.ok(!hanging.output().includes("goes on"));
  });
}

Deno.test("startWatchdog() lets a process that recovers in time go on", async () => {
  await using slow = child(20_000, 1_500);
  assert.equal(await slow.exited, 0, slow.output());
  assert.match(slow.output(), /^stalls\ngoes on\n$/);
});

Deno.test("startWatchdog() says when it cannot watch, and the process goes on", async () => {
  const warnings: string[] = [];
  const log = logOf({ warn: (_, msg) => void warnings.push(msg) });
  const start = watchdogStart(createFeed());
  using _watchdog = startWatchdog(new URL("file:///nowhere/watchdog_worker.js"), start, log);
  await waitFor("the warning", () => warnings.length > 0);
  assert.match(warnings[0] ?? "", /^no watchdog/);
});
