// A Worker for link_test.ts and server_test.ts: each part adds up what it is ordered, and tells each
// sum as news.
import { serveThread } from "../../../../lib/host/linux/worker/server.ts";
import type { ThreadPart } from "../../../../lib/host/linux/worker/wait.ts";

serveThread({
  counter: (tell) => counter(tell),
  "no counter": () => {
    throw new RangeError("it cannot count");
  },
});

function counter(tell: (news: string) => void): ThreadPart<number, number> {
  let sum = 0;
  return {
    carryOut(order) {
      if (order < 0) throw new RangeError("it only goes up");
      sum += order;
      tell(`now ${sum}`);
      return sum;
    },
    descriptors: () => [],
    waitMs: () => 1_000,
    turn() {
      if (sum > 100) throw new RangeError("more than a hundred");
    },
    stop: () => tell("the last word"),
    [Symbol.dispose]: () => tell("disposed of"),
  };
}
