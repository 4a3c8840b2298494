import assert from "node:assert/strict";
import { instant } from "../../../lib/base/time.ts";
import type { Config } from "../../../lib/config/types.ts";
import { openInbox } from "../../../lib/host/process/inbox.ts";
import { createDesk, type SpeakerEvent } from "../../../lib/host/speaker/desk.ts";
import { ALONE } from "../../../lib/host/speaker/fellows.ts";
import type { KeptPlan } from "../../../lib/host/speaker/plans.ts";
import type { Prefix } from "../../../lib/net/prefix.ts";
import { formatIp, type Ip } from "../../../lib/net/ip.ts";
import type { Judge } from "../../../lib/speaker/judgement.ts";
import { OLD_MS } from "../../../lib/speaker/view_age.ts";
import type { SpeakerView } from "../../../lib/speaker/view.ts";
import { config, ip, ips, pool, service } from "../../controller/fixture.ts";
import { metallbOn, node, nodesOf } from "../../support/facts.ts";
import { layer2Plan, MAC, speakerContext } from "./parts.ts";

const VIP = "10.77.1.1";
const ETH0 = { name: "eth0", mac: MAC, ifindex: 2 };

/** A desk whose parts note what is asked of them, in order; it knows everything from the start. */
function bench() {
  const { clock, log, options, signal } = speakerContext();
  const done: string[] = [];
  const note = (what: string) => void done.push(what);
  const at = {
    unknown: [] as string[],
    config: config(pool("default", "10.77.1.0/24")) as Config | undefined,
    /** In force with the next look that the desk takes. */
    next: undefined as Config | undefined,
    interfaces: [ETH0],
    interfaceChanges: 0,
    /** Whether an interface leads to the pools' addresses. */
    leads: true,
    addresses: undefined as ReadonlySet<Ip> | undefined,
    unanswered: new Map<Ip, string>(),
    problem: undefined as string | undefined,
    /** Of the membership. */
    refusal: undefined as string | undefined,
    metallb: [] as string[],
    /** When the watches last heard of the cluster, and which fellows say what of their view. */
    heardAt: instant(1_000),
    fellowsStale: new Set<string>(),
    othersCurrent: false,
    othersServe: true,
    told: undefined as string | undefined,
    givingWay: [] as string[],
    /** What fellows do not claim. */
    unclaimed: ip(VIP),
    /** Told to those that look whether all decide alike. */
    judges: [] as Judge[],
    cutOff: [] as Prefix[],
    toldCutOff: undefined as readonly string[] | undefined,
    nodes: nodesOf(),
    changed: [] as KeptPlan[],
    gone: [] as KeptPlan[],
    view: undefined as SpeakerView | undefined,
  };
  const plans = new Map<Ip, KeptPlan>();
  const inbox = openInbox<SpeakerEvent>(clock, signal);
  const announcer = (name: string) => ({
    update: (view: SpeakerView, { changed }: { readonly changed: readonly KeptPlan[] }) => {
      at.view = view;
      note(`${name} ${changed.map(({ ip }) => formatIp(ip)).join()}`.trim());
    },
  });
  const desk = createDesk({
    options,
    log,
    clock,
    inbox,
    facts: {
      nodes: () => at.nodes,
      nodeAddresses: () => new Map(),
      readyPods: () => new Set(["node1"]),
      unknown: () => at.unknown,
      heardAt: () => at.heardAt,
    },
    keeper: {
      current: () => at.config,
      reconsider() {
        at.config = at.next ?? at.config;
        at.next = undefined;
      },
    },
    plans: {
      plans,
      onService: () => note("service"),
      onSlice: () => note("slice"),
      touchAll: () => note("touch all"),
      update() {
        for (const plan of at.changed) plans.set(plan.ip, plan);
        return { all: plans, changed: at.changed.splice(0), gone: at.gone.splice(0) };
      },
    },
    layer2: {
      interfaces: () => at.interfaces,
      problem: () => at.problem,
      addresses: () => new Set([ip("10.77.1.11")]),
      cutOff: (ranges) => ranges.length === 0 ? [] : at.cutOff,
      leadsToAny: (ranges) => ranges.length === 0 || at.leads,
    },
    fellows: {
      ...ALONE,
      beside: () => metallbOn(at.metallb, 32),
      problem: () => at.refusal,
      setCanAnnounce: (can) => note(can ? "can announce" : "cannot announce"),
      podsChanged: () => note("pods changed"),
      setView: (view) => void (at.told = view),
      stale: () => at.fellowsStale,
      othersCurrent: () => at.othersCurrent,
      othersServe: () => at.othersServe,
      setAddresses: (own) => void (at.addresses = own),
    },
    handover: {
      onNotice: (from, { what }) => note(`${what} of ${from}`),
      reset: () => note("reset"),
      tellClaims: () => note("tell claims"),
      putRight: () => note("put right"),
      strangerHeard: () => note("stranger heard"),
      interfacesChanged: () => void at.interfaceChanges++,
      nobodys: (isStale) => new Map(isStale ? [[at.unclaimed, "kept"]] : []),
      setStale: (names) => void (at.givingWay = [...names].sort()),
    },
    announcers: [announcer("bgp"), announcer("layer2")],
    announcements: {
      tell: () => undefined,
      report: (plan, { by, reason }) =>
        note(`report ${formatIp(plan.ip)} ${by.includes("layer2")}: ${reason}`),
      forget: (plan) => note(`forget ${formatIp(plan.ip)}`),
    },
    concerns: {
      look(judge, cutOff) {
        at.judges.push(judge);
        at.toldCutOff = cutOff;
        return undefined;
      },
    },
    wire: () => ({
      layer2Problem: undefined,
      unanswered: (address) => at.unanswered.get(address),
      answersElsewhere: (_, planned) => planned,
      lingers: () => undefined,
      isTold: () => true,
      routesOf: () => [],
    }),
  });
  inbox.open(desk);
  const notice = (what: "leaving" | "release") => {
    const said = what === "leaving" ? { what } as const : { what, ips: [ip(VIP)] } as const;
    inbox.now({ kind: "notice", from: "node2", notice: said, acknowledge: () => note("ack") });
  };
  return {
    at,
    clock,
    desk,
    inbox,
    log,
    notice,
    /** What was done since the last look, once the turn of the event loop is over. */
    done() {
      clock.advance(0);
      return done.splice(0);
    },
    doneAlready: () => done.splice(0),
    /** A desk that has decided once. */
    begin() {
      inbox.post({ kind: "acquainted" });
      clock.advance(0);
      done.splice(0);
    },
  };
}

Deno.test("a desk decides nothing before it knows the others, the facts and a configuration", () => {
  const { at, desk, done, inbox } = bench();
  at.config = undefined;
  at.unknown = ["Nodes"];
  assert.deepEqual(done(), []);
  assert.deepEqual(desk.missing(), ["facts", "config", "speakers"]);
  inbox.post({ kind: "acquainted" });
  at.config = config();
  assert.deepEqual(done(), []);
  assert.deepEqual(desk.missing(), ["facts"]);
  at.unknown = [];
  inbox.post({ kind: "nodes" });
  assert.deepEqual(done(), [
    "touch all",
    "can announce",
    "touch all",
    "touch all",
    "bgp",
    "layer2",
  ]);
  assert.deepEqual(desk.missing(), []);
});

Deno.test("whatever keeps a node from answering is told to the others, and its end too (layer 2, fault 6b)", () => {
  const { at, begin, clock, done, inbox } = bench();
  const told = () => done().filter((what) => what.endsWith("announce"));
  const reasons: readonly ((is: boolean) => void)[] = [
    (is) => at.problem = is ? "herald-arp ended: boom" : undefined,
    (is) => at.refusal = is ? "another speaker has the node name node1" : undefined,
    (is) => at.interfaces = is ? [] : [ETH0],
    (is) => at.leads = !is,
  ];
  begin();
  for (const reason of reasons) {
    reason(true);
    inbox.post({ kind: "members" });
    assert.deepEqual(told(), ["cannot announce"]);
    reason(false);
    clock.advance(30_000);
    inbox.post({ kind: "members" });
    assert.deepEqual(told(), ["can announce"]);
  }
});

Deno.test("beside MetalLB's speakers any interface does, as with them", () => {
  const { at, begin, done, inbox } = bench();
  begin();
  at.metallb = ["node3"];
  inbox.post({ kind: "members" });
  done();
  at.leads = false;
  inbox.post({ kind: "interfaces", usable: true });
  assert.ok(!done().includes("cannot announce"));
  at.metallb = [];
  inbox.post({ kind: "members" });
  assert.ok(done().includes("cannot announce"));
});

Deno.test("a membership is told this machine's addresses", () => {
  const { at, begin } = bench();
  begin();
  assert.deepEqual(at.addresses, new Set([ip("10.77.1.11")]));
});

Deno.test("what comes in one turn of the event loop is decided once, by BGP and layer 2 alike", () => {
  const { at, begin, done, inbox } = bench();
  begin();
  const value = service("web");
  inbox.post({ kind: "service", change: { kind: "apply", key: value.key, value } });
  inbox.post({ kind: "slice", change: { kind: "synced" } });
  at.changed.push(layer2Plan(VIP, "node1"));
  at.gone.push(layer2Plan("10.77.1.2", "node1"));
  assert.deepEqual(done(), [
    "service",
    "slice",
    `bgp ${VIP}`,
    `layer2 ${VIP}`,
    "forget 10.77.1.2",
    `report ${VIP} true: owner`,
  ]);
  assert.deepEqual([...at.view?.liveSpeakers ?? []], ["node1"]);
  assert.equal(at.view?.self, "node1");
});

Deno.test("a fellow's notice is decided, carried out and acknowledged before the call returns", () => {
  const { at, begin, done, doneAlready, inbox, notice } = bench();
  begin();
  at.changed.push(layer2Plan(VIP, "node1"));
  inbox.post({ kind: "members" });
  notice("leaving");
  assert.deepEqual(doneAlready(), [
    "touch all",
    `bgp ${VIP}`,
    `layer2 ${VIP}`,
    "leaving of node2",
    "ack",
    `report ${VIP} true: owner`,
  ]);
  assert.deepEqual(done(), [], "nothing is left for the next turn");
});

Deno.test("a notice is carried out and acknowledged even where nothing may be decided", () => {
  const { doneAlready, notice } = bench();
  notice("release");
  assert.deepEqual(doneAlready(), ["release of node2", "ack"]);
});

Deno.test("a notice that cannot be carried out is not acknowledged, and costs no other", () => {
  const { doneAlready, inbox } = bench();
  const posted = (from: string, acknowledge: () => void) =>
    inbox.post({ kind: "notice", from, notice: { what: "leaving" }, acknowledge });
  const acknowledged: string[] = [];
  posted("node2", () => {
    throw new Error("the Worker is gone");
  });
  posted("node3", () => void acknowledged.push("node3"));
  const last = () =>
    inbox.now({
      kind: "notice",
      from: "node4",
      notice: { what: "leaving" },
      acknowledge: () => void acknowledged.push("node4"),
    });
  assert.throws(last, /the Worker is gone/);
  assert.deepEqual(acknowledged, ["node3", "node4"]);
  assert.deepEqual(doneAlready(), ["leaving of node2", "leaving of node3", "leaving of node4"]);
});

Deno.test("another configuration is planned by at once, also where it only waited", () => {
  const { at, begin, done, inbox } = bench();
  begin();
  at.next = config();
  inbox.post({ kind: "service", change: { kind: "synced" } });
  assert.deepEqual(done(), ["service", "touch all", "bgp", "layer2"]);
  assert.equal(at.view?.config, at.config);
  inbox.post({ kind: "config" });
  assert.deepEqual(done(), ["bgp", "layer2"], "it is the same");
});

Deno.test("the others learn that there is no interface, and that there is one again when its hold-down is over", () => {
  const { at, begin, clock, done, inbox } = bench();
  begin();
  at.interfaces = [];
  inbox.post({ kind: "interfaces", usable: at.interfaces.length > 0 });
  assert.deepEqual(done().slice(0, 2), ["cannot announce", "touch all"]);
  assert.equal(at.interfaceChanges, 1, "fellows may have to learn other hardware addresses");
  clock.advance(1_000);
  at.interfaces = [ETH0];
  inbox.post({ kind: "interfaces", usable: at.interfaces.length > 0 });
  assert.deepEqual(
    done().slice(0, 2),
    ["can announce", "touch all"],
    "one long outage is no flapping",
  );
  for (const interfaces of [[], [ETH0]]) {
    at.interfaces = interfaces;
    inbox.post({ kind: "interfaces", usable: at.interfaces.length > 0 });
    clock.advance(1);
  }
  assert.deepEqual(done().filter((what) => what.endsWith("announce")), ["cannot announce"]);
  clock.advance(1_990);
  assert.ok(!done().includes("can announce"));
  clock.advance(10);
  assert.deepEqual(done().slice(0, 2), ["can announce", "touch all"]);
});

Deno.test("a node that lost the others is silent at once, and decides again when it knows them", () => {
  const { begin, done, doneAlready, inbox } = bench();
  begin();
  inbox.now({ kind: "lost" });
  assert.deepEqual(doneAlready(), ["reset", "cannot announce", "touch all"]);
  inbox.post({ kind: "members" });
  assert.deepEqual(done(), ["touch all"]);
  inbox.post({ kind: "acquainted" });
  assert.deepEqual(done(), ["can announce", "touch all", "bgp", "layer2"]);
});

Deno.test("a node that leaves decides nothing more and still hears its fellows", () => {
  const { begin, done, doneAlready, inbox, notice } = bench();
  begin();
  inbox.now({ kind: "leave" });
  inbox.post({ kind: "nodes" });
  assert.deepEqual(done(), ["touch all"]);
  notice("release");
  assert.deepEqual(doneAlready(), ["release of node2", "ack"]);
});

Deno.test("what is on the wire is reported, not what was planned, and again when that changes", () => {
  const { at, begin, done, inbox } = bench();
  begin();
  at.unanswered.set(ip(VIP), "it is being probed");
  at.changed.push(layer2Plan(VIP, "node1"));
  inbox.post({ kind: "nodes" });
  assert.equal(done().at(-1), `report ${VIP} false: it is being probed`);
  at.unanswered.clear();
  inbox.post({ kind: "wire" });
  inbox.post({ kind: "wire" });
  assert.deepEqual(done(), ["bgp", "layer2", `report ${VIP} true: owner`]);
  at.unanswered.set(ip(VIP), "no interface answers");
  inbox.post({ kind: "interfaces", usable: true });
  assert.equal(done().at(-1), `report ${VIP} false: no interface answers`);
  inbox.post({ kind: "nodes" });
  assert.deepEqual(done(), ["touch all", "bgp", "layer2"], "nothing to report");
});

Deno.test("a node that lost the others reports what it answers no more, one that leaves does not", () => {
  const { at, begin, doneAlready, done, inbox } = bench();
  begin();
  at.changed.push(layer2Plan(VIP, "node1"));
  inbox.post({ kind: "nodes" });
  done();
  at.unanswered.set(ip(VIP), "not claimed");
  inbox.now({ kind: "lost" });
  assert.equal(doneAlready().at(-1), `report ${VIP} false: not claimed`);
  inbox.now({ kind: "leave" });
  inbox.now({ kind: "wire" });
  assert.deepEqual(doneAlready(), []);
});

Deno.test("a fellow that is heard again is told the claims, and other pods are looked for", () => {
  const { begin, done, inbox } = bench();
  begin();
  inbox.post({ kind: "fellow-up", returned: false });
  inbox.post({ kind: "fellow-up", returned: true });
  inbox.post({ kind: "stranger" });
  inbox.post({ kind: "pods" });
  assert.deepEqual(done(), [
    "touch all",
    "put right",
    "touch all",
    "stranger heard",
    "pods changed",
    "touch all",
    "tell claims",
    "bgp",
    "layer2",
  ]);
});

Deno.test("a link that goes and comes back within one turn flapped (row L13)", () => {
  const { at, begin, clock, done, inbox } = bench();
  begin();
  for (const interfaces of [[], [ETH0]]) {
    at.interfaces = interfaces;
    inbox.post({ kind: "interfaces", usable: interfaces.length > 0 });
  }
  assert.deepEqual(done().slice(0, 1), ["cannot announce"]);
  clock.advance(2_000);
  assert.ok(done().includes("can announce"));
});

Deno.test("a link that flapped is used once a second has shown that nobody else serves", () => {
  const { at, begin, clock, done, inbox } = bench();
  begin();
  at.othersServe = false;
  for (let flap = 0; flap < 4; flap++) {
    for (const interfaces of [[], [ETH0]]) {
      at.interfaces = interfaces;
      inbox.post({ kind: "interfaces", usable: interfaces.length > 0 });
      clock.advance(10);
    }
  }
  done();
  clock.advance(900);
  assert.ok(!done().includes("can announce"), "who lives is not heard yet");
  clock.advance(100);
  assert.ok(done().includes("can announce"), "a hold-down of eight seconds would leave nobody");
});

for (const when of ["in the same turn", "before"] as const) {
  Deno.test(`a node that is told to leave ${when} never says that it can announce once it knows all`, () => {
    const { at, begin, done, inbox } = bench();
    at.unknown = ["Nodes"];
    begin();
    done();
    at.unknown = [];
    if (when === "before") inbox.now({ kind: "leave" });
    inbox.post({ kind: "nodes" });
    inbox.now({ kind: "leave" });
    assert.deepEqual(done().filter((what) => what.endsWith("announce")), []);
  });
}

Deno.test("F2, F3, F6: a desk judges as the MetalLB in its gossip does, and tells when that begins and ends", () => {
  const { at, begin, desk, done, inbox, log } = bench();
  const look = () => {
    inbox.post({ kind: "members" });
    done();
    return [desk.judge(), at.view?.judgement.prefersReady];
  };
  begin();
  assert.deepEqual(look(), ["Herald", true]);
  assert.deepEqual(log.messages("info"), [], "nothing is told where all are Herald's");
  at.metallb = ["node3", "node2"];
  assert.deepEqual(look(), ["v0.16", false]);
  assert.equal(at.judges.at(-1), "v0.16");
  at.metallb = ["node3"];
  assert.deepEqual(look(), ["v0.16", false]);
  const [line, ...more] = log.lines.splice(0);
  assert.deepEqual([line?.fields, more], [{ judge: "v0.16", speakers: "node2,node3" }, []]);
  assert.equal(line?.msg, "beside speakers of MetalLB: nodes are judged as these do");
  at.metallb = [];
  assert.deepEqual(look(), ["Herald", true]);
  assert.deepEqual(log.messages("info"), [
    "no speaker of MetalLB is left: nodes are judged by Herald's own rules",
  ]);
});

Deno.test("d09: a desk warns once of this node's own address in a pool", () => {
  const { at, begin, done, inbox, log } = bench();
  at.config = config(pool("default", "10.77.0.11/32"));
  at.nodes = nodesOf(
    node("node1", { addresses: ips("10.77.0.11") }),
    node("node2", { addresses: ips("10.77.0.12") }),
  );
  begin();
  inbox.post({ kind: "nodes" });
  done();
  const warnings = log.lines.filter(({ level }) => level === "warn");
  assert.deepEqual(warnings.map(({ msg, fields }) => [msg, fields]), [[
    "a pool holds this node's own address: no other node announces it",
    { ip: "10.77.0.11", pool: "default" },
  ]]);
});

Deno.test("a view that is staler than others' is told, and gives way; beside MetalLB's speakers it counts for nothing", () => {
  const { at, begin, clock, inbox, log } = bench();
  begin();
  at.othersCurrent = true;
  const look = (ms: number) => {
    clock.advance(ms);
    return [at.told, at.givingWay.join(), [...at.view?.staleSpeakers ?? []].join()];
  };
  assert.equal(look(OLD_MS)[0], "old");
  assert.deepEqual(look(OLD_MS), ["stale", "node1", "node1"]);
  assert.deepEqual(at.view?.unclaimed, new Map([[ip(VIP), "kept"]]));
  assert.match(log.messages("warn").join(), /heard by other speakers and not here/);
  at.metallb = ["node3"];
  inbox.post({ kind: "members" });
  assert.deepEqual(look(0), ["stale", "", ""]);
  assert.deepEqual(at.view?.unclaimed, new Map(), "MetalLB's would not claim anything");
  at.metallb = [];
  at.heardAt = clock.now();
  at.fellowsStale = new Set(["node2"]);
  inbox.post({ kind: "members" });
  assert.deepEqual(look(0), ["current", "node2", "node2"]);
});

Deno.test("a desk judges by what no interface leads to, unless speakers of MetalLB are beside", () => {
  const { at, begin, done, inbox } = bench();
  begin();
  const lan: Prefix = { address: ip("10.77.1.0"), length: 24 };
  at.cutOff = [lan];
  inbox.post({ kind: "wire" });
  assert.ok(done().includes("touch all"));
  assert.deepEqual([at.view?.cutOff?.get("node1"), at.toldCutOff], [[lan], ["10.77.1.0/24"]]);
  inbox.post({ kind: "wire" });
  assert.ok(!done().includes("touch all"));
  at.metallb = ["node3"];
  inbox.post({ kind: "members" });
  done();
  assert.deepEqual([at.view?.cutOff, at.toldCutOff], [undefined, []]);
});
