/**
 * The chunks of a body until its end or until the signal fires. The signal that was given to
 * `fetch` is not enough: once the headers have come, the runtime forgets it at the next garbage
 * collection, and a silent body would be waited for without end.
 */
export async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel);
  if (signal.aborted) cancel();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      ended = done;
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    if (!ended) cancel();
  }
}

/** The whole body as text. @throws Error when the signal fires before its end */
export async function textOfBody(response: Response, signal: AbortSignal): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of chunksOf(response.body, signal)) {
    text += decoder.decode(chunk, { stream: true });
  }
  if (signal.aborted) throw new Error("the answer did not come to its end");
  return text + decoder.decode();
}
