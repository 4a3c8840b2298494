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

/** Runs it against a server that answers so; gives what was asked, sent and logged. */
async function ensure(answer: Answer, secret = SECRET) {
  const bodies: string[] = [];
  const api = startMockApi(async (url, request) => {
    if (request.method === "POST") bodies.push(await request.clone().text());
    return await answer(url, request);
  });
  const stop = new AbortController();
  const log = recordedLog();
  const clock = { ...systemClock, sleep: () => Promise.resolve() };
  await ensureGossipSecret(await mockClient(api.url, stop.signal), secret, clock, log, stop.signal);
  stop.abort();
  await api.close();
  const sent = bodies.map((text) => JSON.parse(text));
  return { requests: api.requests, sent, log: JSON.stringify(log.lines) };
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

for (
  const [what, code, told] of [
    ["another was faster", 409, /^\[\]$/],
    ["it has no right to", 403, /make it by hand/],
  ] as const
) {
  Deno.test(`ensureGossipSecret() ends when ${what}`, async () => {
    const { requests, log } = await ensure((_, { method }) =>
      method === "POST" ? status(code, "no") : status(404, "not found")
    );
    assert.equal(requests.filter((line) => line.startsWith("POST")).length, 1);
    assert.match(log, told);
  });
}

Deno.test("ensureGossipSecret() tries again while the server is away", async () => {
  let times = 0;
  const { requests } = await ensure(() =>
    ++times < 4 ? status(503, "away") : json({ kind: "Secret" })
  );
  assert.equal(requests.length, 4);
});
