import { residentMiB } from "./process_cost.ts";
import { pause } from "../tests/support/wait.ts";
import { type Figure, figure } from "./figure.ts";

const CONNECTIONS = 500;
/** More of a header than a connection may hold. */
const HEAD = new TextEncoder().encode(
  `GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n${`x: ${"y".repeat(4_000)}\r\n`.repeat(3)}`,
);
const SETTLES_MS = 1_000;

/** What connections that never finish their request cost a role, and whoever probes it after them. */
export async function benchPageFlood(pid: number, port: number): Promise<Figure[]> {
  const quietMs = await probe(port);
  const before = residentMiB(pid);
  const crowd: Deno.Conn[] = [];
  try {
    for (let at = 0; at < CONNECTIONS; at++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      crowd.push(connection);
      // Half of the crowd stays below the limit and says nothing more.
      await connection.write(at % 2 === 0 ? HEAD : HEAD.subarray(0, 4_000)).catch(() => 0);
    }
    const nextMs = await probe(port);
    await pause(SETTLES_MS);
    return [
      figure("unfinished-500-rss-growth", residentMiB(pid) - before, "MiB", {
        goal: { of: "value", atMost: 16 },
      }),
      figure("unfinished-500-next-healthz", nextMs, "ms", {
        baseline: quietMs,
        goal: { of: "value", atMost: 100 },
      }),
    ];
  } finally {
    for (const connection of crowd) connection.close();
  }
}

async function probe(port: number): Promise<number> {
  const began = performance.now();
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
  await answer.text();
  return performance.now() - began;
}
