import assert from "node:assert/strict";
import { connect, disconnect } from "../../../lib/host/kubernetes/connections.ts";
import { CA, CERTIFICATE, KEY } from "../../support/certificates.ts";
import { fedWatch, startMockApi } from "../../support/mock_api.ts";

Deno.test("connect() makes clients with and without a certificate; closing them ends nothing", async () => {
  const watch = fedWatch();
  const api = startMockApi(() => watch.response);
  const mutual = { token: undefined, authority: CA, certificate: CERTIFICATE, key: KEY };
  disconnect(connect(mutual));
  const plain = connect({
    ...mutual,
    authority: undefined,
    certificate: undefined,
    key: undefined,
  });
  const response = await fetch(api.url, { client: plain.streams });
  disconnect(plain);
  watch.sendBytes(Uint8Array.of(7));
  watch.end();
  assert.deepEqual(await response.bytes(), Uint8Array.of(7));
  await api.close();
});
