import assert from "node:assert/strict";
import { createWatchCache, isOlder } from "../../../lib/host/cluster/watch_cache.ts";
import { objectOr } from "../../../lib/model/json.ts";

/** A reading with what JSON cannot compare: a Map and a bigint. */
interface Value {
  readonly labels: ReadonlyMap<string, unknown>;
  readonly number: bigint;
}

function object(name: string, version: string, label = "a", uid = `uid-${name}`) {
  return { metadata: { name, namespace: "ns", uid, resourceVersion: version, labels: { label } } };
}

function openCache() {
  const cache = createWatchCache<Value>({
    read: (object) => {
      const labels = objectOr(objectOr(objectOr(object).metadata).labels);
      return labels.label === "out"
        ? undefined
        : { labels: new Map(Object.entries(labels)), number: 1n };
    },
  });
  const kinds = (changes: ReturnType<typeof cache.apply>) =>
    changes.map((change) => change.kind === "synced" ? "synced" : `${change.kind} ${change.key}`);
  return {
    items: cache.items,
    list: (...objects: unknown[]) => kinds(cache.replaceAll(objects.map(cache.readObject))),
    apply: (object: unknown) => kinds(cache.apply(cache.readObject(object))),
    delete: (object: unknown) => kinds(cache.delete(cache.readObject(object))),
  };
}

Deno.test("createWatchCache() gives the difference of two lists and nothing that did not change", () => {
  const cache = openCache();
  assert.deepEqual(cache.list(object("a", "1"), object("b", "1")), ["apply ns/a", "apply ns/b"]);
  assert.deepEqual(cache.list(object("a", "2"), object("c", "2")), ["delete ns/b", "apply ns/c"]);
  assert.deepEqual(cache.list(object("a", "2", "new"), object("c", "2")), ["apply ns/a"]);
  assert.deepEqual([...cache.items.keys()], ["ns/a", "ns/c"]);
});

Deno.test("createWatchCache() takes another uid under one name for an end and a beginning", () => {
  const cache = openCache();
  cache.list(object("a", "1"));
  assert.deepEqual(cache.list(object("a", "9", "a", "second")), ["delete ns/a", "apply ns/a"]);
  assert.deepEqual(cache.apply(object("a", "12", "a", "third")), ["delete ns/a", "apply ns/a"]);
});

Deno.test("createWatchCache() ignores events that are older than the list", () => {
  const cache = openCache();
  cache.list(object("a", "9007199254740993"));
  assert.deepEqual(cache.apply(object("a", "9007199254740992", "old")), []);
  assert.deepEqual(cache.delete(object("a", "9007199254740992")), []);
  assert.deepEqual(cache.apply(object("a", "9007199254740994", "new")), ["apply ns/a"]);
  // After its store was put back the server counts lower: a list is believed whatever its versions.
  assert.deepEqual(cache.list(object("a", "7", "restored")), ["apply ns/a"]);
});

Deno.test("createWatchCache() ignores the deletion of what it does not know", () => {
  const cache = openCache();
  assert.deepEqual(cache.delete(object("a", "1")), []);
  cache.list(object("a", "5"));
  assert.deepEqual(cache.delete(object("a", "6", "a", "another uid")), []);
  assert.deepEqual(cache.delete(object("a", "6")), ["delete ns/a"]);
});

Deno.test("createWatchCache() drops what its reader leaves out from now on", () => {
  const cache = openCache();
  cache.list(object("a", "1"));
  assert.deepEqual(cache.apply(object("a", "2", "out")), ["delete ns/a"]);
  assert.deepEqual(cache.apply(object("a", "3", "out")), []);
  assert.deepEqual(cache.apply(object("a", "4")), ["apply ns/a"]);
});

Deno.test("isOlder() compares decimal numbers of any length and nothing else", () => {
  assert.ok(isOlder("9", "10"));
  assert.ok(isOlder("9007199254740992", "9007199254740993"));
  for (const [a, b] of [["10", "9"], ["5", "5"], ["a", "b"], ["05", "6"], ["", "1"], ["1", ""]]) {
    assert.equal(isOlder(a ?? "", b ?? ""), false);
  }
});
