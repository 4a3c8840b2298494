import assert from "node:assert/strict";
import { ALONE } from "../../../lib/host/speaker/fellows.ts";
import { watchMacsBeside } from "../../../lib/host/speaker/macs_beside.ts";
import type { Mac } from "../../../lib/net/ethernet.ts";
import type { Ip } from "../../../lib/net/ip.ts";
import type { Beating } from "../../../lib/speaker/roster.ts";
import { ip, ips } from "../../controller/fixture.ts";
import { metallbOn, node, nodesOf } from "../../support/facts.ts";
import { speakerContext } from "./parts.ts";

const [BY_GOSSIP, BY_NODE, OTHER] = [1 as Mac, 2 as Mac, 3 as Mac];
const BY_SECOND_CARD = 4 as Mac;

Deno.test("F7: the hardware addresses of MetalLB's speakers are those of their gossip and of their nodes, those of unheard ones of their gossip", () => {
  const { clock, log, signal, stop } = speakerContext();
  const beside = {
    nodes: [] as string[],
    addresses: [] as string[],
    asked: 0,
    broken: true,
    beating: [] as Beating[],
  };
  const told: (readonly Mac[])[] = [];
  watchMacsBeside(
    {
      fellows: {
        beside: () => metallbOn(beside.nodes, 16),
        heard: () => new Set(["n4"]),
        roster: () => ({
          ...ALONE.roster(),
          addressesBeside: new Set(ips(...beside.addresses)),
          beating: beside.beating,
        }),
      },
      facts: { nodes: () => nodesOf(node("n2", { addresses: ips("10.79.0.2") })) },
      layer2: { interfaces: () => [], suspects: () => new Set() },
      clock,
      log,
      onMacs: (macs) => void told.push(macs),
    },
    signal,
    {
      listen: () => assert.fail("nobody is suspected"),
      neighbours() {
        beside.asked++;
        if (beside.broken) throw new Error("EPERM");
        return [
          { ip: ip("10.77.0.2"), mac: BY_GOSSIP },
          { ip: ip("10.79.0.2"), mac: BY_NODE },
          { ip: ip("10.77.0.9"), mac: OTHER },
        ];
      },
    },
  );
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
  const [other = assert.fail(), heard = assert.fail()] = ips("10.77.0.9", "10.77.0.4");
  const beat = { port: 7947, boot: 1, inRing: true };
  beside.beating = [{ ...beat, name: "n9", address: other }, {
    ...beat,
    name: "n4",
    address: heard,
  }];
  clock.advance(1_000);
  assert.deepEqual(told.at(-1), [BY_GOSSIP, BY_NODE, OTHER], "n9 is Herald's, and not heard");
  stop.abort();
  clock.advance(5_000);
  assert.equal(clock.pending(), 0);
});

Deno.test("F7: while a host is suspected the LAN is asked for the nodes of MetalLB's speakers, which answer by each card", () => {
  const { clock, log, signal, stop } = speakerContext();
  const told: (readonly Mac[])[] = [];
  const lan = { suspects: new Set<Mac>(), asked: [] as Ip[], open: 0, silent: true };
  watchMacsBeside(
    {
      fellows: { ...ALONE, beside: () => metallbOn(["n2"], 16) },
      facts: { nodes: () => nodesOf(node("n2", { addresses: ips("10.79.0.2") })) },
      layer2: { interfaces: () => [], suspects: () => lan.suspects },
      clock,
      log,
      onMacs: (macs) => void told.push(macs),
    },
    signal,
    {
      neighbours: () => [{ ip: ip("10.79.0.2"), mac: BY_NODE }],
      listen() {
        lan.open++;
        return {
          probe: (ip) => void lan.asked.push(ip),
          claims: () =>
            lan.silent ? [] : [
              { ip: ip("10.79.0.2"), mac: BY_SECOND_CARD },
              { ip: ip("10.77.0.9"), mac: OTHER },
            ],
          [Symbol.dispose]: () => void lan.open--,
        };
      },
    },
  );
  clock.advance(5_000);
  assert.deepEqual([told, lan.asked], [[[BY_NODE]], []], "nobody is suspected");
  lan.suspects = new Set([BY_NODE]);
  clock.advance(2_000);
  assert.deepEqual(lan.asked, [], "that one is known");
  lan.suspects = new Set([BY_SECOND_CARD]);
  clock.advance(2_000);
  assert.deepEqual(lan.asked, ips("10.79.0.2", "10.79.0.2"));
  lan.silent = false;
  clock.advance(1_000);
  assert.deepEqual(told.at(-1), [BY_NODE, BY_SECOND_CARD]);
  assert.equal(lan.open, 0, "nothing is left to ask");
  lan.suspects = new Set([OTHER]);
  clock.advance(1_000);
  assert.equal(lan.open, 1);
  stop.abort();
  assert.equal(lan.open, 0);
});
