import assert from "node:assert/strict";
import type {
  Candidacy,
  Cluster,
  ClusterEvent,
  Lead,
  LeaderElection,
  LeadHooks,
} from "../../../lib/host/cluster/cluster.ts";
import { leadingWriter, loneWriter } from "../../../lib/host/cluster/cluster.ts";
import { startLead } from "../../../lib/host/controller/lead.ts";
import { leadText } from "../../../lib/status/text.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import type { RoleContext } from "../../../lib/host/process/role.ts";
import { EVENT } from "../../../lib/model/names.ts";
import { settled, virtualClock } from "../../support/clock.ts";
import { recordedLog } from "../../support/log.ts";

const ELECTION: LeaderElection = {
  namespace: "ns",
  name: "herald",
  durationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

/** A controller's lead whose election, writes and lists the test decides. */
function workshop({ elects }: { elects: boolean } = { elects: true }) {
  const told: string[] = [];
  const events: ClusterEvent[] = [];
  let announce: (lead: Lead) => void = () => assert.fail("nobody stands");
  let lead: Lead = { kind: "standby", identity: "me", leader: undefined };
  const candidacy: Candidacy = {
    get lead() {
      return lead;
    },
    release: () => {
      told.push("release");
      return Promise.resolve();
    },
    done: Promise.resolve(),
  };
  const cluster = {
    stand: (_election: LeaderElection, { onChange }: LeadHooks) => {
      announce = onChange;
      return candidacy;
    },
    publishEvent: (event: ClusterEvent) => {
      events.push(event);
      return Promise.resolve();
    },
  } as Pick<Cluster, "stand" | "publishEvent"> as Cluster;
  const idle = Promise.withResolvers<void>();
  const lists: (() => void)[] = [];
  const metrics = createMetrics();
  const log = recordedLog();
  const clock = virtualClock();
  const context = {
    clock,
    cluster,
    log,
    metrics,
    options: { leaderElection: elects ? ELECTION : undefined },
    signal: new AbortController().signal,
  } as unknown as RoleContext;
  const controller = startLead(context, {
    nothingGiven: () => false,
    idle: () => idle.promise,
    catchUp: () => new Promise((listed) => lists.push(listed)),
    onStart: () => told.push("start"),
    onStop: () => told.push("stop"),
  });
  return {
    clock,
    controller,
    events,
    idle,
    /** How many lists were asked for. */
    asked: () => lists.length,
    lists,
    log,
    told,
    become(next: Lead) {
      lead = next;
      announce(next);
    },
    gauge: async () => (await metrics.leader.get()).values[0]?.value,
    transitions: async () => (await metrics.leaderTransitions.get()).values[0]?.value,
  };
}

const STANDBY: Lead = { kind: "standby", identity: "me", leader: "other" };

function leader(mayBegin = () => true): Lead {
  return { kind: "leader", identity: "me", permit: { mayBegin, withinMs: 4_000 } };
}

const EVENT_OF_SERVICE: ClusterEvent = {
  about: { kind: "Service", namespace: "default", name: "web", uid: "uid-web" },
  type: "Normal",
  reason: EVENT.ipAllocated,
  message: "Assigned",
  component: "metallb-controller",
};

Deno.test("startLead() lets write only when all earlier writes have ended and were seen", async () => {
  const { asked, become, controller, idle, lists, told } = workshop();
  assert.equal(controller.permit(), undefined);
  become(leader());
  await settled();
  assert.equal(asked(), 0, "a write of an earlier term is still under way");
  idle.resolve();
  await settled();
  assert.equal(asked(), 1);
  assert.equal(controller.permit(), undefined);
  assert.deepEqual(told, []);
  lists[0]?.();
  await settled();
  assert.deepEqual(told, ["start"]);
  assert.deepEqual(told, ["start"]);
  assert.equal(controller.permit()?.withinMs, 4_000);
});

Deno.test("startLead() starts nothing for a term that ended while it caught up", async () => {
  const { asked, become, controller, idle, lists, told } = workshop();
  idle.resolve();
  become(leader());
  await settled();
  assert.equal(asked(), 1);
  become(STANDBY);
  become(leader());
  await settled();
  assert.equal(asked(), 2);
  lists[0]?.();
  await settled();
  assert.deepEqual([told, controller.permit()], [["stop"], undefined]);
  lists[1]?.();
  await settled();
  assert.ok(told.includes("start"));
});

Deno.test("a leader to whom what stands is not told for long says so, once, until it is", async () => {
  const { asked, become, clock, controller, idle, lists, log } = workshop();
  idle.resolve();
  become(leader());
  await settled();
  assert.equal(asked(), 1);
  clock.advance(4_999);
  assert.equal(controller.problem(), undefined);
  clock.advance(60_000);
  assert.match(controller.problem() ?? "", /answers no list/);
  assert.equal(log.lines.filter(({ msg }) => /answers no list/.test(msg)).length, 1);
  lists[0]?.();
  await settled();
  assert.equal(controller.problem(), undefined);
  become(STANDBY);
  become(leader());
  become(STANDBY);
  clock.advance(60_000);
  assert.equal(controller.problem(), undefined, "another leads");
});

Deno.test("startLead() takes the permission away with the lead, also where it was handed out", async () => {
  const { asked, become, controller, gauge, idle, lists, log, told, transitions } = workshop();
  idle.resolve();
  let clockSaysSo = true;
  become(leader(() => clockSaysSo));
  await settled();
  assert.equal(asked(), 1);
  lists[0]?.();
  await settled();
  assert.deepEqual(told, ["start"]);
  const permit = controller.permit();
  assert.ok(permit?.mayBegin());
  assert.equal(await gauge(), 1);
  clockSaysSo = false;
  assert.equal(permit?.mayBegin(), false, "the lease has run out, and nobody has noticed yet");
  clockSaysSo = true;
  become(STANDBY);
  assert.equal(permit?.mayBegin(), false);
  assert.deepEqual(controller.status(), { role: "standby", leader: "other" });
  assert.deepEqual([await gauge(), await transitions()], [0, 2]);
  assert.ok(
    log.lines.some(({ fields, msg }) => msg === "standing by" && fields.leader === "other"),
  );
});

Deno.test("publishEvent() tells only while it leads, with its permission, and says whether it did", async () => {
  const { asked, become, controller, events, idle, lists, told } = workshop();
  assert.equal(controller.publishEvent(EVENT_OF_SERVICE), false);
  assert.equal(events.length, 0);
  idle.resolve();
  become(leader());
  await settled();
  assert.equal(asked(), 1);
  lists[0]?.();
  await settled();
  assert.deepEqual(told, ["start"]);
  assert.equal(controller.publishEvent(EVENT_OF_SERVICE), true);
  assert.equal(events[0]?.permit, controller.permit());
});

Deno.test("handOver() takes the permission away, and releases when no write is under way", async () => {
  const { asked, become, controller, idle, lists, told } = workshop();
  idle.resolve();
  become(leader());
  await settled();
  assert.equal(asked(), 1);
  lists[0]?.();
  await settled();
  assert.deepEqual(told, ["start"]);
  const permit = controller.permit();
  await controller.handOver();
  assert.deepEqual(told, ["start", "release"]);
  assert.deepEqual([controller.permit(), permit?.mayBegin()], [undefined, false]);
});

Deno.test("handOver() lets the lease run out where a write hangs", async () => {
  const { become, clock, controller, log, told } = workshop();
  become(leader());
  const handed = controller.handOver();
  await clock.elapse(500);
  await handed;
  assert.deepEqual(told, []);
  assert.ok(log.lines.some(({ msg }) => msg.includes("runs out")));
});

Deno.test("startLead() goes on alone where no election is wanted, or can be", async () => {
  const unwanted = workshop({ elects: false });
  assert.ok(unwanted.controller.permit()?.mayBegin());
  assert.deepEqual(unwanted.controller.status(), { role: "alone", reason: "--leader-elect=false" });
  assert.equal(await unwanted.gauge(), 1);
  await unwanted.controller.handOver();
  assert.deepEqual(unwanted.told, []);

  const impossible = workshop();
  const permit = { mayBegin: () => true, withinMs: 1, writer: loneWriter("me") };
  impossible.idle.resolve();
  impossible.become({ kind: "alone", permit, reason: "permission for leases is missing" });
  await settled();
  impossible.lists[0]?.();
  await settled();
  assert.deepEqual(impossible.told, ["start"]);
  assert.equal(impossible.controller.permit()?.writer, permit.writer);
  assert.match(leadText(impossible.controller.status()), /one controller only: permission/);
});

Deno.test("of two that write without election the later name falls silent, until nothing is seen of the other", async () => {
  const { become, clock, controller, idle, lists, log, told } = workshop();
  const permit = { mayBegin: () => true, withinMs: 1, writer: loneWriter("m") };
  idle.resolve();
  become({ kind: "alone", permit, reason: "permission for leases is missing" });
  await settled();
  lists[0]?.();
  await settled();
  const given = controller.permit();
  controller.onRival(loneWriter("m"));
  controller.onRival(loneWriter("z"));
  assert.ok(given?.mayBegin(), "it is the other's turn to be silent");
  controller.onRival(loneWriter("a"));
  assert.deepEqual([controller.permit(), given?.mayBegin()], [undefined, false]);
  assert.deepEqual(told, ["start", "stop"]);
  assert.equal(controller.status().role, "standby");
  assert.match(controller.problem() ?? "", /another controller writes too, as herald-alone-a/);
  await clock.elapse(4 * 60_000);
  controller.onRival(loneWriter("a"));
  await clock.elapse(4 * 60_000);
  assert.equal(controller.permit(), undefined, "the other was seen meanwhile");
  assert.equal(log.messages("warn").length, 1);
  await clock.elapse(5 * 60_000);
  lists[1]?.();
  await settled();
  assert.ok(controller.permit()?.mayBegin());
  assert.equal(controller.problem(), undefined);
  controller.onRival("herald");
  assert.equal(controller.permit(), undefined, "a leader goes on");
});

Deno.test("of two that lead by a Lease each the later name falls silent, and nobody for its own Lease", async () => {
  const { become, controller, idle, lists, told } = workshop();
  idle.resolve();
  become(leader());
  await settled();
  lists[0]?.();
  await settled();
  const writer = leadingWriter(ELECTION);
  assert.equal(controller.permit()?.writer, writer);
  const later = leadingWriter({ ...ELECTION, namespace: "zone" });
  // Of its own Lease, of one before it by an older Herald, without election, and of a later Lease.
  for (const name of [writer, "herald", loneWriter("a"), later]) controller.onRival(name);
  assert.deepEqual(told, ["start"]);
  controller.onRival(leadingWriter({ ...ELECTION, namespace: "earlier" }));
  assert.deepEqual([controller.permit(), told], [undefined, ["start", "stop"]]);
  assert.equal(controller.status().role, "standby");
});

Deno.test("leadingWriter() is no longer than the API server takes", () => {
  const writer = leadingWriter({ ...ELECTION, name: "n".repeat(253) });
  assert.equal(writer.length, 128);
});
