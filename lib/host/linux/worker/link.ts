import { errorText } from "../../../base/errors.ts";
import { hangs, openThread, type Part, post, request, type Thread } from "./thread.ts";

/** One part of a Worker's work; disposing of it stops that part, and waits for its end. */
export interface WorkerLink<Order, Answer> extends AsyncDisposable {
  /** Settles when the part has carried it out. @throws Error with its reason, or silence */
  ask(order: Order): Promise<Answer | undefined>;
  /** Gives no answer and does not fail: what it does is told as news, if at all. */
  tell(order: Order): void;
  /** Why it does no work any more: it ended unasked, or hangs; undefined when it is well. */
  problem(): string | undefined;
}

interface WorkerLinkOptions<News> {
  /** Which part: the Worker's file says what there is. */
  readonly name: string;
  readonly onNews: (news: News) => void;
  /** It has begun, and ended unasked. */
  readonly onFault?: (error: Error) => void;
  /** It hangs, or does not any more. */
  readonly onHang?: () => void;
}

/**
 * A Worker that works for several: a Worker takes 13 MB, whatever it does. Its thread begins with
 * the first part and ends with the last.
 */
export interface PartWorker {
  /** Has a part begin. @throws Error when the Worker cannot be loaded, or the part not be had */
  link<Order, Answer, News>(options: WorkerLinkOptions<News>): Promise<WorkerLink<Order, Answer>>;
}

/** The thread there is now. */
interface Owner {
  thread: Thread | undefined;
}

/** Nothing runs yet. */
export function createPartWorker(url: URL, name: string): PartWorker {
  const owner: Owner = { thread: undefined };
  let lastPart = 0;
  return {
    async link<Order, Answer, News>(options: WorkerLinkOptions<News>) {
      const thread = owner.thread ??= openThread(url, name);
      const { onFault, onHang, onNews } = options;
      const part: Part = {
        number: ++lastPart,
        name: options.name,
        onNews,
        onFault,
        onHang,
        state: "starting",
        fault: undefined,
      };
      thread.parts.set(part.number, part);
      try {
        const refusal = await thread.started;
        if (refusal !== undefined) throw new Error(`${part.name}: ${refusal}`);
        await ask(thread, part, { kind: "begin", part: part.number, name: part.name });
      } catch (error) {
        await leave(owner, thread, part);
        throw error;
      }
      part.state = "running";
      return linkOf<Order, Answer>(owner, thread, part);
    },
  };
}

function linkOf<Order, Answer>(
  owner: Owner,
  thread: Thread,
  part: Part,
): WorkerLink<Order, Answer> {
  const { name, number } = part;
  const orderOf = (order: Order) => ({ kind: "order", part: number, order }) as const;
  return {
    // What a part answers its orders is its own file's to say.
    ask: async (order) => await ask(thread, part, orderOf(order)) as Answer | undefined,
    tell: (order) => void (part.state === "running" && post(thread, orderOf(order))),
    problem: () => part.fault ?? (hangs(thread) ? `${name} does not answer` : undefined),
    async [Symbol.asyncDispose]() {
      if (part.state === "running") {
        const stopped = ask(thread, part, { kind: "stop", part: number });
        part.state = "stopping";
        // A part that fails at its end has ended all the same.
        await stopped.catch(() => undefined);
      }
      await leave(owner, thread, part);
    },
  };
}

async function ask(
  thread: Thread,
  part: Part,
  body: Parameters<typeof request>[1],
): Promise<unknown> {
  if (part.state === "ended" || thread.fault !== undefined) {
    throw new Error(`${part.name} has ended`);
  }
  try {
    return await request(thread, body, part);
  } catch (error) {
    throw new Error(`${part.name}: ${errorText(error)}`);
  }
}

/** The last part that leaves closes the door. */
async function leave(owner: Owner, thread: Thread, part: Part): Promise<void> {
  if (!thread.parts.delete(part.number) || thread.parts.size > 0) return;
  if (owner.thread === thread) owner.thread = undefined;
  // A Worker that hangs is not waited for twice.
  const hears = thread.fault === undefined && !thread.isSilent;
  if (hears) await request(thread, { kind: "end" }, undefined).catch(() => undefined);
  // Nobody answers any more who still asks.
  for (const { settle } of thread.waiting.values()) settle({ refusal: "it has ended" });
  thread.close();
}
