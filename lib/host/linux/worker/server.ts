/// <reference lib="deno.worker" />
import { receiveMessageOnPort } from "node:worker_threads";
import { openLibc, POLL } from "../../../../ffi/libc.ts";
import { drain } from "../../../../ffi/poll.ts";
import { errorText } from "../../../base/errors.ts";
import type { LinkReply, LinkRequest } from "./link.ts";

/** The runtime's ports are Node's too; only the types do not say so. */
const receive = receiveMessageOnPort as unknown as (
  port: MessagePort,
) => { readonly message: never } | undefined;

/** What a Worker does for its link. */
export interface LinkedEngine<Order, Answer> extends Disposable {
  carryOut(order: Order): Answer | undefined;
  /** Works until the wake descriptor is readable. */
  wait(wakeFd: number): void;
  /** The last thing that it does. */
  stop?(): void;
}

/** The Worker's side of a link: to be called once, as the module is loaded. */
export function serveWorkerLink<Order, Answer, News>(
  open: (tell: (news: News) => void) => LinkedEngine<Order, Answer>,
): void {
  const say = (reply: LinkReply<Answer, News>) => self.postMessage(reply);
  self.onmessage = ({ data: port }: MessageEvent<MessagePort>) => {
    try {
      work(port);
      say({ kind: "goodbye" });
    } catch (error) {
      say({ kind: "goodbye", fault: errorText(error) });
    }
    port.close();
  };

  /** True when it was the last. */
  function serve(engine: LinkedEngine<Order, Answer>, request: LinkRequest<Order>): boolean {
    const { number } = request;
    try {
      if (request.kind === "stop") engine.stop?.();
      const answer = request.kind === "order" ? engine.carryOut(request.order) : undefined;
      say({ kind: "answer", number, answer });
    } catch (error) {
      say({ kind: "refused", number, error: errorText(error) });
    }
    return request.kind === "stop";
  }

  function work(port: MessagePort): void {
    const start = take(port);
    if (start?.kind !== "start") throw new TypeError("The Worker was not started");
    using libc = openLibc(POLL);
    using engine = open((news) => say({ kind: "news", news }));
    say({ kind: "answer", number: start.number, answer: undefined });
    while (true) {
      engine.wait(start.wakeFd);
      drain(libc, start.wakeFd);
      for (let request = take(port); request !== undefined; request = take(port)) {
        if (serve(engine, request)) return;
      }
    }
  }

  /** What was posted before the wake is here by now; without waiting for a turn of the event loop. */
  function take(port: MessagePort): LinkRequest<Order> | undefined {
    return receive(port)?.message;
  }
}
