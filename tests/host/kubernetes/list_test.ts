import assert from "node:assert/strict";
import { listPages } from "../../../lib/host/kubernetes/list.ts";
import { mockClient, service, serviceList, startMockApi, status } from "../../support/mock_api.ts";

async function listing(pages: readonly (() => Response)[]) {
  let page = 0;
  const api = startMockApi(() => pages[page++]?.() ?? status(500, "no more pages"));
  const stop = new AbortController();
  const client = await mockClient(api.url, stop.signal);
  const seen: number[] = [];
  const outcome = await listPages(
    client,
    { kind: "Service" },
    (objects) => seen.push(objects.length),
    stop.signal,
  );
  stop.abort();
  await api.close();
  return { outcome, seen };
}

const two = [service("a", "1"), service("b", "2")];

Deno.test("listPages() hands over page by page and gives the version", async () => {
  const { outcome, seen } = await listing([
    () => serviceList(two, "7", "next"),
    () => serviceList([], "7"),
  ]);
  assert.deepEqual([outcome, seen], [{ kind: "listed", resourceVersion: "7" }, [2, 0]]);
});

Deno.test("listPages() tells an expired token from a list that is refused", async () => {
  const gone = () => status(410, "gone");
  assert.equal(
    (await listing([() => serviceList(two, "7", "next"), gone])).outcome.kind,
    "expired",
  );
  assert.equal((await listing([gone])).outcome.kind, "failure");
});
