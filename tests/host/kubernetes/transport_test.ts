import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import type { KubeSettings } from "../../../lib/host/kubernetes/kubeconfig.ts";
import {
  isVerbForbidden,
  type KubeRequest,
  NotLeader,
  openTransport,
  reconnect,
  send,
  type Transport,
} from "../../../lib/host/kubernetes/transport.ts";
import { CA, CERTIFICATE, KEY } from "../../support/certificates.ts";
import { recordedLog } from "../../support/log.ts";
import { fedWatch, type MockApi, mockSettings, startMockApi } from "../../support/mock_api.ts";

const GET: KubeRequest = { operation: "list services", method: "GET", path: "/api/v1/services" };

async function withTransport(
  use: (transport: Transport, api: MockApi, signal: AbortSignal) => Promise<void>,
  answer: () => Response,
  more: Partial<KubeSettings> = {},
): Promise<void> {
  const api = startMockApi(answer);
  const stop = new AbortController();
  const settings = { ...mockSettings(api.url, undefined), ...more };
  try {
    const transport = await openTransport(settings, systemClock, recordedLog(), stop.signal);
    await use(transport, api, stop.signal);
  } finally {
    stop.abort();
    await api.close();
  }
}

Deno.test("reconnect() ends nothing that is under way", async () => {
  const watch = fedWatch();
  await withTransport(async (transport, _api, signal) => {
    const response = await send(transport, GET, "streams", signal);
    const before = transport.connections;
    reconnect(transport);
    assert.notEqual(transport.connections, before);
    watch.sendBytes(Uint8Array.of(7));
    watch.end();
    assert.deepEqual(await response.bytes(), Uint8Array.of(7));
  }, () => watch.response);
});

Deno.test("openTransport() takes a client certificate, and closes with its signal", async () => {
  const text = (text: string) => ({ kind: "text", text, origin: "the test" }) as const;
  await withTransport(
    async (transport, api) => {
      assert.equal(transport.credentials.certificate, CERTIFICATE);
      assert.deepEqual(await Promise.resolve(api.requests), []);
    },
    () => Response.json({}),
    { authority: text(CA), clientPair: { certificate: text(CERTIFICATE), key: text(KEY) } },
  );
});

Deno.test("send() sends nothing once its permit is over", async () => {
  await withTransport(async (transport, api, signal) => {
    const permit = { mayBegin: () => false, withinMs: 1_000 };
    await assert.rejects(send(transport, { ...GET, permit }, "requests", signal), NotLeader);
    assert.deepEqual(api.requests, []);
  }, () => Response.json({}));
});

Deno.test("isVerbForbidden() tells a role without the verb from an admission rule's refusal", () => {
  const failure = {
    kind: "failure",
    cause: "status",
    status: 403,
    message: 'User "x" cannot patch resource "services/status"',
    retryAfterMs: undefined,
  } as const;
  assert.ok(isVerbForbidden(failure, "patch"));
  assert.ok(!isVerbForbidden(failure, "update"));
  assert.ok(!isVerbForbidden({ ...failure, message: "exceeded quota" }, "patch"));
  assert.ok(!isVerbForbidden({ ...failure, status: 500 }, "patch"));
});
