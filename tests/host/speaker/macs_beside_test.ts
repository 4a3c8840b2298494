import assert from "node:assert/strict";
import { ALONE } from "../../../lib/host/speaker/fellows.ts";
import { watchMacsBeside } from "../../../lib/host/speaker/macs_beside.ts";
import type { Mac } from "../../../lib/net/ethernet.ts";
import { ip, ips } from "../../controller/fixture.ts";
import { metallbOn, node, nodesOf } from "../../support/facts.ts";
import { speakerContext } from "./parts.ts";

const [BY_GOSSIP, BY_NODE, OTHER] = [1, 2, 3].map((mac) => mac as Mac);

Deno.test("F7: the hardware addresses of MetalLB's speakers are those of their gossip and of their nodes", () => {
  const { clock, log, signal, stop } = speakerContext();
  const beside = { nodes: [] as string[], addresses: [] as string[], asked: 0, broken: true };
  const told: (readonly Mac[])[] = [];
  watchMacsBeside({
    fellows: {
      beside: () => metallbOn(beside.nodes, 16),
      roster: () => ({
        ...ALONE.roster(),
        addressesBeside: new Set(ips(...beside.addresses)),
      }),
    },
    facts: { nodes: () => nodesOf(node("n2", { addresses: ips("10.79.0.2") })) },
    neighbours() {
      beside.asked++;
      if (beside.broken) throw new Error("EPERM");
      return [
        { ip: ip("10.77.0.2"), mac: BY_GOSSIP ?? 0 as Mac },
        { ip: ip("10.79.0.2"), mac: BY_NODE ?? 0 as Mac },
        { ip: ip("10.77.0.9"), mac: OTHER ?? 0 as Mac },
      ];
    },
    clock,
    log,
    onMacs: (macs) => void told.push(macs),
  }, signal);
  clock.advance(5_000);
  assert.equal(beside.asked, 0, "nobody is beside");
  beside.nodes = ["n2"];
  beside.addresses = ["10.77.0.2"];
  clock.advance(2_000);
  assert.deepEqual([told, log.messages("warn").length], [[], 1]);
  beside.broken = false;
  clock.advance(2_000);
  assert.deepEqual(told, [[BY_GOSSIP, BY_NODE]], "told when there are more");
  beside.nodes = [];
  beside.addresses = [];
  const { asked } = beside;
  clock.advance(5_000);
  assert.equal(beside.asked, asked);
  stop.abort();
  clock.advance(5_000);
  assert.equal(clock.pending(), 0);
});
