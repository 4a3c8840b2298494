// A Worker for server_test.ts: adds up what it is ordered, and tells each sum as news.
import { openLibc, POLL } from "../../../../ffi/libc.ts";
import { poll, pollSet } from "../../../../ffi/poll.ts";
import { serveWorkerLink } from "../../../../lib/host/linux/worker/server.ts";

serveWorkerLink<number, number, string>((tell) => {
  const libc = openLibc(POLL);
  let sum = 0;
  return {
    carryOut(order) {
      if (order < 0) throw new RangeError("it only goes up");
      sum += order;
      tell(`now ${sum}`);
      return sum;
    },
    wait(wakeFd) {
      if (sum > 100) throw new RangeError("more than a hundred");
      poll(libc, pollSet([wakeFd]), -1);
    },
    stop: () => tell("the last word"),
    [Symbol.dispose]: () => libc[Symbol.dispose](),
  };
});
