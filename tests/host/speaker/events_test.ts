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

Deno.test("createSpeakerEvents() tells who announces, or why it cannot", () => {
  const { events, told } = workshop();
  events.assigned(WEB.key);
  events.assigned(serviceKey("default", "gone"));
  events.failed(WEB.key, "CAP_NET_RAW is missing");
  assert.deepEqual(told, [
    'web Normal nodeAssigned: announcing from node "node1"',
    'web Warning announceFailed: failed to announce from node "node1": CAP_NET_RAW is missing',
  ]);
});

Deno.test("createSpeakerEvents() tells what is wrong among the speakers at this node's object", () => {
  const { events, told } = workshop();
  events.disagreement("they differ");
  assert.deepEqual(told, ["node1 Warning SpeakersDisagree: they differ"]);
});

Deno.test("createSpeakerEvents() names the host that has an address too", () => {
  const { events, told } = workshop();
  events.conflict(ip("10.0.0.1"), MAC);
  events.taken(ip("10.0.0.1"), MAC);
  const host = "web Warning AddressConflict: host 02:00:00:00:00:09 on the network has the address";
  assert.deepEqual(told, [`${host} 10.0.0.1 too`, `${host} 10.0.0.1: not announced`]);
});
