import assert from "node:assert/strict";
import type { Cluster, Watched, WatchOptions } from "../../../lib/host/cluster/cluster.ts";
import type { RunOptions } from "../../../lib/host/process/options.ts";
import { type FactEvent, watchFacts } from "../../../lib/host/speaker/facts.ts";
import { BARE_CLUSTER } from "../../support/bare_cluster.ts";
import { speakerContext } from "./parts.ts";

interface Fake {
  readonly kind: string;
  readonly labelSelector: string | undefined;
  /** Reads the object as the watch would, and tells of it. */
  apply(object: { readonly metadata: { readonly name: string } }): void;
  sync(): void;
  end(): void;
}

function bench(options: Partial<RunOptions> = {}) {
  const fakes: Fake[] = [];
  const posted: FactEvent[] = [];
  const cluster: Cluster = {
    ...BARE_CLUSTER,
    watch<T>({ kind, labelSelector, namespace, read, onChange }: WatchOptions<T>): Watched<T> {
      const items = new Map<string, T>();
      const ended = Promise.withResolvers<void>();
      const watched = { synced: false };
      fakes.push({
        kind: namespace === undefined ? kind : `${kind} in ${namespace}`,
        labelSelector,
        apply(object) {
          const value = read(object) ?? assert.fail("unreadable");
          items.set(object.metadata.name, value);
          onChange({ kind: "apply", key: object.metadata.name, value });
        },
        sync() {
          watched.synced = true;
          onChange({ kind: "synced" });
        },
        end: ended.resolve,
      });
      return {
        get synced() {
          return watched.synced;
        },
        lastHeardMs: 1_000 + fakes.length,
        lastMovedMs: 0,
        items,
        refresh: () => Promise.resolve(),
        done: ended.promise,
      };
    },
  };
  const context = { ...speakerContext(options), cluster };
  const facts = watchFacts(context, (event) => posted.push(event));
  const fake = (kind: string) => fakes.find((one) => one.kind === kind) ?? assert.fail(kind);
  const updates = async () => (await context.metrics.updates.get()).values[0]?.value ?? 0;
  return { facts, fake, fakes, posted, updates };
}

const object = (name: string, labels = {}) => ({
  metadata: { name, namespace: "default", uid: name, resourceVersion: "1", labels },
  spec: {},
});
const pod = (name: string, nodeName: string, ready: boolean) => ({
  metadata: { name, namespace: "metallb-system" },
  spec: { nodeName },
  status: {
    podIP: "10.0.0.2",
    conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
  },
});

Deno.test("watchFacts() posts what happened to each kind, and counts it", async () => {
  const { facts, fake, posted, updates } = bench();
  fake("Service").apply(object("web"));
  fake("EndpointSlice").apply(object("web-1", { "kubernetes.io/service-name": "web" }));
  fake("Node").apply(object("node2"));
  assert.deepEqual(posted.map(({ kind }) => kind), ["service", "slice", "nodes"]);
  const [first] = posted;
  assert.ok(first?.kind === "service" && first.change.kind === "apply");
  assert.equal(first.change.value.name, "web");
  assert.equal(await updates(), 3);
  assert.deepEqual([...facts.nodes().keys()], ["node2"]);
  assert.equal(facts.services().size, 1);
});

Deno.test("watchFacts() names the kinds of which not all is known; a full list is no change", async () => {
  const { facts, fake, posted, updates } = bench();
  assert.deepEqual(facts.unknown(), ["Services", "EndpointSlices", "Nodes"]);
  fake("EndpointSlice").sync();
  assert.deepEqual(facts.unknown(), ["Services", "Nodes"]);
  fake("Service").sync();
  fake("Node").sync();
  assert.deepEqual(facts.unknown(), []);
  assert.equal(posted.length, 3, "each may be what the speaker waited for");
  assert.equal(await updates(), 0);
});

Deno.test("watchFacts() watches the speakers' pods where an API server tells of them", () => {
  const { facts, fake, posted } = bench({ mlLabels: "app=herald" });
  const pods = fake("Pod in metallb-system");
  assert.equal(pods.labelSelector, "app=herald");
  assert.equal(facts.readyPods(), undefined, "no pod matches: the labels tell nothing");
  pods.apply(pod("a", "node1", true));
  pods.apply(pod("b", "node2", false));
  assert.deepEqual(posted.map(({ kind }) => kind), ["pods", "pods"]);
  assert.deepEqual([...facts.readyPods() ?? []], ["node1"]);
  assert.equal(facts.pods()?.size, 2);
  assert.ok(facts.unknown().includes("speakers' Pods"));
});

Deno.test("watchFacts() knows of no pods in a store, or without their labels", () => {
  for (const options of [{ mlLabels: "app=herald", store: "/srv/lb" }, {}]) {
    const { facts, fakes } = bench(options);
    assert.equal(fakes.length, 3);
    assert.equal(facts.pods(), undefined);
    assert.equal(facts.readyPods(), undefined);
  }
});

Deno.test("watchFacts() ends when all of its watches have", async () => {
  const { facts, fakes } = bench();
  let ended = false;
  const done = facts.done.then(() => ended = true);
  for (const fake of fakes) {
    assert.equal(ended, false);
    fake.end();
    await Promise.resolve();
  }
  await done;
});

Deno.test("heardAt() is the oldest word of any watch", () => {
  assert.equal(bench().facts.heardAt(), 1_001);
});
