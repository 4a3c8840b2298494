import assert from "node:assert/strict";
import { createAnnouncements } from "../../../lib/host/speaker/announcements.ts";
import { recordedLog } from "../../support/log.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import { serviceKey } from "../../../lib/model/facts.ts";
import type { AddressPlan } from "../../../lib/speaker/plan.ts";
import { ip4 } from "../../support/addresses.ts";

function plan(services: readonly string[], announce: boolean): AddressPlan {
  const reason = announce ? "owner" : "node2 comes first in the election";
  return {
    ip: ip4(0x0a4d01dc),
    services: services.map((name) => serviceKey("default", name)),
    pool: "p",
    announce: {
      layer2: {
        owner: announce ? "node1" : "node2",
        here: announce,
        interfaces: undefined,
        canLinger: true,
        silent: undefined,
        reason,
      },
    },
    candidates: {},
    salt: "",
    silent: undefined,
    reason,
  };
}

function workshop() {
  const log = recordedLog();
  const owned: string[] = [];
  const metrics = createMetrics();
  const announcements = createAnnouncements({
    node: "node1",
    log,
    metrics,
    onOwned: (service, protocol) => {
      assert.equal(protocol, "layer2");
      owned.push(service);
    },
  });
  const shown = async () => {
    const text = await metrics.registry.metrics();
    return [
      ...text.matchAll(
        /^metallb_speaker_announced\{service="([^"]+)",protocol="layer2",node="node1",ip="10\.77\.1\.220"\} 1$/gm,
      ),
    ].map(([, service]) => service);
  };
  return { announcements, log, lines: log.messages, owned, shown };
}

Deno.test("createAnnouncements() shows what is announced, under each Service that shares the address", async () => {
  const { announcements, lines, owned, shown } = workshop();
  announcements.report(plan(["a"], true));
  assert.deepEqual(await shown(), ["default/a"]);
  announcements.report(plan(["a", "b"], true));
  assert.deepEqual(await shown(), ["default/a", "default/b"]);
  assert.deepEqual(owned, ["default/a", "default/b"], "an event for each Service, once");
  announcements.report(plan(["b"], true));
  assert.deepEqual(await shown(), ["default/b"]);
  announcements.report(plan(["b"], false));
  assert.deepEqual(await shown(), []);
  announcements.report(plan(["b"], true));
  assert.deepEqual(
    owned,
    ["default/a", "default/b", "default/b"],
    "owned anew after it was given up",
  );
  announcements.forget(plan(["b"], true));
  assert.deepEqual(await shown(), []);
  assert.deepEqual(lines(), [
    "address announced from here",
    "address given up",
    "address announced from here",
    "address gone",
  ]);
});

Deno.test("createAnnouncements() says why an address is not announced here", () => {
  const { announcements, lines, owned } = workshop();
  announcements.report(plan(["a"], false));
  assert.deepEqual([lines(), owned], [["address not announced here"], []]);
});
