import assert from "node:assert/strict";
import { createKubeNotes } from "../../../lib/host/kubernetes/notes.ts";
import { json, mockClient, startMockApi, status } from "../../support/mock_api.ts";

const PERMIT = { mayBegin: () => true, withinMs: 5_000 };

/** The ConfigMaps of a server that holds them like a real one. */
async function notes(
  refuse: boolean,
  use: (notes: ReturnType<typeof createKubeNotes>, signal: AbortSignal) => Promise<void>,
): Promise<string[]> {
  const stored = new Map<string, unknown>();
  const api = startMockApi(async (url, request) => {
    if (refuse) return status(403, "forbidden");
    const name = url.pathname.split("/").at(-1) ?? "";
    if (request.method === "POST") {
      const object = await request.json();
      stored.set(object.metadata.name, object);
      return json(object);
    }
    if (!stored.has(name)) return status(404, "not found");
    if (request.method === "PATCH") stored.set(name, await request.json());
    return json(stored.get(name));
  });
  const stop = new AbortController();
  try {
    await use(
      createKubeNotes(await mockClient(api.url, stop.signal), "metallb-system"),
      stop.signal,
    );
  } finally {
    stop.abort();
    await api.close();
  }
  return api.requests;
}

Deno.test("createKubeNotes() makes a ConfigMap for the first note and changes it for the next", async () => {
  const requests = await notes(false, async ({ readNote, writeNote }, signal) => {
    assert.equal(await readNote("sticky", signal), undefined);
    await writeNote("sticky", "one", PERMIT, signal);
    assert.equal(await readNote("sticky", signal), "one");
    await writeNote("sticky", "two", PERMIT, signal);
    assert.equal(await readNote("sticky", signal), "two");
  });
  const path = "/api/v1/namespaces/metallb-system/configmaps";
  assert.deepEqual(requests.map((line) => line.split("?")[0]), [
    `GET ${path}/herald-sticky`,
    `PATCH ${path}/herald-sticky`,
    `POST ${path}`,
    `GET ${path}/herald-sticky`,
    `PATCH ${path}/herald-sticky`,
    `GET ${path}/herald-sticky`,
  ]);
});

Deno.test("createKubeNotes() says what it could not do, where and why", async () => {
  await notes(true, async ({ readNote, writeNote }, signal) => {
    const told = /Cannot (read|write) configmap metallb-system\/herald-sticky at .*HTTP 403/;
    await assert.rejects(readNote("sticky", signal), told);
    await assert.rejects(writeNote("sticky", "x", PERMIT, signal), told);
  });
});

Deno.test("createKubeNotes() sends nothing once another leads", async () => {
  const permit = { mayBegin: () => false, withinMs: 5_000 };
  const requests = await notes(false, async ({ writeNote }, signal) => {
    await assert.rejects(writeNote("sticky", "x", permit, signal), /the lead is over/);
  });
  assert.deepEqual(requests, []);
});
