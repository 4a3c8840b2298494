import assert from "node:assert/strict";
import {
  formatStatus,
  listStatusFiles,
  notePath,
  readFileIfThere,
  readStatus,
  removeStatus,
  replaceFile,
  statusKey,
  statusPath,
} from "../../../lib/host/folder/statuses.ts";

Deno.test("statusKey() is the inverse of statusPath() and refuses every other path", () => {
  assert.equal(statusPath("/s", "ns/web"), "/s/status/ns/web.yaml");
  assert.equal(statusKey("/s", "/s/status/ns/web.yaml"), "ns/web");
  for (
    const path of [
      "/s/web.yaml",
      "/s/status/web.yaml",
      "/s/status/a/b/web.yaml",
      "/s/status/ns/.web.yaml.tmp",
      "/s/status/ns/.web.yaml",
      "/s/status/../x.yaml",
      "/t/status/ns/web.yaml",
    ]
  ) assert.equal(statusKey("/s", path), undefined, path);
});

Deno.test("readStatus() reads back what formatStatus() wrote, and nothing from anything else", () => {
  const status = { conditions: [{ type: "A" }], loadBalancer: { ingress: [{ ip: "10.0.0.1" }] } };
  for (const annotations of [{}, { "metallb.io/ip-allocated-from-pool": "default" }]) {
    const written = { status, annotations };
    assert.deepEqual(readStatus(formatStatus("ns", "web", written)), written);
  }
  assert.deepEqual(readStatus("kind: Service"), { status: {}, annotations: {} });
  for (const text of ["", "kind: Node", "[", "5", "a: 1\na: 2"]) {
    assert.equal(readStatus(text), undefined, text);
  }
});

Deno.test("replaceFile() replaces at once and leaves no draft, also when it fails", async () => {
  const folder = await Deno.makeTempDir();
  const path = statusPath(folder, "ns/web");
  await replaceFile(path, "one");
  await replaceFile(path, "two");
  assert.equal(await Deno.readTextFile(path), "two");
  await Deno.mkdir(statusPath(folder, "ns/folder"));
  await assert.rejects(replaceFile(statusPath(folder, "ns/folder"), "x"));
  const names = [...Deno.readDirSync(`${folder}/status/ns`)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["folder.yaml", "web.yaml"]);
  assert.deepEqual(listStatusFiles(folder).length, 2);
  removeStatus(path);
  removeStatus(path);
  removeStatus(statusPath(folder, "ns/none"));
  assert.deepEqual(listStatusFiles("/nonexistent"), []);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a note is no status, and is read back as it was left", async () => {
  const folder = await Deno.makeTempDir();
  const path = notePath(folder, "sticky");
  assert.equal(await readFileIfThere(path), undefined);
  await replaceFile(path, "[]");
  assert.equal(await readFileIfThere(path), "[]");
  assert.equal(statusKey(folder, path), undefined);
  assert.deepEqual(listStatusFiles(folder), []);
  await Deno.mkdir(notePath(folder, "folder"));
  await assert.rejects(readFileIfThere(notePath(folder, "folder")));
  await Deno.remove(folder, { recursive: true });
});
