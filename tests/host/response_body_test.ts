import assert from "node:assert/strict";
import { chunksOf, textOfBody } from "../../lib/host/response_body.ts";
import { fedWatch, startMockApi } from "../support/mock_api.ts";

/** Makes so much garbage that it is collected. */
function collect(): void {
  for (let i = 0; i < 300; i++) new Array(100_000).fill(i);
}

Deno.test("chunksOf() ends when its signal fires, after a garbage collection too", async () => {
  const watch = fedWatch();
  const api = startMockApi(() => watch.response);
  const client = Deno.createHttpClient({});
  const stop = new AbortController();
  const response = await fetch(api.url, { client, signal: stop.signal });
  collect();
  await new Promise((resolve) => setTimeout(resolve, 10));
  collect();
  if (response.body === null) throw new Error("no body");
  const chunks = chunksOf(response.body, stop.signal);
  watch.sendBytes(Uint8Array.of(1));
  assert.deepEqual((await chunks.next()).value, Uint8Array.of(1));
  const next = chunks.next();
  stop.abort();
  await next.then(({ done }) => assert.equal(done, true), () => {});
  client.close();
  await api.close();
});

Deno.test("textOfBody() joins characters that chunks cut, and throws when stopped early", async () => {
  const bytes = new TextEncoder().encode("Žižkov");
  const pieces = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const stop = new AbortController();
  assert.equal(await textOfBody(new Response(pieces), stop.signal), "Žižkov");
  const endless = new Response(new ReadableStream<Uint8Array>());
  const text = textOfBody(endless, stop.signal);
  stop.abort();
  await assert.rejects(text);
});
