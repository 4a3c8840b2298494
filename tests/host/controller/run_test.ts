import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import type {
  Cluster,
  ClusterEvent,
  Lead,
  LeaderElection,
} from "../../../lib/host/cluster/cluster.ts";
import type { RunningRole } from "../../../lib/host/process/role.ts";
import { formatIp } from "../../../lib/net/ip.ts";
import { virtualClock } from "../../support/clock.ts";
import { fedCluster } from "../../support/fed_cluster.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import { REFLECTOR_TIMING, startReflector } from "../../../lib/host/kubernetes/reflector.ts";
import { runController } from "../../../lib/host/controller/run.ts";
import { createServiceStatusWriter } from "../../../lib/host/kubernetes/service_status.ts";
import { BARE_CLUSTER } from "../../support/bare_cluster.ts";
import { RUN_OPTIONS } from "../../support/run_options.ts";
import { recordedLog, SILENT_LOG } from "../../support/log.ts";
import {
  fedWatch,
  json,
  mockClient,
  serviceList,
  startMockApi,
  status,
  until,
} from "../../support/mock_api.ts";
import { NO_WORKERS } from "../../support/roles.ts";

const POOL = "address-pools: [{name: one, protocol: layer2, addresses: [10.77.1.220-10.77.1.221]}]";

/** A Service as the API server holds it. */
function service(name: string, version: number, ip?: string) {
  const annotations = ip === undefined ? {} : { "metallb.io/ip-allocated-from-pool": "one" };
  const uid = `uid-${name}`;
  return {
    metadata: { name, namespace: "default", uid, resourceVersion: String(version), annotations },
    spec: { type: "LoadBalancer", ipFamilies: ["IPv4"], ports: [{ port: 80 }] },
    status: { loadBalancer: ip === undefined ? {} : { ingress: [{ ip }] } },
  };
}

interface Patch {
  readonly name: string;
  readonly ip: string | undefined;
}

interface Stage {
  readonly patches: readonly Patch[];
  readonly events: readonly ClusterEvent[];
  /** What the server tells its watches. */
  send(type: string, object: unknown): void;
  planned(name: string): number;
}

/** A controller on a server without Services; `answer` takes its writes. */
async function withController(
  answer: (patch: Patch, count: number, stage: Stage) => Response,
  use: (stage: Stage) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/config.yaml`, POOL);
  const patches: Patch[] = [];
  const events: ClusterEvent[] = [];
  const log = recordedLog();
  const watch = fedWatch();
  const stage: Stage = {
    patches,
    events,
    send: watch.send,
    planned: (name) =>
      log.lines.filter(({ level, fields }) =>
        level !== "warn" && fields.service === `default/${name}` && "reason" in fields
      ).length,
  };
  const api = startMockApi(async (url, request) => {
    if (url.searchParams.has("watch")) return watch.response;
    if (request.method === "GET") return serviceList([], "1");
    const name = url.pathname.split("/").at(-2) ?? "";
    const patch = { name, ip: (await request.json()).status.loadBalancer.ingress?.[0]?.ip };
    patches.push(patch);
    return answer(patch, patches.length, stage);
  });
  const stop = new AbortController();
  const client = await mockClient(api.url, stop.signal);
  const host = { client, clock: systemClock, log, timing: REFLECTOR_TIMING, count: () => {} };
  const cluster: Cluster = {
    ...BARE_CLUSTER,
    watch: (options, signal) => startReflector(host, options, signal),
    writeStatus: createServiceStatusWriter(client, log),
    publishEvent: (event) => Promise.resolve(void events.push(event)),
  };
  const controller = runController({
    clock: systemClock,
    options: { ...RUN_OPTIONS, config: `${folder}/config.yaml` },
    cluster,
    log,
    metrics: createMetrics(),
    signal: stop.signal,
    workers: NO_WORKERS,
  });
  try {
    await until("readiness", () => controller.notReady().length === 0);
    await use(stage);
  } finally {
    stop.abort();
    await controller.done;
    await api.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("C7: runController() reads back a write whose reply was lost, and gives no second address", async () => {
  await withController((patch, count, { send }) => {
    send("MODIFIED", service(patch.name, 10 + count, patch.ip));
    return count === 1 ? status(504, "timed out after the write") : json(service(patch.name, 11));
  }, async ({ patches, send, planned }) => {
    send("ADDED", service("web", 2));
    // Given, found in the status, and planned once more because the write had failed.
    await until("the plan after the failure", () => planned("web") >= 3);
    send("ADDED", service("other", 20));
    await until("the other's address", () => patches.length === 2);
    assert.deepEqual(patches, [
      { name: "web", ip: "10.77.1.220" },
      { name: "other", ip: "10.77.1.221" },
    ]);
  });
});

Deno.test("C7: runController() writes the same address to the newer object after each of five conflicts", async () => {
  await withController((patch, count, { send }) => {
    if (count > 5) return json(service(patch.name, 20, patch.ip));
    send("MODIFIED", service(patch.name, 2 + count));
    return status(409, "the object has been modified");
  }, async ({ patches, send }) => {
    send("ADDED", service("web", 2));
    await until("the sixth write", () => patches.length === 6);
    assert.deepEqual(new Set(patches.map(({ ip }) => ip)), new Set(["10.77.1.220"]));
  });
});

for (const code of [403, 422]) {
  Deno.test(`C7: runController() tells by one event that a status is refused with ${code}`, async () => {
    await withController(
      (patch) =>
        patch.name === "web" ? status(code, "denied by a rule") : json(service(patch.name, 9)),
      async (
        { patches, events, send },
      ) => {
        send("ADDED", service("web", 2));
        await until("the event", () => events.some(({ type }) => type === "Warning"));
        send("ADDED", service("other", 3));
        await until("the other's write", () => patches.some(({ name }) => name === "other"));
        assert.equal(patches.filter(({ name }) => name === "web").length, 1);
        const warnings = events.filter(({ type }) => type === "Warning");
        assert.deepEqual(warnings.map(({ about, reason }) => [about.name, reason]), [
          ["web", "InternalError"],
        ]);
        assert.match(warnings[0]?.message ?? "", /denied by a rule/);
      },
    );
  });
}

Deno.test("C7: runController() gives away the address of a Service that a write found gone", async () => {
  await withController((patch, _, { send }) => {
    if (patch.name !== "web") return json(service(patch.name, 30));
    send("DELETED", service("web", 3));
    return status(404, "not found");
  }, async ({ patches, send }) => {
    send("ADDED", service("web", 2));
    await until("the write", () => patches.length === 1);
    send("ADDED", service("other", 4));
    await until("the other's write", () => patches.length === 2);
    assert.deepEqual(patches[1], { name: "other", ip: "10.77.1.220" });
  });
});

const STANDBY: Lead = { kind: "standby", identity: "me", leader: "other" };
const LEADER: Lead = {
  kind: "leader",
  identity: "me",
  permit: { mayBegin: () => true, withinMs: 4_000 },
};

/** A controller that stands by, on virtual time; the test says what there is, and who leads. */
async function standingBy(
  use: (stage: {
    readonly controller: RunningRole;
    readonly events: readonly ClusterEvent[];
    readonly writes: readonly string[];
    become(lead: Lead): void;
    configure(version: string, text: string): Promise<void>;
    list(...services: unknown[]): Promise<void>;
    turn(): Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  const clock = virtualClock();
  const events: ClusterEvent[] = [];
  const writes: string[] = [];
  let [lead, announce]: [Lead, (lead: Lead) => void] = [STANDBY, () => assert.fail("no election")];
  const { cluster, list } = fedCluster({
    stand: (_election, { onChange }) => {
      announce = onChange;
      const [release, done] = [() => Promise.resolve(), Promise.resolve()];
      return {
        get lead() {
          return lead;
        },
        release,
        done,
      };
    },
    writeStatus({ service: { name }, ips }) {
      writes.push([name, ...ips.map(formatIp)].join(" "));
      return Promise.resolve({ kind: "written", resourceVersion: "9" });
    },
    publishEvent: (event) => Promise.resolve(void events.push(event)),
  });
  const stop = new AbortController();
  const turn = () => clock.elapse(1);
  const controller = runController({
    clock,
    options: { ...RUN_OPTIONS, leaderElection: ELECTION },
    cluster,
    log: SILENT_LOG,
    metrics: createMetrics(),
    signal: stop.signal,
    workers: NO_WORKERS,
  });
  await use({
    controller,
    events,
    writes,
    turn,
    become(next) {
      lead = next;
      announce(next);
    },
    configure(resourceVersion, config) {
      const metadata = { name: "config", namespace: "metallb-system", uid: "1", resourceVersion };
      list("ConfigMap/metallb-system/config", { metadata, data: { config } });
      return turn();
    },
    list(...services) {
      list("Service", ...services);
      return turn();
    },
  });
  stop.abort();
  await controller.done;
}

const ELECTION: LeaderElection = {
  namespace: "metallb-system",
  name: "herald",
  durationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

function aged(name: string, second: number, ip: string) {
  const { metadata, ...rest } = service(name, 1, ip);
  const creationTimestamp = `2026-01-01T00:00:0${second}Z`;
  return { ...rest, metadata: { ...metadata, creationTimestamp } };
}

Deno.test("C2: runController() writes nothing while it stands by, and settles what stands twice when it leads", async () => {
  await standingBy(async ({ become, configure, controller, list, turn, writes }) => {
    await configure("1", POOL);
    await list(aged("older", 1, "10.77.1.220"), aged("younger", 2, "10.77.1.220"));
    assert.deepEqual([writes, controller.notReady()], [[], []]);
    assert.deepEqual(controller.controller?.().services, []);
    become(LEADER);
    await turn();
    assert.deepEqual(writes, ["younger 10.77.1.221"]);
    become(STANDBY);
    assert.deepEqual(controller.controller?.().services, [], "the book is gone at once");
  });
});

Deno.test("runController() refuses as a standby what the leader refuses, and tells of it when it leads", async () => {
  await standingBy(async ({ become, configure, controller, events, list, turn, writes }) => {
    await configure("1", POOL);
    await list(service("web", 1, "10.77.1.220"));
    await configure("2", POOL.replaceAll("10.77", "10.99"));
    assert.equal(controller.config.status().state, "stale");
    assert.deepEqual(events, [], "the leader tells");
    become(LEADER);
    await turn();
    assert.deepEqual(events.map(({ reason }) => reason), ["ConfigRejected"]);
    assert.deepEqual(writes, []);
  });
});
