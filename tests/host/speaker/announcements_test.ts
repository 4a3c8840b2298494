import assert from "node:assert/strict";
import type { Protocol } from "../../../lib/config/types.ts";
import { createAnnouncements } from "../../../lib/host/speaker/announcements.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import { serviceKey } from "../../../lib/model/facts.ts";
import { recordedLog } from "../../support/log.ts";
import { bgpPlan, layer2Plan } from "./parts.ts";

const VIP = "10.77.1.220";
const UNTOLD = "no BGP peer is told: 10.77.1.220/32 to r1: the session is not established";

function workshop() {
  const log = recordedLog();
  const events: string[] = [];
  const metrics = createMetrics();
  const announcements = createAnnouncements({
    node: "node1",
    log,
    metrics,
    events: {
      assigned: (service) => void events.push(service),
      failed: (service, problem) => void events.push(`${service}: ${problem}`),
      labelled: (service, notice) => void events.push(`${service}: ${notice}`),
    },
  });
  const report = (
    protocol: Protocol,
    names: readonly string[],
    { here = true, on = here, failure }: { here?: boolean; on?: boolean; failure?: string } = {},
  ) => {
    const plan = protocol === "bgp" && here
      ? bgpPlan(VIP)
      : layer2Plan(VIP, here ? "node1" : "node2");
    const services = names.map((name) => serviceKey("default", name));
    const reason = on ? plan.reason : failure ?? (here ? UNTOLD : plan.reason);
    announcements.report({ ...plan, services }, { by: on ? [protocol] : [], failure, reason });
  };
  const shown = async () => {
    const text = await metrics.registry.metrics();
    return [
      ...text.matchAll(
        /^metallb_speaker_announced\{service="default\/([^"]+)",protocol="(\w+)",node="node1",ip="10\.77\.1\.220"\} 1$/gm,
      ),
    ].map(([, service, protocol]) => `${service} ${protocol}`);
  };
  /** An address of which the label of nodes is to be told. */
  const label = (address: string, notice: string | undefined) => {
    const plan = layer2Plan(address, "node1");
    announcements.report({ ...plan, notice }, { by: [], failure: undefined, reason: plan.reason });
  };
  return {
    announcements,
    label,
    report,
    shown,
    /** Since the last look. */
    events: () => events.splice(0),
    lines() {
      announcements.tell();
      return log.lines.splice(0).map(({ msg, fields }) => `${msg}: ${fields.reason}`);
    },
    log,
  };
}

Deno.test("createAnnouncements() shows what is announced, under each Service that shares the address", async () => {
  const { announcements, events, lines, report, shown } = workshop();
  report("layer2", ["a"]);
  assert.deepEqual(await shown(), ["a layer2"]);
  report("layer2", ["a", "b"]);
  assert.deepEqual(await shown(), ["a layer2", "b layer2"]);
  assert.deepEqual(events(), ["default/a", "default/b"], "an event for each Service, once");
  report("layer2", ["b"]);
  assert.deepEqual(await shown(), ["b layer2"]);
  report("layer2", ["b"], { here: false });
  assert.deepEqual(await shown(), []);
  report("layer2", ["b"]);
  assert.deepEqual(events(), ["default/b"], "owned anew after it was given up");
  announcements.forget(layer2Plan(VIP, "node1"));
  assert.deepEqual(await shown(), []);
  assert.deepEqual(lines(), [
    "address announced from here: owner",
    "address given up: node2 comes first in the election",
    "address announced from here: owner",
    "address gone: undefined",
  ]);
});

Deno.test("createAnnouncements() says why an address is not announced here, each reason once", async () => {
  const { events, lines, report, shown } = workshop();
  report("layer2", ["a"], { here: false });
  report("layer2", ["a"], { here: false });
  report("bgp", ["a"], { on: false });
  assert.deepEqual(lines(), [
    "address not announced here: node2 comes first in the election",
    `address not announced here: ${UNTOLD}`,
  ]);
  assert.deepEqual([events(), await shown()], [[], []], "a plan that is on no wire is no news");
});

Deno.test("createAnnouncements() follows a session that flaps in metric and log, with one event", async () => {
  const { events, lines, report, shown } = workshop();
  report("bgp", ["a"], { on: false });
  assert.deepEqual(events(), []);
  for (let flap = 0; flap < 3; flap++) {
    report("bgp", ["a"]);
    assert.deepEqual(await shown(), ["a bgp"]);
    report("bgp", ["a"], { on: false });
    assert.deepEqual(await shown(), []);
  }
  assert.deepEqual(events(), ["default/a"]);
  report("bgp", ["a", "b"]);
  assert.deepEqual(events(), ["default/b"], "a Service that joins is news");
  const flap = [
    "address announced from here: routed here by BGP",
    `address announced no more: ${UNTOLD}`,
  ];
  assert.deepEqual(lines(), [
    `address not announced here: ${UNTOLD}`,
    ...flap,
    ...flap,
    ...flap,
    "address announced from here: routed here by BGP",
  ]);
});

Deno.test("d04: createAnnouncements() warns each Service of the nodes' label, and in one line of all", () => {
  const { announcements, events, label, lines } = workshop();
  const warnings = () => lines().filter((line) => line.startsWith("the nodes' label"));
  for (const address of ["10.77.1.1", "10.77.1.2", "10.77.1.1"]) label(address, "all have it");
  assert.deepEqual(events(), ["default/web: all have it", "default/web: all have it"]);
  assert.deepEqual(warnings(), ["the nodes' label stands in the way: all have it"]);
  label("10.77.1.1", undefined);
  announcements.forget(layer2Plan("10.77.1.2", "node1"));
  assert.deepEqual([events(), warnings()], [[], []], "that it is over is no warning");
  label("10.77.1.1", "all have it");
  assert.deepEqual([events().length, warnings().length], [1, 1], "it is so again");
});

Deno.test("createAnnouncements() warns once of a Service that this node is to announce and cannot", () => {
  const { events, report } = workshop();
  const failure = "CAP_NET_RAW is missing";
  report("layer2", ["a"], { on: false, failure });
  report("layer2", ["a", "b"], { on: false, failure });
  assert.deepEqual(events(), [`default/a: ${failure}`, `default/b: ${failure}`]);
  report("layer2", ["a", "b"]);
  assert.deepEqual(events(), ["default/a", "default/b"], "it works after all");
});

Deno.test("many changes of one decision are one line for each message, and each for itself when debugging", () => {
  const { announcements, log } = workshop();
  for (let last = 0; last < 250; last++) {
    const plan = layer2Plan(`10.77.1.${last}`, last % 2 === 0 ? "node1" : "node2");
    const by = last % 2 === 0 ? ["layer2" as const] : [];
    announcements.report(plan, { by, failure: undefined, reason: plan.reason });
  }
  assert.equal(log.lines.length, 0, "the decision is not over");
  announcements.tell();
  const infos = log.lines.filter(({ level }) => level === "info");
  assert.deepEqual(infos.map(({ msg, fields }) => `${fields.count} ${msg}`), [
    "125 address announced from here",
    "125 address not announced here",
  ]);
  assert.match(String(infos[0]?.fields.ip), /^10\.77\.1\.0, 10\.77\.1\.2, .* and 115 more$/);
  assert.equal(log.lines.length, 252);
  announcements.tell();
  assert.equal(log.lines.length, 252, "once");
});
