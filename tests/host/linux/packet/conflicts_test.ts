import assert from "node:assert/strict";
import { startConflicts } from "../../../../lib/host/linux/packet/conflicts.ts";
import { createMetrics } from "../../../../lib/host/metrics/metrics.ts";
import type { Mac } from "../../../../lib/net/ethernet.ts";
import { formatIp } from "../../../../lib/net/ip.ts";
import { JUDGE_MS } from "../../../../lib/speaker/conflicts.ts";
import { ip4 } from "../../../support/addresses.ts";
import { virtualClock } from "../../../support/clock.ts";
import { recordedLog } from "../../../support/log.ts";

const VIP = ip4(0x0a4d01dc);
const [OWN, FELLOW, STRANGER] = [1 as Mac, 2 as Mac, 3 as Mac];

Deno.test("startConflicts() defends at once and tells of a host when it is judged, with its interface", async () => {
  const [clock, log, metrics] = [virtualClock(), recordedLog(), createMetrics()];
  const ending = new AbortController();
  const done: string[] = [];
  const conflicts = startConflicts({
    clock,
    log,
    metrics,
    defend: (ip) => done.push(`defends ${formatIp(ip)}`),
    nameOf: (ifindex) => `eth${ifindex}`,
    onConflict: (ip, mac) => done.push(`tells of ${formatIp(ip)} at ${mac}`),
  }, ending.signal);
  conflicts.setOwn(new Set([OWN]));
  conflicts.setOwned([VIP]);
  for (const mac of [OWN, FELLOW, STRANGER]) conflicts.seen({ ip: VIP, mac, ifindex: 2 });
  assert.deepEqual(done.splice(0), ["defends 10.77.1.220"]);
  assert.deepEqual(conflicts.suspects(), new Set([FELLOW, STRANGER]));
  conflicts.setFellows(new Set([FELLOW]), new Set());
  clock.advance(JUDGE_MS);
  assert.deepEqual(done.splice(0), [`tells of 10.77.1.220 at ${STRANGER}`]);
  assert.equal(log.lines.at(-1)?.fields.interface, "eth2");
  assert.deepEqual(conflicts.current(), [{ ip: VIP, mac: STRANGER }]);
  const text = await metrics.registry.getSingleMetricAsString("herald_layer2_conflicts_total");
  assert.match(text, /kind="split"\} 1$/m);
  assert.match(text, /kind="conflict"\} 1$/m);
  ending.abort();
  conflicts.seen({ ip: VIP, mac: STRANGER, ifindex: 2 });
  assert.deepEqual(done, []);
});
