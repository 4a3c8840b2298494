import assert from "node:assert/strict";
import fc from "fast-check";
import { notReady, speakerStatus, type StatusParts } from "../../../lib/host/speaker/status.ts";
import { ALONE } from "../../../lib/host/speaker/fellows.ts";
import type { KeptPlan } from "../../../lib/host/speaker/plans.ts";
import { createAnnouncements } from "../../../lib/host/speaker/announcements.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import { announcedNow, type Wire } from "../../../lib/speaker/announced.ts";
import { statusPage } from "../../../lib/status/page.ts";
import { problemsOf } from "../../../lib/status/check.ts";
import { statusText } from "../../../lib/status/text.ts";
import { PROCESS_STATUS } from "../../support/status.ts";
import { recordedLog } from "../../support/log.ts";
import { serviceKey } from "../../../lib/model/facts.ts";
import { formatIp, type Ip } from "../../../lib/net/ip.ts";
import { explainService } from "../../../lib/cli/explain.ts";
import { explanationText } from "../../../lib/cli/explanation.ts";
import type { Snapshot } from "../../../lib/host/inspect/snapshot.ts";
import { config, ip, pool, service } from "../../controller/fixture.ts";
import { bgpPlan, layer2Plan, MAC, speakerContext } from "./parts.ts";

const PLANS = [
  layer2Plan("10.77.1.10", "node2"),
  layer2Plan("10.77.1.9", "node1"),
  bgpPlan("10.77.2.1"),
];

const CUT_OFF = new Map([["node1", []], ["node2", [{ address: ip("10.77.1.0"), length: 24 }]]]);

function wire(part: Partial<Wire> = {}): Wire {
  const well = { layer2Problem: undefined, unanswered: () => undefined, routesOf: () => [] };
  const others = {
    answersElsewhere: (_: Ip, planned: string | undefined) => planned,
    lingers: () => undefined,
  };
  return { ...well, ...others, isTold: () => true, ...part };
}

function parts(part: Partial<StatusParts> = {}, layer2: Partial<StatusParts["layer2"]> = {}) {
  const { cluster, options } = speakerContext();
  const made: StatusParts = {
    options,
    cluster,
    facts: { readyPods: () => new Set(["node2", "node1"]), unknown: () => [] },
    keeper: { status: () => ({ state: "loaded", source: "", problems: [] }) },
    plans: { plans: new Map(PLANS.map((plan): [KeptPlan["ip"], KeptPlan] => [plan.ip, plan])) },
    layer2: {
      answersBy: () => "socket",
      backend: "ebpf",
      conflicts: () => [{ ip: ip("10.77.1.9"), mac: MAC }],
      interfaces: () => [{ name: "eth0", mac: MAC, ifindex: 2 }],
      leftOut: () => ["cni0"],
      problem: () => undefined,
      ...layer2,
    },
    bgp: {
      status: () => [],
      routesOf: (address) => [`${formatIp(address)}/32 to r1: told`],
    },
    fellows: ALONE,
    desk: { cutOff: () => CUT_OFF, judge: () => "Herald", missing: () => [] },
    wire: () => wire(),
    concerns: { standing: () => ["gossip never reached the speakers on n2"] },
    ...part,
  };
  return made;
}

Deno.test("speakerStatus() tells what is announced here, in the order of addresses", () => {
  const status = speakerStatus(parts());
  assert.equal(status.node, "node1");
  assert.deepEqual(status.live, ["node1", "node2"]);
  assert.equal(status.members, undefined);
  assert.deepEqual(status.owned, { node1: 1, node2: 1 });
  assert.deepEqual(status.interfaces, [{ name: "eth0", mac: "02:00:00:00:00:01", by: "socket" }]);
  assert.deepEqual(status.cutOff, { node2: ["10.77.1.0/24"] });
  assert.deepEqual(status.concerns, ["gossip never reached the speakers on n2"]);
  assert.deepEqual(status.leftOut, ["cni0"]);
  assert.deepEqual(status.conflicts, [{ ip: "10.77.1.9", mac: "02:00:00:00:00:01" }]);
  assert.deepEqual(
    status.addresses.map(({ ip, announcing, routes, reason }) => [ip, announcing, routes, reason]),
    [
      ["10.77.1.9", true, [], "owner"],
      ["10.77.1.10", false, [], "node2 comes first in the election"],
      ["10.77.2.1", true, ["10.77.2.1/32 to r1: told"], "routed here by BGP"],
    ],
  );
});

Deno.test("speakerStatus() calls announced what is on the wire, and tells why the rest is not", () => {
  const announcing = (part: Partial<Wire>) =>
    speakerStatus(parts({ wire: () => wire(part) })).addresses.map(({ announcing, reason }) =>
      `${announcing} ${reason}`
    );
  assert.deepEqual(announcing({ unanswered: () => "it is being probed" }), [
    "false it is being probed",
    "false node2 comes first in the election",
    "true routed here by BGP",
  ]);
  assert.deepEqual(announcing({ isTold: () => false, routesOf: () => ["r1: not established"] }), [
    "true owner",
    "false node2 comes first in the election",
    "false no BGP peer is told: r1: not established",
  ]);
});

Deno.test("speakerStatus() says that not all is known before the lists and the configuration came", () => {
  assert.equal(speakerStatus(parts()).unknown, undefined);
  const early = speakerStatus(parts({
    facts: { readyPods: () => undefined, unknown: () => ["Services"] },
    desk: { cutOff: () => CUT_OFF, judge: () => "Herald", missing: () => ["facts"] },
  }));
  assert.match(early.unknown ?? "", /^the Services of test are not all known yet$/);
});

Deno.test("notReady() says in sentences what the speaker waits for and what does not work", () => {
  assert.deepEqual(notReady(parts()), []);
  const reasons = notReady(parts({
    facts: { readyPods: () => undefined, unknown: () => ["Services", "Nodes"] },
    keeper: { status: () => ({ state: "none", source: "", problems: [], reason: "none found" }) },
    fellows: { ...ALONE, problem: () => "another speaker has the node name node1" },
    desk: {
      cutOff: () => undefined,
      judge: () => "Herald",
      missing: () => ["facts", "config", "speakers"],
    },
  }, { problem: () => "CAP_NET_RAW is missing" }));
  assert.deepEqual(reasons, [
    "the Services, Nodes of test are not all known yet",
    "no configuration in force: none found",
    "layer 2 does not work: CAP_NET_RAW is missing",
    "the other speakers are not known yet",
    "another speaker has the node name node1",
  ]);
});

/** A user may read Services and no nodes: then only the speakers' own words count. */
const SNAPSHOT: Snapshot = {
  description: "the cluster",
  services: new Map(),
  slices: [],
  nodes: new Map(),
  config: config(pool("p", "10.77.1.0/24")),
  configReason: "",
  unread: ["the nodes: forbidden"],
};

/** What may be of one address: who shall announce it and how, and what keeps this node from it. */
const STATE = fc.record({
  plan: fc.constantFrom("here", "elsewhere", "by BGP", "both"),
  kept: fc.constantFrom(undefined, "it is being probed", "no interface answers ARP and NDP"),
  yieldsTo: fc.constantFrom(undefined, "node2", "node3"),
  claimedBy: fc.constantFrom(undefined, "node2", "node3"),
  told: fc.boolean(),
  lingers: fc.boolean(),
});

function planOf(what: string, address: string): KeptPlan {
  const here = layer2Plan(address, what === "elsewhere" ? "node2" : "node1");
  if (what === "by BGP") return bgpPlan(address);
  return what === "both"
    ? { ...here, announce: { ...here.announce, ...bgpPlan(address).announce } }
    : here;
}

Deno.test("layer2 9: status, page, metric, check and explain say the same of each address, whatever keeps it from the wire", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STATE, { minLength: 1, maxLength: 8 }), async (states) => {
      const all = states.map((state, at) => ({
        ...state,
        plan: { ...planOf(state.plan, `10.77.1.${at + 1}`), services: [serviceKey("x", `s${at}`)] },
      }));
      const of = (address: KeptPlan["ip"]) => all.find(({ plan }) => plan.ip === address);
      const now = wire({
        unanswered: (address) => {
          const { kept, yieldsTo } = of(address) ?? {};
          return yieldsTo === undefined ? kept : `yields to ${yieldsTo}, which claims it too`;
        },
        answersElsewhere: (address) => of(address)?.yieldsTo ?? of(address)?.claimedBy,
        lingers: (address) => of(address)?.lingers === true ? "node1" : undefined,
        isTold: (address) => of(address)?.told === true,
      });
      const plans = new Map(all.map(({ plan }): [KeptPlan["ip"], KeptPlan] => [plan.ip, plan]));
      const speaker = speakerStatus(parts({ plans: { plans }, wire: () => now }));
      const metrics = createMetrics();
      const events = { assigned() {}, failed() {}, labelled() {} };
      const log = recordedLog();
      const announcements = createAnnouncements({ node: "node1", log, metrics, events });
      for (const { plan } of all) announcements.report(plan, announcedNow(plan, now));
      const exported = await metrics.registry.metrics();
      const status = { ...PROCESS_STATUS, speaker };
      const [text, page] = [statusText(status), String(await statusPage(status))];
      const problems = problemsOf([status], true).join("\n");
      for (const { claimedBy, lingers, plan, yieldsTo } of all) {
        const address = formatIp(plan.ip);
        const row = speaker.addresses.find((one) => one.ip === address) ?? assert.fail();
        const { announcing, owner, reason } = row;
        const line = text.split("\n").find((one) => one.includes(`${address} `)) ?? "";
        const cells = page.split("<tr>").find((one) => one.includes(`${address}<`)) ?? "";
        assert.equal(
          new RegExp(`announced\\{[^}]*ip="${address}"\\} 1`).test(exported),
          announcing,
        );
        assert.equal(/ yes /.test(line), announcing, line);
        assert.equal(cells.includes(reason), !announcing, cells);
        assert.equal(problems.includes(`nobody announces ${address} `), !announcing);
        const explained = explanationText(
          explainService(service(`s${row.ip}`, { assigned: [plan.ip] }), SNAPSHOT, undefined, {
            answers: new Map([["node1", speaker]]),
            silent: [],
          }),
        );
        assert.equal(explained.includes(`node1 announces ${address} (seen`), announcing, explained);
        assert.equal(explained.includes(`node1: ${reason}`), !announcing, explained);
        const { layer2 } = plan.announce;
        if (layer2?.here === false && lingers) {
          assert.deepEqual([owner, announcing], ["node1", true], "it hands over, and answers");
        } else if (layer2?.here === false) {
          assert.equal(owner, yieldsTo ?? claimedBy, "who answers, not who is planned");
        }
        if (layer2?.here !== true) continue;
        // Whoever is called the owner answers: this node, or the one to which it yields.
        if (yieldsTo !== undefined) {
          assert.equal(owner, yieldsTo);
          assert.ok(line.includes(yieldsTo) && cells.includes(yieldsTo));
          assert.ok(reason.includes(`yields to ${yieldsTo}`));
        } else {
          const isAnswered = now.unanswered(plan.ip) === undefined;
          assert.equal(owner, isAnswered ? "node1" : claimedBy);
        }
      }
    }),
    { seed: 11, numRuns: 150 },
  );
});
