import { type Answer, encodeHead, textAnswer } from "../../http/answer.ts";
import { readHead, type RequestHead } from "../../http/head.ts";

/** What a connection is read from and written to. */
export type Wire = Pick<Deno.Conn, "read" | "write">;

/** A connection that may be given up. */
export type Line = Wire & Pick<Deno.Conn, "closeWrite">;

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

/**
 * The same, whose writes are given up when the signal fires: they reject then. The platform closes no
 * connection in the middle of a write, so that whoever takes nothing would hold all that waits for
 * it; `onStuck` gets the write that stays.
 */
export function untilGone(
  wire: Line,
  gone: AbortSignal,
  onStuck: (write: Promise<unknown>) => void,
): Line {
  return {
    // Ended by the platform, which may write into the buffer until then.
    read: (buffer) => wire.read(buffer),
    write: (bytes) => {
      const write = wire.write(bytes);
      return orGone(write, gone, () => onStuck(write));
    },
    closeWrite: () => orGone(wire.closeWrite(), gone),
  };
}

function orGone<T>(work: Promise<T>, gone: AbortSignal, onGone?: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      onGone?.();
      reject(new Error("the connection was given up"));
    };
    work.then(resolve, reject).finally(() => gone.removeEventListener("abort", giveUp));
    if (gone.aborted) giveUp();
    else gone.addEventListener("abort", giveUp, { once: true });
  });
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
