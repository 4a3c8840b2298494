import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import { ensureGossipSecret } from "../../../lib/host/kubernetes/gossip_secret.ts";
import { recordedLog } from "../../support/log.ts";
import { type Answer, json, mockClient, startMockApi, status } from "../../support/mock_api.ts";

const SECRET = { namespace: "metallb-system", name: "memberlist", deployment: "controller" };
const PATHS = {
  secret: "/api/v1/namespaces/metallb-system/secrets/memberlist",
  secrets: "/api/v1/namespaces/metallb-system/secrets",
  deployment: "/apis/apps/v1/namespaces/metallb-system/deployments/controller",
};

/** Runs it against a server that answers so, for so many waits; gives what was asked, sent and logged. */
async function ensure(answer: Answer, waits = 1) {
  const bodies: string[] = [];
  const api = startMockApi(async (url, request) => {
    if (request.method !== "GET") bodies.push(await request.clone().text());
    return await answer(url, request);
  });
  const stop = new AbortController();
  const log = recordedLog();
  const slept: number[] = [];
  const sleep = (ms: number) => {
    if (slept.push(ms) >= waits) stop.abort();
    return Promise.resolve();
  };
  const clock = { ...systemClock, sleep };
  await ensureGossipSecret(await mockClient(api.url, stop.signal), SECRET, clock, log, stop.signal);
  await api.close();
  const sent = bodies.map((text) => JSON.parse(text));
  return { requests: api.requests, sent, slept, log: JSON.stringify(log.lines) };
}

Deno.test("ensureGossipSecret() leaves a Secret that is there alone", async () => {
  const { requests } = await ensure(() => json({ kind: "Secret" }));
  assert.deepEqual(requests, [`GET ${PATHS.secret}`]);
});

Deno.test("ensureGossipSecret() makes one of 128 random octets that belongs to the Deployment", async () => {
  const answer: Answer = ({ pathname }, { method }) =>
    method === "POST" || pathname === PATHS.deployment
      ? json({ metadata: { uid: "uid-1" } })
      : status(404, "not found");
  const { requests, sent, log } = await ensure(answer);
  assert.deepEqual(requests, [
    `GET ${PATHS.secret}`,
    `GET ${PATHS.deployment}`,
    `POST ${PATHS.secrets}`,
  ]);
  const [{ metadata, stringData }] = sent;
  assert.deepEqual(metadata.ownerReferences, [
    { apiVersion: "apps/v1", kind: "Deployment", name: "controller", uid: "uid-1" },
  ]);
  assert.equal(Uint8Array.fromBase64(stringData.secretkey).length, 128);
  assert.ok(!log.includes(stringData.secretkey), "the key stands in the log");
  const again = await ensure(answer);
  assert.notEqual(again.sent[0].stringData.secretkey, stringData.secretkey);
});

Deno.test("ensureGossipSecret() makes it without owner where the Deployment may not be read", async () => {
  const { sent } = await ensure((_, { method }) =>
    method === "POST" ? json({ kind: "Secret" }) : status(403, "forbidden")
  );
  assert.deepEqual(sent[0].metadata.ownerReferences, []);
});

Deno.test("ensureGossipSecret() looks again when another was faster, and each minute from then on", async () => {
  let posts = 0;
  const { requests, slept } = await ensure((_, { method }) => {
    if (method === "POST") posts++;
    return method === "POST"
      ? status(409, "there already")
      : posts === 0
      ? status(404, "not found")
      : json({ kind: "Secret" });
  }, 3);
  assert.equal(posts, 1);
  assert.equal(requests.filter((line) => line === `GET ${PATHS.secret}`).length, 3);
  assert.deepEqual(slept.slice(1), [60_000, 60_000]);
});

Deno.test("ensureGossipSecret() asks on where it has no right to, and says so once", async () => {
  const { requests, log } = await ensure(
    (_, { method }) => method === "POST" ? status(403, "no") : status(404, "not found"),
    4,
  );
  assert.equal(requests.filter((line) => line.startsWith("POST")).length, 4);
  assert.equal(log.match(/make it by hand/g)?.length, 1);
});

Deno.test("ensureGossipSecret() leaves it at that where it may make the Secret and not read it", async () => {
  const { slept } = await ensure(
    (_, { method }) => method === "POST" ? status(409, "there already") : status(403, "forbidden"),
    2,
  );
  assert.deepEqual(slept, [60_000, 60_000]);
});

Deno.test("fault 12: ensureGossipSecret() makes a Secret that goes with its owner again, with the key that it had", async () => {
  const data = { secretkey: "a2V5" };
  let looks = 0;
  const { sent } = await ensure(({ pathname }, { method }) => {
    if (method === "POST") return json({ kind: "Secret", data });
    if (pathname === PATHS.deployment) return json({ metadata: { uid: "herald's" } });
    return ++looks === 1 ? json({ kind: "Secret", data }) : status(404, "not found");
  }, 2);
  assert.equal(sent.length, 1);
  assert.deepEqual([sent[0].data, sent[0].stringData], [data, undefined]);
  assert.equal(sent[0].metadata.ownerReferences[0].uid, "herald's");
});

const METALLBS = { apiVersion: "apps/v1", kind: "Deployment", name: "metallb", uid: "metallb's" };

/** A Secret with these owners; the controller's Deployment is `controller`, and may it be patched? */
function owned(ownerReferences: readonly unknown[], mayPatch = true): Answer {
  let owners = ownerReferences;
  return async ({ pathname }, request) => {
    if (pathname === PATHS.deployment) return json({ metadata: { uid: "herald's" } });
    if (request.method === "PATCH") {
      if (!mayPatch) return status(403, "cannot patch");
      owners = (await request.json()).metadata.ownerReferences;
    }
    const metadata = { resourceVersion: "7", ownerReferences: owners };
    return json({ kind: "Secret", metadata, data: { secretkey: "a2V5" } });
  };
}

Deno.test("fault 12: ensureGossipSecret() owns a Secret of MetalLB's Deployment too, once, so that it outlives that", async () => {
  const { requests, sent, log } = await ensure(owned([METALLBS]), 3);
  assert.deepEqual(sent, [{
    metadata: {
      resourceVersion: "7",
      ownerReferences: [METALLBS, {
        apiVersion: "apps/v1",
        kind: "Deployment",
        name: "controller",
        uid: "herald's",
      }],
    },
  }]);
  assert.equal(requests.filter((line) => line === `GET ${PATHS.deployment}`).length, 1);
  assert.ok(!log.includes("a2V5"), "the key stands in the log");
});

Deno.test("ensureGossipSecret() leaves alone whom nobody owns, its own Deployment, or something of another kind", async () => {
  const own = { ...METALLBS, name: "controller", uid: "herald's" };
  for (const owners of [[], [own], [{ ...METALLBS, kind: "ExternalSecret" }]]) {
    assert.deepEqual((await ensure(owned(owners), 2)).sent, []);
  }
});

Deno.test("ensureGossipSecret() says once what to do where it may not give the Secret an owner", async () => {
  const { log } = await ensure(owned([METALLBS], false), 3);
  assert.equal(log.match(/deployment metallb owned it alone/g)?.length, 1);
  assert.match(log, /kubectl -n metallb-system patch secret memberlist/);
});

Deno.test("ensureGossipSecret() tries again while the server is away", async () => {
  let times = 0;
  const { requests, slept } = await ensure(
    () => ++times < 4 ? status(503, "away") : json({ kind: "Secret" }),
    4,
  );
  assert.equal(requests.length, 4);
  assert.equal(slept[3], 60_000);
});
