import { cpuUsage } from "node:process";
import type { ProcessMetrics } from "../metrics/process.ts";

/** Where the kernel lists this process's descriptors; Deno opens no other file of that folder to us. */
const DESCRIPTORS = "/proc/self/fd";

/** Brings up to date what this process is and uses. */
export function showProcess(metrics: ProcessMetrics, ready: boolean): void {
  metrics.ready.set(ready ? 1 : 0);
  const { user, system } = cpuUsage();
  // A total, which takes the place of the one before.
  metrics.cpuSeconds.reset();
  metrics.cpuSeconds.inc((user + system) / 1_000_000);
  metrics.residentBytes.set(Deno.memoryUsage().rss);
  metrics.startTime.set(performance.timeOrigin / 1000);
  // Less the one that the look itself opens.
  metrics.openFds.set([...Deno.readDirSync(DESCRIPTORS)].length - 1);
}
