import assert from "node:assert/strict";
import { instant } from "../../../lib/base/time.ts";
import { systemClock } from "../../../lib/host/process/clock.ts";
import {
  assignments,
  createTold,
  readServiceManager,
  startNotifier,
} from "../../../lib/host/process/service_manager.ts";
import { recordedLog } from "../../support/log.ts";
import { waitFor } from "../../support/wait.ts";

const WELL = { notReady: [], unhealthy: [] };

Deno.test("readServiceManager() knows the socket, and the watchdog where this process is meant", () => {
  const read = (env: Record<string, string>) => readServiceManager((name) => env[name], 7);
  const [NOTIFY_SOCKET, WATCHDOG_USEC] = ["/run/systemd/notify", "30000000"];
  assert.equal(read({}), undefined);
  assert.equal(read({ NOTIFY_SOCKET: "", WATCHDOG_USEC }), undefined);
  assert.deepEqual(read({ NOTIFY_SOCKET }), { socket: NOTIFY_SOCKET, watchdogMs: undefined });
  for (const WATCHDOG_PID of ["7", undefined]) {
    const env = { NOTIFY_SOCKET, WATCHDOG_USEC, ...WATCHDOG_PID && { WATCHDOG_PID } };
    assert.equal(read(env)?.watchdogMs, 30_000);
  }
  assert.equal(read({ NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID: "8" })?.watchdogMs, undefined);
  assert.equal(read({ NOTIFY_SOCKET, WATCHDOG_USEC: "soon" })?.watchdogMs, undefined);
});

Deno.test("assignments() tells readiness once, and why there is none", () => {
  const told = createTold();
  const at = (state: typeof WELL | { notReady: string[]; unhealthy: string[] }) =>
    assignments(told, state, undefined, instant(0));
  assert.deepEqual(at({ notReady: ["no\nconfiguration"], unhealthy: [] }), [
    "STATUS=no configuration",
  ]);
  assert.deepEqual(at({ notReady: ["no\nconfiguration"], unhealthy: [] }), []);
  assert.deepEqual(at(WELL), ["READY=1", "STATUS=ready"]);
  assert.deepEqual(at({ notReady: ["x".repeat(2_000)], unhealthy: [] }).map((one) => one.length), [
    "STATUS=".length + 500,
  ]);
  assert.deepEqual(at(WELL), ["STATUS=ready"], "READY=1 is told once");
});

Deno.test("assignments() gives a sign of life at half the time while nothing is wrong, and none otherwise", () => {
  const told = createTold();
  const at = (nowMs: number, unhealthy: string[] = []) =>
    assignments(told, { notReady: [], unhealthy }, 10_000, instant(nowMs)).filter((one) =>
      one === "WATCHDOG=1"
    ).length;
  assert.deepEqual([0, 4_999, 5_000, 5_001, 10_000].map((now) => at(now)), [1, 0, 1, 0, 1]);
  assert.equal(at(15_000, ["the thread herald-arp is dead"]), 0);
  assert.equal(at(15_500), 1, "at once when it is well again");
});

Deno.test("startNotifier() tells a real socket, and STOPPING=1 is its last word", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-notify-" });
  try {
    const path = `${folder}/notify`;
    const socket = Deno.listenDatagram({ transport: "unixpacket", path });
    using _socket = { [Symbol.dispose]: () => socket.close() };
    const next = async () => new TextDecoder().decode((await socket.receive())[0]);
    const leaving = new AbortController();
    const manager = { socket: path, watchdogMs: 200 };
    const log = recordedLog();
    using _notifier = startNotifier(
      { manager, state: () => WELL, clock: systemClock, log },
      leaving.signal,
    );
    assert.equal(await next(), "READY=1\nSTATUS=ready\nWATCHDOG=1");
    assert.equal(await next(), "WATCHDOG=1");
    leaving.abort();
    let last = "";
    await waitFor("the end", async () => (last = await next()).startsWith("STOPPING=1"));
    assert.equal(last, "STOPPING=1\nSTATUS=handing over");
    assert.deepEqual(log.lines, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("startNotifier() says once that its socket cannot be reached", async () => {
  for (const socket of ["/nonexistent/notify", "@abstract"]) {
    const log = recordedLog();
    using _notifier = startNotifier({
      manager: { socket, watchdogMs: 40 },
      state: () => WELL,
      clock: systemClock,
      log,
    }, new AbortController().signal);
    await waitFor("the warning", () => log.lines.length > 0);
    assert.match(JSON.stringify(log.lines), /cannot tell the service manager/);
  }
});
