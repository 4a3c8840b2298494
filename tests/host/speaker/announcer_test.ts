import assert from "node:assert/strict";
import type { Bgp } from "../../../lib/host/linux/bgp/bgp.ts";
import { bgpAnnouncer } from "../../../lib/host/speaker/announcer.ts";
import { formatIp } from "../../../lib/net/ip.ts";
import { bgpPlan, layer2Plan, routeOf } from "./parts.ts";
import { node, nodesOf, speakerView } from "../../support/facts.ts";

const VIEW = speakerView();

function bench() {
  const told: { labels: Record<string, string>; changes: Record<string, unknown> }[] = [];
  const bgp: Pick<Bgp, "update"> = {
    update: (_, labels, changes) =>
      void told.push({
        labels: Object.fromEntries(labels),
        changes: Object.fromEntries([...changes].map(([ip, routes]) => [formatIp(ip), routes])),
      }),
  };
  return { announcer: bgpAnnouncer(bgp), told };
}

Deno.test("bgpAnnouncer() tells the routes of each address that changed, none of layer 2 or gone", () => {
  const { announcer, told } = bench();
  announcer.update(VIEW, {
    all: new Map(),
    changed: [bgpPlan("10.77.1.1"), layer2Plan("10.77.1.2", "node1")],
    gone: [bgpPlan("10.77.1.3")],
  });
  assert.deepEqual(told.map(({ changes }) => changes), [
    { "10.77.1.3": [], "10.77.1.1": [routeOf("10.77.1.1")], "10.77.1.2": [] },
  ]);
});

Deno.test("bgpAnnouncer() chooses peers by this node's labels, by its name where nobody tells them", () => {
  const { announcer, told } = bench();
  const labels = new Map([["rack", "7"]]);
  announcer.update(VIEW, { all: new Map(), changed: [], gone: [] });
  announcer.update({ ...VIEW, nodes: nodesOf(node("node1", { labels })) }, {
    all: new Map(),
    changed: [],
    gone: [],
  });
  assert.deepEqual(told.map(({ labels }) => labels), [
    { "kubernetes.io/hostname": "node1" },
    { rack: "7" },
  ]);
});
