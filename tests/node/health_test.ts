import assert from "node:assert/strict";
import { type KubeEvent, troublesOf } from "./health.ts";

const NAMESPACE = "metallb-system";
const AT = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, "0")}Z`;
const EVENT: KubeEvent = {
  metadata: { uid: "1" },
  type: "Normal",
  reason: "nodeAssigned",
  message: "announced",
  involvedObject: { kind: "Service", name: "web", namespace: "default", uid: "web" },
  source: { component: "metallb-speaker" },
  firstTimestamp: AT(1),
  lastTimestamp: AT(1),
};
const ofPod = { kind: "Pod", name: "speaker-x", namespace: NAMESPACE, uid: "speaker-x" };
const UNHEALTHY: KubeEvent = {
  ...EVENT,
  metadata: { uid: "2" },
  type: "Warning",
  reason: "Unhealthy",
  message: "probe failed",
  involvedObject: ofPod,
  source: { component: "kubelet" },
  firstTimestamp: AT(10),
  lastTimestamp: AT(10),
};
const LOG = {
  pod: "speaker-x",
  container: "speaker",
  restarts: 0,
  lines: [{ at: AT(1), text: '{"level":"info","msg":"started"}' }],
};

function troubles(
  { events = [], logs = [], forgiven }: {
    readonly events?: readonly KubeEvent[];
    readonly logs?: readonly (typeof LOG)[];
    readonly forgiven?: readonly [number, number];
  },
): string[] {
  const [from, until] = (forgiven ?? [58, 59]).map((second) => Date.parse(AT(second)));
  assert.ok(from !== undefined && until !== undefined);
  const seen = { events: [EVENT, ...events], logs: [LOG, ...logs] };
  return troublesOf(seen, NAMESPACE, [{ from, until }]);
}

Deno.test("a run of which nothing was seen is no good run", () => {
  assert.deepEqual(troublesOf({ events: [], logs: [] }, NAMESPACE, []), [
    "no event of Herald's was seen",
    "no log of Herald's was seen",
  ]);
  assert.deepEqual(troubles({}), []);
});

Deno.test("a Warning of Herald's anywhere breaks the rule, and one of others in its namespace", () => {
  const warned = { ...EVENT, metadata: { uid: "2" }, type: "Warning", reason: "AllocationFailed" };
  assert.deepEqual(troubles({ events: [warned] }), [
    `event, 1 times until ${AT(1)}: Service web: AllocationFailed: announced (of nodeAssigned ` +
    `${AT(1)}, AllocationFailed ${AT(1)})`,
  ]);
  assert.equal(troubles({ events: [UNHEALTHY] }).length, 1);
  const elsewhere = { ...ofPod, namespace: "default" };
  assert.deepEqual(troubles({ events: [{ ...UNHEALTHY, involvedObject: elsewhere }] }), []);
});

Deno.test("an event that was told again after the forgiven time breaks the rule once", () => {
  const again = { ...UNHEALTHY, count: 2, lastTimestamp: AT(20) };
  assert.deepEqual(troubles({ events: [UNHEALTHY], forgiven: [9, 11] }), []);
  assert.equal(troubles({ events: [UNHEALTHY, again], forgiven: [9, 11] }).length, 1);
  assert.equal(troubles({ events: [UNHEALTHY, again] }).length, 1);
});

Deno.test("a container that is being ended may fail its probe, one that runs may not", () => {
  const killing = { ...UNHEALTHY, type: "Normal", reason: "Killing" };
  assert.deepEqual(troubles({ events: [{ ...killing, lastTimestamp: AT(9) }, UNHEALTHY] }), []);
  assert.equal(troubles({ events: [{ ...killing, lastTimestamp: AT(11) }, UNHEALTHY] }).length, 1);
});

Deno.test("a budget may miss the Deployment of a pod that goes, not that of one that stays", () => {
  const missed = {
    ...UNHEALTHY,
    reason: "CalculateExpectedPodCountFailed",
    message: 'found no controllers for pod "speaker-x"',
    involvedObject: { ...ofPod, kind: "PodDisruptionBudget", name: "controller" },
  };
  const killing = { ...UNHEALTHY, type: "Normal", reason: "Killing" };
  assert.equal(troubles({ events: [missed] }).length, 1);
  assert.deepEqual(troubles({ events: [missed, killing] }), []);
});

Deno.test("a kubelet may be late with its own mounts, a mount of Herald's is held to the rule", () => {
  const late = "failed to sync configmap cache: timed out waiting for the condition";
  const failed = (volume: string, why: string) => ({
    ...UNHEALTHY,
    reason: "FailedMount",
    message: `MountVolume.SetUp failed for volume "${volume}" : ${why}`,
  });
  assert.deepEqual(troubles({ events: [failed("kube-api-access-x", late)] }), []);
  assert.equal(troubles({ events: [failed("memberlist", 'secret "x" not found')] }).length, 1);
});

Deno.test("an error in a log and what a crash wrote break the rule, unless forgiven", () => {
  for (const text of ['{"level":"error","msg":"no"}', "panic: no"]) {
    const logs = [{ ...LOG, lines: [{ at: AT(20), text }] }];
    assert.deepEqual(troubles({ logs }), [`log of speaker-x, ${AT(20)}: ${text}`]);
    assert.deepEqual(troubles({ logs, forgiven: [19, 21] }), []);
  }
});

Deno.test("a container that ran before breaks the rule, even when it says nothing", () => {
  const told = ["restart of speaker-x: speaker, 1 times in all"];
  const logs = [{ ...LOG, restarts: 1 }];
  assert.deepEqual(troubles({ logs }), told);
  assert.deepEqual(troubles({ logs, forgiven: [1, 2] }), []);
  assert.deepEqual(troubles({ logs: [{ ...LOG, restarts: 1, lines: [] }] }), told);
});
