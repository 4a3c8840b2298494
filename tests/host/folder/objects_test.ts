import assert from "node:assert/strict";
import { readManifests } from "../../../lib/host/folder/manifests.ts";
import { createStoredObjects } from "../../../lib/host/folder/objects.ts";

function service(name: string, more = ""): string {
  return `kind: Service\nmetadata: {name: ${name}${more}}\n`;
}

function openStore() {
  const store = createStoredObjects();
  const refresh = () => {
    const { applied, removed } = store.refresh();
    return [
      ...removed.map(({ manifest }) => `- ${manifest.key}`),
      ...applied.map(({ manifest }) => `+ ${manifest.key}`),
    ];
  };
  const set = (file: string, text: string | undefined) => {
    store.setFile(file, text === undefined ? undefined : readManifests(text, file));
    return refresh();
  };
  return { store, refresh, set };
}

Deno.test("refresh() gives what changed and nothing else", () => {
  const { set, store, refresh } = openStore();
  assert.deepEqual(set("a", `${service("x")}---\n${service("y")}`), ["+ default/x", "+ default/y"]);
  assert.deepEqual(set("a", `# moved\n${service("y")}---\n${service("x")}`), []);
  store.setStatus("default/x", { status: { loadBalancer: {} }, annotations: {} });
  assert.deepEqual(refresh(), ["+ default/x"]);
  store.setStatus("default/x", { status: { loadBalancer: {} }, annotations: {} });
  assert.deepEqual(refresh(), []);
  assert.deepEqual(set("a", service("x")), ["- default/y"]);
  assert.deepEqual(set("a", undefined), ["- default/x"]);
});

Deno.test("refresh() lets an object move from file to file as the same one", () => {
  const { set, store } = openStore();
  set("a", service("x"));
  const uid = store.current.get("Service/default/x")?.uid;
  store.setFile("a", undefined);
  assert.deepEqual(set("b", service("x")), []);
  assert.equal(store.current.get("Service/default/x")?.uid, uid);
});

Deno.test("refresh() keeps a written uid, and gives each state a version of its own", () => {
  const { set, store } = openStore();
  set("a", service("x", ", uid: mine"));
  const first = store.current.get("Service/default/x");
  assert.equal(first?.uid, "mine");
  set("a", service("x", ", uid: mine, labels: {a: b}"));
  const second = store.current.get("Service/default/x");
  assert.ok(Number(second?.resourceVersion) > Number(first?.resourceVersion));
});

Deno.test("setFile() keeps what a broken file held, and knows that the store is incomplete", () => {
  const { set, store } = openStore();
  set("a", service("x"));
  assert.equal(store.incomplete, false);
  assert.deepEqual(set("a", "kind: ["), []);
  assert.equal(store.incomplete, true);
  assert.ok(store.current.has("Service/default/x"));
  set("a", undefined);
  assert.equal(store.incomplete, false);
});
