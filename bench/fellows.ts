// deno-lint-ignore-file no-console -- tells the benchmark that started it that all are there
// Many speakers in one process, each with an address of its own: their gossip among all is whole,
// their heartbeats, in a thread of their own, go to the one speaker that is measured.
// usage: fellows.ts COUNT MEASURED_ADDRESS SECRET; the addresses are 10.77.1.101 and on, the
// measured speaker is node1.
import assert from "node:assert/strict";
import { gossipKeys } from "../lib/gossip/keys.ts";
import { startGossip } from "../lib/host/gossip/gossip.ts";
import { announcementOf } from "../lib/gossip/meta.ts";
import { systemClock } from "../lib/host/process/clock.ts";
import { openLog } from "../lib/host/process/log.ts";
import { createMetrics } from "../lib/host/metrics/metrics.ts";
import { parseIp } from "../lib/net/ip.ts";
import type { FellowBeats } from "./fellow_beats.ts";

const GOSSIP_PORT = 7946;
const HEARTBEAT_PORT = 7947;
const [count = "", measured = "", secret = ""] = Deno.args;
const measuredIp = parseIp(measured) ?? assert.fail(`${measured} is no address`);
const keys = gossipKeys(secret, undefined);
const log = await openLog("none", "json");
const metrics = createMetrics().gossip;
const ended = new AbortController();
Deno.addSignalListener("SIGTERM", () => ended.abort());

await using members = new AsyncDisposableStack();
for (let index = 1; index <= Number(count); index++) {
  const name = `fellow${index}`;
  const address = `10.77.1.${100 + index}`;
  const own = parseIp(address) ?? assert.fail(address);
  members.use(
    await startGossip({
      name,
      bind: { address: own, port: GOSSIP_PORT },
      keys,
      meta: announcementOf({
        inRing: true,
        port: HEARTBEAT_PORT,
        boot: index,
        sinceMs: 0,
        canAnnounce: true,
      }),
      candidates: () => ({ addresses: [measuredIp], complete: true }),
      isFit: () => true,
      onVouched: () => undefined,
      clock: systemClock,
      log,
      metrics,
      onChange: () => undefined,
    }, ended.signal),
  );
}
const beats = new Worker(new URL("./fellow_beats.ts", import.meta.url), { type: "module" });
const told: FellowBeats = { count: Number(count), measured, secret, port: HEARTBEAT_PORT };
beats.postMessage(told);
console.log("all are here");
await new Promise((resolve) => ended.signal.addEventListener("abort", resolve, { once: true }));
beats.terminate();
