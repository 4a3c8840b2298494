import assert from "node:assert/strict";
import { watchLease } from "../../../lib/host/kubernetes/lease_watch.ts";
import type { Lease } from "../../../lib/lease/record.ts";
import { virtualClock } from "../../support/clock.ts";
import { fedWatch, mockClient, startMockApi, status, until } from "../../support/mock_api.ts";
import { pause } from "../../support/wait.ts";

const GONE: Lease = {
  resourceVersion: "",
  object: {},
  record: {
    holder: "nobody's",
    durationMs: 0,
    acquireTime: undefined,
    renewTime: undefined,
    transitions: 0,
  },
};
const PLACE = { namespace: "ns", name: "herald" };

function lease(resourceVersion: string, holderIdentity: string) {
  return { kind: "Lease", metadata: { resourceVersion }, spec: { holderIdentity } };
}

async function watching(
  answer: () => Response,
  use: (
    watch: ReturnType<typeof watchLease>,
    seen: readonly Lease[],
    requests: readonly string[],
  ) => Promise<void>,
): Promise<void> {
  const api = startMockApi(answer);
  const stop = new AbortController();
  const client = await mockClient(api.url, stop.signal);
  const seen: Lease[] = [];
  const hooks = {
    onSeen: (one: Lease) => void seen.push(one),
    onDeleted: () => void seen.push(GONE),
  };
  const watch = watchLease(client, PLACE, virtualClock(), hooks, stop.signal);
  await use(watch, seen, api.requests);
  stop.abort();
  await api.close();
}

Deno.test("watchLease() brings each change of the one Lease, by one watch at a time", async () => {
  const feed = fedWatch();
  await watching(() => feed.response, async (watch, seen, requests) => {
    watch.from("7");
    watch.from("8");
    await until("the watch", () => requests.length > 0);
    const query = new URLSearchParams(requests[0]?.split("?")[1]);
    assert.equal(query.get("fieldSelector"), "metadata.name=herald");
    assert.equal(query.get("resourceVersion"), "7");
    feed.send("MODIFIED", lease("9", "one"));
    feed.send("DELETED", lease("10", "one"));
    feed.send("ADDED", lease("11", ""));
    await until("all", () => seen.length === 3);
    assert.deepEqual(seen.map(({ record }) => record.holder), ["one", "nobody's", ""]);
    assert.equal(requests.length, 1);
  });
});

Deno.test("watchLease() opens another when one has ended, by an error too", async () => {
  let opened = 0;
  const answer = () => {
    const feed = fedWatch();
    if (++opened === 1) feed.end();
    if (opened === 2) feed.send("ERROR", { code: 410, message: "too old" });
    return feed.response;
  };
  await watching(answer, async (watch, seen) => {
    for (const count of [1, 2, 3]) {
      await until(`watch ${count}`, () => {
        watch.from("7");
        return opened === count;
      });
    }
    assert.deepEqual(seen, []);
  });
});

Deno.test("watchLease() waits before it tries again where watching is forbidden, and none is open after stop()", async () => {
  await watching(() => status(403, "forbidden"), async (watch, _seen, requests) => {
    watch.from("7");
    await until("the refusal", () => requests.length === 1);
    for (let turn = 0; turn < 20; turn++) {
      watch.from("7");
      await pause(1);
    }
    assert.equal(requests.length, 1);
  });
  await watching(() => fedWatch().response, async (watch, seen, requests) => {
    watch.from("7");
    await until("the watch", () => requests.length === 1);
    watch.stop();
    watch.from("8");
    await until("another", () => requests.length === 2);
    assert.deepEqual(seen, []);
  });
});
