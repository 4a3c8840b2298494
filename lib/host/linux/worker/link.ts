import { openLibc, POLL } from "../../../../ffi/libc.ts";
import { openWakeFd, wake } from "../../../../ffi/poll.ts";
import type { Millis } from "../../../base/time.ts";

type LinkBody<Order> =
  | { readonly kind: "start"; readonly wakeFd: number }
  | { readonly kind: "order"; readonly order: Order }
  | { readonly kind: "ping" }
  | { readonly kind: "stop" };

/** What the main thread posts: numbered, so that answers find their questions. */
export type LinkRequest<Order> = LinkBody<Order> & { readonly number: number };

/** What the Worker posts: `goodbye` is its last word. */
export type LinkReply<Answer, News> =
  | { readonly kind: "answer"; readonly number: number; readonly answer: Answer | undefined }
  | { readonly kind: "refused"; readonly number: number; readonly error: string }
  | { readonly kind: "news"; readonly news: News }
  | { readonly kind: "goodbye"; readonly fault?: string };

/** A Worker whose thread waits in the kernel; disposing of it stops it and waits for its end. */
export interface WorkerLink<Order, Answer> extends AsyncDisposable {
  /** Settles when the Worker has carried it out. @throws Error with the Worker's reason, or silence */
  ask(order: Order): Promise<Answer | undefined>;
  /** Gives no answer and does not fail: what it does is told as news, if at all. */
  tell(order: Order): void;
  /** Why it does no work any more: it ended unasked, or hangs; undefined when it is well. */
  problem(): string | undefined;
}

interface WorkerLinkOptions<News> {
  readonly url: URL;
  readonly name: string;
  readonly onNews: (news: News) => void;
  /** The Worker has begun, and ended unasked. */
  readonly onFault?: (error: Error) => void;
  /** It hangs, or does not any more. */
  readonly onHang?: () => void;
}

/** A Worker that has not answered by then hangs. */
const ANSWER_MS: Millis = 3_000;
/** A busy machine takes its time to load one. */
const START_MS: Millis = 30_000;
/** How often it is asked whether it is there, and how long the answer may take. */
const PING_EVERY_MS: Millis = 1_000;
const PONG_MS: Millis = 1_500;
/** One missed answer may be this thread's own stall; two mean that the Worker hangs. */
const UNANSWERED_LIMIT = 2;

/** Starts the Worker. @throws Error when it cannot be loaded or open libc */
export async function startWorkerLink<Order, Answer, News>(
  options: WorkerLinkOptions<News>,
): Promise<WorkerLink<Order, Answer>> {
  type Reply = LinkReply<Answer, News>;
  using resources = new DisposableStack();
  const libc = resources.use(openLibc({ ...POLL }));
  const wakeFd = resources.use(openWakeFd(libc));
  const { port1: port, port2: workerPort } = new MessageChannel();
  const worker = new Worker(options.url, { type: "module", name: options.name });
  resources.defer(() => {
    worker.terminate();
    port.close();
  });
  let lastNumber = 0;
  const waiting = new Map<number, (reply: Reply) => void>();
  let state: "starting" | "running" | "stopping" | "ended" = "starting";
  let fault: string | undefined;
  let unanswered = 0;
  let pinging = false;

  function end(reason: string): void {
    const before = state;
    state = "ended";
    for (const settle of waiting.values()) settle({ kind: "goodbye", fault: reason });
    waiting.clear();
    if (before !== "running") return;
    fault = `${options.name} ended: ${reason}`;
    options.onFault?.(new Error(fault));
  }
  worker.onmessage = ({ data }: MessageEvent<Reply>) => {
    if (data.kind === "news") return options.onNews(data.news);
    if (data.kind === "goodbye") return end(data.fault ?? "nobody asked it to");
    waiting.get(data.number)?.(data);
    waiting.delete(data.number);
  };
  worker.onerror = (event) => {
    event.preventDefault(); // else the whole process would end
    end(event.message);
  };

  function post(request: LinkBody<Order>): number {
    const number = ++lastNumber;
    port.postMessage({ ...request, number });
    // The Worker's thread waits in the kernel: it looks into its port when this wakes it.
    wake(libc, wakeFd);
    return number;
  }

  async function request(body: LinkBody<Order>, withinMs = ANSWER_MS): Promise<Answer | undefined> {
    if (state === "ended") throw new Error(`${options.name} has ended`);
    const { promise, resolve } = Promise.withResolvers<Reply>();
    const number = post(body);
    waiting.set(number, resolve);
    const timer = setTimeout(() => resolve({ kind: "goodbye", fault: "no answer" }), withinMs);
    try {
      const reply = await promise;
      if (reply.kind === "answer") return reply.answer;
      const reason = reply.kind === "refused" ? reply.error : "fault" in reply ? reply.fault : "";
      throw new Error(`${options.name}: ${reason}`);
    } finally {
      clearTimeout(timer);
      waiting.delete(number);
    }
  }

  async function ping(): Promise<void> {
    if (pinging || state !== "running") return;
    pinging = true;
    try {
      await request({ kind: "ping" }, PONG_MS);
      const hung = unanswered >= UNANSWERED_LIMIT;
      unanswered = 0;
      if (hung) options.onHang?.();
    } catch {
      if (++unanswered === UNANSWERED_LIMIT) options.onHang?.();
    } finally {
      pinging = false;
    }
  }

  // The order is in the port before the Worker has the port: the Worker looks once, without waiting.
  const started = request({ kind: "start", wakeFd: wakeFd.number }, START_MS);
  worker.postMessage(workerPort, [workerPort]);
  await started;
  state = "running";
  const pings = setInterval(() => void ping(), PING_EVERY_MS);
  resources.defer(() => clearInterval(pings));
  const closing = resources.move();
  return {
    ask: (order) => request({ kind: "order", order }),
    tell: (order) => void (state === "running" && post({ kind: "order", order })),
    problem: () =>
      fault ?? (unanswered < UNANSWERED_LIMIT ? undefined : `${options.name} does not answer`),
    async [Symbol.asyncDispose]() {
      if (state === "running") {
        const stopped = request({ kind: "stop" });
        state = "stopping";
        // A Worker that fails at its end has ended all the same.
        await stopped.catch(() => undefined);
      }
      closing.dispose();
    },
  };
}
