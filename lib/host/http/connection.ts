import { type Answer, encodeHead, textAnswer } from "../../http/answer.ts";
import { readHead, type RequestHead } from "../../http/head.ts";

/** What a connection is read from and written to. */
export type Wire = Pick<Deno.Conn, "read" | "write">;

interface Conversation {
  /** Where what comes in is held, as long as the longest head. */
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly answer: (head: RequestHead) => Answer | Promise<Answer>;
  /** What the connection goes on to; the time that it has for it is another's matter. */
  readonly onPhase: (phase: "idle" | "reading" | "answering") => void;
  /** Whether no further request is taken. */
  readonly isEnding: () => boolean;
}

/**
 * Answers the requests of one connection, one after the other, until either side has enough. Holds
 * no more of what comes in than the longest head.
 * @throws the error of the connection, also when somebody else closes it
 */
export async function converse(wire: Wire, conversation: Conversation): Promise<void> {
  const { answer, buffer, isEnding, onPhase } = conversation;
  let filled = 0;
  let searched = 0;
  while (true) {
    const reading = readHead(buffer.subarray(0, filled), searched);
    if (reading.kind === "more") {
      searched = filled;
      const count = await wire.read(buffer.subarray(filled));
      if (count === null) return;
      filled += count;
      onPhase("reading");
      continue;
    }
    onPhase("answering");
    if (reading.kind === "refused") {
      const { reason, status } = reading;
      const allow = status === 405 ? { allow: "GET, HEAD" } : undefined;
      return await send(wire, textAnswer(status, `${reason}\n`, allow), true, false);
    }
    const { bytes, head } = reading;
    const found = await answer(head);
    const keepAlive = head.keepAlive && !isEnding();
    await send(wire, found, head.method === "GET", keepAlive);
    if (!keepAlive) return;
    buffer.copyWithin(0, bytes, filled);
    filled -= bytes;
    searched = 0;
    onPhase("idle");
    if (filled > 0) onPhase("reading");
  }
}

async function send(
  wire: Wire,
  answer: Answer,
  withBody: boolean,
  keepAlive: boolean,
): Promise<void> {
  await writeAll(wire, encodeHead(answer, { date: new Date().toUTCString(), keepAlive }));
  if (withBody) await writeAll(wire, answer.body);
}

async function writeAll(wire: Wire, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await wire.write(bytes.subarray(at));
}
