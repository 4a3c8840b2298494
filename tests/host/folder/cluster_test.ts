import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import type { Cluster, StatusWrite } from "../../../lib/host/cluster/cluster.ts";
import { openFolderCluster } from "../../../lib/host/folder/cluster.ts";
import type { Selection } from "../../../lib/host/cluster/kinds.ts";
import { serviceKey } from "../../../lib/model/facts.ts";
import { type JsonObject, objectOr, textOf } from "../../../lib/model/json.ts";
import { EVENT } from "../../../lib/model/names.ts";
import { parseIp } from "../../../lib/net/ip.ts";
import { type RecordedLog, recordedLog } from "../../support/log.ts";
import { until } from "../../support/mock_api.ts";
import { pause } from "../../support/wait.ts";

const TIMING = { quietMs: 15, openMs: 150, pollMs: 10_000 };

interface Opened {
  readonly folder: string;
  readonly cluster: Cluster;
  readonly log: RecordedLog;
  /** The Services as they are now, by key. */
  readonly services: ReadonlyMap<string, JsonObject>;
  /** `apply KEY`, `delete KEY`, `synced` of Services. */
  readonly changes: string[];
  readonly put: (file: string, text: string) => Promise<void>;
  readonly write: (key: string, ...ips: string[]) => Promise<string>;
}

interface StoreOptions {
  readonly writes?: boolean;
  readonly timing?: Partial<typeof TIMING>;
  readonly folder?: string;
}

async function withStore(
  prepare: Readonly<Record<string, string>>,
  use: (opened: Opened) => Promise<void>,
  { writes = true, timing, folder: given }: StoreOptions = {},
): Promise<void> {
  const folder = given ?? await Deno.makeTempDir();
  const put = async (file: string, text: string) => {
    await Deno.mkdir(`${folder}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${folder}/${file}`, text);
  };
  for (const [file, text] of Object.entries(prepare)) await put(file, text);
  const stop = new AbortController();
  const log = recordedLog();
  const cluster = await openFolderCluster(
    folder,
    writes,
    { clock: systemClock, log },
    stop.signal,
    {
      ...TIMING,
      ...timing,
    },
  );
  const changes: string[] = [];
  const watched = cluster.watch<JsonObject>({
    kind: "Service",
    read: (object) => objectOr(object),
    onChange: (change) =>
      changes.push(change.kind === "synced" ? "synced" : `${change.kind} ${change.key}`),
  }, stop.signal);
  assert.deepEqual(changes, []);
  await until("synced", () => watched.synced);
  const write = async (key: string, ...ips: string[]) =>
    (await cluster.writeStatus(planned(watched.items.get(key), ips), stop.signal)).kind;
  try {
    await use({ folder, cluster, log, services: watched.items, changes, put, write });
  } finally {
    stop.abort();
    await watched.done;
    if (given === undefined) await Deno.remove(folder, { recursive: true });
  }
}

function planned(service: JsonObject | undefined, ips: readonly string[]): StatusWrite {
  const metadata = objectOr(service?.metadata);
  const [namespace, name] = [textOf(metadata.namespace) ?? "", textOf(metadata.name) ?? ""];
  return {
    service: {
      key: serviceKey(namespace, name),
      namespace,
      name,
      uid: textOf(metadata.uid) ?? "",
      resourceVersion: textOf(metadata.resourceVersion) ?? "",
    },
    ips: ips.flatMap((ip) => parseIp(ip) ?? []),
    pool: ips.length === 0 ? undefined : "default",
  };
}

function service(name: string, more = ""): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\n` +
    `spec: {type: LoadBalancer, ports: [{port: 80}]}\n${more}`;
}

function uidOf(service: JsonObject | undefined): string {
  return textOf(objectOr(service?.metadata).uid) ?? "";
}

function ingressOf(service: JsonObject | undefined): unknown {
  return objectOr(objectOr(service?.status).loadBalancer).ingress;
}

Deno.test("folder store reports what is there once, then what comes, changes and goes", async () => {
  await withStore({ "a.yaml": service("a") }, async ({ folder, put, changes, services }) => {
    assert.deepEqual(changes, ["apply default/a", "synced"]);
    await put("b.yml", service("b"));
    await until("b", () => changes.length === 3);
    await put("a.yaml", service("a", "extra: 1\n"));
    await until("a again", () => changes.length === 4);
    await Deno.remove(`${folder}/b.yml`);
    await until("b gone", () => changes.length === 5);
    assert.deepEqual(changes.slice(2), ["apply default/b", "apply default/a", "delete default/b"]);
    assert.equal(services.size, 1);
  });
});

Deno.test("folder store gives no change for a file that was written again as it is", async () => {
  await withStore({ "a.yaml": service("a") }, async ({ put, changes }) => {
    await put("a.yaml", `# a comment\n${service("a")}`);
    await put("b.yaml", service("b"));
    await until("b", () => changes.includes("apply default/b"));
    assert.deepEqual(changes, ["apply default/a", "synced", "apply default/b"]);
  });
});

Deno.test("folder store keeps the uid through an edit by rename, and gives a new one after an end", async () => {
  await withStore({ "a.yaml": service("a") }, async ({ folder, put, changes, services }) => {
    const first = uidOf(services.get("default/a"));
    await put(".a.swp", service("a", "extra: 1\n"));
    await Deno.rename(`${folder}/.a.swp`, `${folder}/a.yaml`);
    await until("the edit", () => changes.length === 3);
    assert.equal(uidOf(services.get("default/a")), first);
    await Deno.remove(`${folder}/a.yaml`);
    await until("the end", () => changes.length === 4);
    await put("a.yaml", service("a"));
    await until("the beginning", () => changes.length === 5);
    assert.deepEqual(changes.slice(2), ["apply default/a", "delete default/a", "apply default/a"]);
    assert.notEqual(uidOf(services.get("default/a")), first);
  });
});

Deno.test("folder store keeps what a broken file held before, and tells the place", async () => {
  await withStore({ "a.yaml": service("a") }, async ({ folder, put, changes, log, services }) => {
    await put("a.yaml", `${service("a")}   bad: [\n`);
    await until("the complaint", () => log.lines.some(({ level }) => level === "error"));
    const complaint = log.lines.find(({ level }) => level === "error");
    assert.match(String(complaint?.fields.error), new RegExp(`^${folder}/a\\.yaml:5:\\d+: `));
    assert.ok(services.has("default/a"));
    await put("a.yaml", service("c"));
    await until("c", () => changes.includes("apply default/c"));
    assert.ok(!services.has("default/a"));
  });
});

Deno.test("folder store never acts on a file that is still being written", async () => {
  const text = `${service("a")}---\n${service("b")}---\n${service("c")}`;
  await withStore({ "a.yaml": text }, async ({ folder, put, changes }) => {
    using file = await Deno.open(`${folder}/a.yaml`, { write: true, truncate: true });
    for (let start = 0; start < text.length; start += 60) {
      await file.write(new TextEncoder().encode(text.slice(start, start + 60)));
      await pause(40);
    }
    await put("d.yaml", service("d"));
    await until("d", () => changes.includes("apply default/d"));
    assert.ok(!changes.some((change) => change.startsWith("delete")));
  });
});

Deno.test("folder store takes the first of two files for an object, and tells both places", async () => {
  const files = { "b.yaml": service("a", "from: b\n"), "a.yaml": service("a", "from: a\n") };
  await withStore(files, async ({ folder, log, services, changes }) => {
    assert.equal(services.get("default/a")?.from, "a");
    const told = log.lines.filter(({ level }) => level === "warn");
    assert.equal(told.length, 1);
    assert.equal(
      told[0]?.fields.reason,
      `${folder}/b.yaml:1:1: Service/default/a stands in ${folder}/a.yaml:1:1 already`,
    );
    await Deno.remove(`${folder}/a.yaml`);
    await until("the other", () => services.get("default/a")?.from === "b");
    assert.ok(!changes.some((change) => change.startsWith("delete")));
  });
});

Deno.test("folder store writes a status file that wins over the manifest's own status", async () => {
  const own = "status: {conditions: [{type: Mine}], loadBalancer: {ingress: [{ip: 10.0.0.9}]}}\n";
  await withStore({ "a.yaml": service("a", own) }, async (opened) => {
    const { folder, services, changes, write } = opened;
    assert.deepEqual(ingressOf(services.get("default/a")), [{ ip: "10.0.0.9" }]);
    assert.equal(await write("default/a", "10.77.1.220", "2001:db8::1"), "written");
    const ingress = [{ ip: "10.77.1.220" }, { ip: "2001:db8::1" }];
    assert.deepEqual(ingressOf(services.get("default/a")), ingress);
    assert.deepEqual(objectOr(services.get("default/a")?.status).conditions, [{ type: "Mine" }]);
    assert.equal(
      await Deno.readTextFile(`${folder}/status/default/a.yaml`),
      "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  namespace: default\n" +
        "  annotations:\n    metallb.io/ip-allocated-from-pool: default\nstatus:\n" +
        "  conditions:\n    - type: Mine\n  loadBalancer:\n    ingress:\n" +
        "      - ip: 10.77.1.220\n      - ip: 2001:db8::1\n",
    );
    assert.equal(await write("default/a"), "written");
    assert.equal(ingressOf(services.get("default/a")), undefined);
    assert.equal(changes.length, 4);
    const left = [...Deno.readDirSync(`${folder}/status/default`)].map(({ name }) => name);
    assert.deepEqual(left, ["a.yaml"]);
  });
});

Deno.test("folder store refuses a write that was planned on something older or gone", async () => {
  await withStore(
    { "a.yaml": service("a") },
    async ({ folder, cluster, services, write, changes }) => {
      const { signal } = new AbortController();
      const old = planned(services.get("default/a"), ["10.0.0.1"]);
      assert.equal(await write("default/a", "10.0.0.2"), "written");
      assert.equal((await cluster.writeStatus(old, signal)).kind, "conflict");
      const other = { ...old, service: { ...old.service, uid: "another" } };
      assert.equal((await cluster.writeStatus(other, signal)).kind, "gone");
      const now = planned(services.get("default/a"), ["10.0.0.3"]);
      const both = await Promise.all([
        cluster.writeStatus(now, signal),
        cluster.writeStatus(now, signal),
      ]);
      assert.deepEqual(both.map(({ kind }) => kind), ["written", "conflict"]);
      await Deno.remove(`${folder}/a.yaml`);
      await until("the end", () => changes.includes("delete default/a"));
      assert.equal((await cluster.writeStatus(now, signal)).kind, "gone");
    },
  );
});

Deno.test("folder store tells of a status that cannot be written", async () => {
  await withStore({ "a.yaml": service("a"), "status": "a file in the way" }, async ({ write }) => {
    assert.equal(await write("default/a", "10.0.0.1"), "failed");
  });
});

Deno.test("folder store removes the status of a Service that is gone, so that none inherits it", async () => {
  await withStore({ "a.yaml": service("a") }, async ({ folder, put, services, write, changes }) => {
    await write("default/a", "10.0.0.1");
    await Deno.remove(`${folder}/a.yaml`);
    await until("the end", () => changes.includes("delete default/a"));
    await until("its status file's", () => !exists(`${folder}/status/default`));
    await put("a.yaml", service("a"));
    await until("the return", () => services.has("default/a"));
    assert.equal(ingressOf(services.get("default/a")), undefined);
  });
});

Deno.test("folder store shows a speaker what a controller writes, and the speaker removes nothing", async () => {
  await withStore({ "a.yaml": service("a") }, async (controller) => {
    const { folder } = controller;
    const orphan = "status/default/orphan.yaml";
    await withStore({ [orphan]: service("orphan", "status: {}\n") }, async (speaker) => {
      await controller.write("default/a", "10.0.0.1");
      await until("the address", () => ingressOf(speaker.services.get("default/a")) !== undefined);
      await controller.write("default/a", "10.0.0.2");
      const present = () => JSON.stringify(ingressOf(speaker.services.get("default/a")));
      await until("the next", () => present() === '[{"ip":"10.0.0.2"}]');
      assert.ok(exists(`${folder}/${orphan}`));
    }, { writes: false, folder });
  });
});

Deno.test("H5: folder store shows a speaker that starts with the controller each address, and waits for no poll", async () => {
  const names = Array.from({ length: 200 }, (_, at) => `s${at}`);
  const many = names.map((name) => service(name)).join("---\n");
  const timing = { ...TIMING, pollMs: 600_000 };
  for (let round = 0; round < 5; round++) {
    await withStore({ "many.yaml": many }, async ({ folder, write }) => {
      await withStore({}, async ({ services }) => {
        await Promise.all(names.map((name) => write(`default/${name}`, "10.0.0.1")));
        const without = () => [...services.values()].filter((one) => ingressOf(one) === undefined);
        await until("all addresses", () => without().length === 0);
      }, { writes: false, folder, timing });
    }, { timing });
  }
});

Deno.test("folder store restores statuses at the start and removes those of no Service", async () => {
  const status = "status: {loadBalancer: {ingress: [{ip: 10.0.0.1}]}}\n";
  await withStore({
    "a.yaml": service("a"),
    "status/default/a.yaml": service("a", status),
    "status/other/b.yaml": service("b", status),
  }, ({ folder, services }) => {
    assert.deepEqual(ingressOf(services.get("default/a")), [{ ip: "10.0.0.1" }]);
    assert.ok(!exists(`${folder}/status/other`));
    return Promise.resolve();
  });
});

Deno.test("folder store removes no status while a file cannot be read: its Service may stand there", async () => {
  const status = "status: {loadBalancer: {ingress: [{ip: 10.0.0.1}]}}\n";
  await withStore({
    "a.yaml": "kind: [",
    "status/default/a.yaml": service("a", status),
  }, async ({ folder, put, services }) => {
    assert.ok(exists(`${folder}/status/default/a.yaml`));
    await put("a.yaml", service("a"));
    await until("the Service", () => services.has("default/a"));
    assert.deepEqual(ingressOf(services.get("default/a")), [{ ip: "10.0.0.1" }]);
  });
});

Deno.test("folder store sees a status that somebody else clears or edits", async () => {
  await withStore({ "a.yaml": service("a") }, async ({ folder, put, services, write }) => {
    await write("default/a", "10.0.0.1");
    await put("status/default/a.yaml", service("a", "status: {loadBalancer: {}}\n"));
    await until("the clearing", () => ingressOf(services.get("default/a")) === undefined);
    await write("default/a", "10.0.0.1");
    await Deno.remove(`${folder}/status/default/a.yaml`);
    await until("the removal", () => ingressOf(services.get("default/a")) === undefined);
  });
});

Deno.test("folder store keeps its objects while the folder is away, and finds it again", async () => {
  const folder = await Deno.makeTempDir();
  await withStore({ "a.yaml": service("a") }, async ({ services, changes, put, log }) => {
    await Deno.rename(folder, `${folder}-away`);
    await until("the complaint", () => log.lines.some(({ level }) => level === "error"));
    assert.ok(services.has("default/a"));
    await Deno.rename(`${folder}-away`, folder);
    await put("b.yaml", service("b"));
    await until("b", () => services.has("default/b"));
    assert.ok(!changes.some((change) => change.startsWith("delete")));
  }, { folder, timing: { pollMs: 30 } });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("folder store selects by kind, namespace, name and label", async () => {
  const slice = (name: string, label: string) =>
    "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n" +
    `metadata: {name: ${name}, namespace: x, labels: {"kubernetes.io/service-name": ${label}}}\n`;
  await withStore(
    { "a.yaml": service("a") + slice("s1", "a") + slice("s2", "b") },
    async ({ cluster }) => {
      const stop = new AbortController();
      const keys = async (selection: Partial<Selection>) => {
        const watched = cluster.watch<string>({
          kind: "EndpointSlice",
          read: () => "x",
          onChange: () => {},
          ...selection,
          equal: () => true,
        }, stop.signal);
        await until("synced", () => watched.synced);
        return [...watched.items.keys()];
      };
      assert.deepEqual(await keys({}), ["x/s1", "x/s2"]);
      assert.deepEqual(await keys({ namespace: "y" }), []);
      assert.deepEqual(await keys({ name: "s2" }), ["x/s2"]);
      assert.deepEqual(await keys({ labelSelector: "kubernetes.io/service-name=b" }), ["x/s2"]);
      assert.deepEqual(await keys({ labelSelector: "none" }), []);
      assert.deepEqual(await keys({ kind: "Pod" }), []);
      stop.abort();
    },
  );
});

Deno.test("folder store tells events in its log", async () => {
  await withStore({}, async ({ cluster, log }) => {
    await cluster.publishEvent({
      about: { kind: "Service", namespace: "default", name: "a", uid: "uid-a" },
      type: "Normal",
      reason: EVENT.ipAllocated,
      message: "Assigned IP [10.0.0.1]",
      component: "metallb-controller",
    }, new AbortController().signal);
    assert.deepEqual(log.lines.at(-1)?.fields, {
      object: "service default/a",
      reason: "IPAllocated",
      message: "Assigned IP [10.0.0.1]",
    });
  });
});

Deno.test("folder store takes 1,000 Services and as many writes in a moment", async () => {
  const many = Array.from({ length: 1_000 }, (_, i) => service(`s${i}`)).join("---\n");
  await withStore({ "many.yaml": many }, async ({ services, write, changes }) => {
    assert.equal(services.size, 1_000);
    const outcomes = await Promise.all(
      [...services.keys()].map((key, i) => write(key, `10.0.${i >> 8}.${i & 255}`)),
    );
    assert.ok(outcomes.every((outcome) => outcome === "written"));
    assert.equal(changes.length, 2_001);
  });
});

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("stand() lets one of two stores on a folder keep the statuses, and the next has seen them", async () => {
  const folder = await Deno.makeTempDir();
  const election = {
    namespace: "",
    name: "",
    durationMs: 1_000,
    renewDeadlineMs: 600,
    retryPeriodMs: 100,
  };
  const options = { writes: false, folder };
  await withStore({ "a.yaml": service("a"), "b.yaml": service("b") }, async (one) => {
    await withStore({}, async (two) => {
      const stop = new AbortController();
      const hooks = { onChange: () => {}, nothingGiven: () => false };
      const first = one.cluster.stand(election, hooks, stop.signal);
      await until("the lead", () => first.lead.kind === "leader");
      const second = two.cluster.stand(election, hooks, stop.signal);
      await until("the standby", () => second.lead.kind === "standby");
      const permitOf = ({ lead }: typeof first) => lead.kind === "leader" ? lead.permit : NO_PERMIT;
      const write = async (to: typeof one, from: typeof first) =>
        (await to.cluster.writeStatus({
          ...planned(to.services.get("default/a"), ["10.0.0.1"]),
          permit: permitOf(from),
        }, stop.signal)).kind;
      assert.equal(await write(two, second), "not-leader");
      assert.equal(await write(one, first), "written");
      await first.release();
      await until("the takeover", () => second.lead.kind === "leader");
      assert.deepEqual(ingressOf(two.services.get("default/a")), [{ ip: "10.0.0.1" }]);
      assert.equal(await write(one, first), "not-leader");
      // Only who leads removes what a Service leaves.
      await Deno.remove(`${folder}/a.yaml`);
      await until("the end of the status", () => !exists(`${folder}/status/default/a.yaml`));
      await second.release();
      stop.abort();
    }, options);
  }, options);
  await Deno.remove(folder, { recursive: true });
});

const NO_PERMIT = { mayBegin: () => false, withinMs: 0 };
