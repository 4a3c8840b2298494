import assert from "node:assert/strict";
import type { ClusterEvent } from "../../../lib/host/cluster/cluster.ts";
import { createSpeakerEvents } from "../../../lib/host/speaker/events.ts";
import { serviceKey } from "../../../lib/model/facts.ts";
import { ip, service } from "../../controller/fixture.ts";
import { parseMac } from "../../support/addresses.ts";

const MAC = parseMac("02:00:00:00:00:09") ?? assert.fail();
const WEB = service("web");

function workshop() {
  const told: string[] = [];
  const stop = new AbortController();
  const events = createSpeakerEvents({
    cluster: {
      publishEvent: ({ about, type, reason, message }: ClusterEvent) => {
        told.push(`${about.name} ${type} ${reason}: ${message}`);
        return Promise.resolve();
      },
    },
    node: "node1",
    facts: (key) => key === WEB.key ? WEB : undefined,
    servicesOn: () => [WEB.key, serviceKey("default", "gone")],
  }, stop.signal);
  return { events, told };
}

Deno.test("createSpeakerEvents() tells who announces, or why layer 2 cannot", () => {
  const well = workshop();
  well.events.owner(WEB.key, "layer2", undefined);
  well.events.owner(serviceKey("default", "gone"), "layer2", undefined);
  assert.deepEqual(well.told, ['web Normal nodeAssigned: announcing from node "node1"']);
  const broken = workshop();
  broken.events.owner(WEB.key, "layer2", "CAP_NET_RAW is missing");
  broken.events.owner(WEB.key, "bgp", "CAP_NET_RAW is missing");
  assert.deepEqual(broken.told, [
    'web Warning announceFailed: failed to announce from node "node1": CAP_NET_RAW is missing',
    'web Normal nodeAssigned: announcing from node "node1"',
  ]);
});

Deno.test("createSpeakerEvents() names the host that has an address too", () => {
  const { events, told } = workshop();
  events.conflict(ip("10.0.0.1"), MAC);
  events.taken(ip("10.0.0.1"), MAC);
  const host = "web Warning AddressConflict: host 02:00:00:00:00:09 on the network has the address";
  assert.deepEqual(told, [`${host} 10.0.0.1 too`, `${host} 10.0.0.1: not announced`]);
});
