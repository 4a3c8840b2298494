import assert from "node:assert/strict";
import { chunksOf, textOfBody } from "../../../lib/host/kubernetes/response_body.ts";
import { fedWatch, startMockApi } from "../../support/mock_api.ts";
import { pause } from "../../support/wait.ts";

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
  await pause(10);
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
  const pieces = new ReadableStream({
    type: "bytes",
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const stop = new AbortController();
  assert.equal(await textOfBody(new Response(pieces), stop.signal), "Žižkov");
  const endless = new Response(new ReadableStream({ type: "bytes" }));
  const text = textOfBody(endless, stop.signal);
  stop.abort();
  await assert.rejects(text);
});

Deno.test("chunksOf() gives every byte of a large body, in a few buffers", async () => {
  const bytes = Uint8Array.from({ length: 600_000 }, (_, index) => index % 251);
  const api = startMockApi(() => new Response(bytes));
  const client = Deno.createHttpClient({});
  const { body } = await fetch(api.url, { client });
  if (body === null) throw new Error("no body");
  const got: number[] = [];
  let largest = 0;
  for await (const chunk of chunksOf(body, new AbortController().signal)) {
    largest = Math.max(largest, chunk.buffer.byteLength);
    for (const byte of chunk) got.push(byte);
  }
  assert.deepEqual(Uint8Array.from(got), bytes);
  assert.ok(largest <= 64 * 1024, String(largest));
  client.close();
  await api.close();
});
