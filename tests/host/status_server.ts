import { serveHttp } from "../../lib/host/http/server.ts";
import { createMetrics } from "../../lib/host/metrics/metrics.ts";
import { logOf } from "../support/log.ts";
import { PROCESS_STATUS } from "../support/status.ts";

// A role as `herald status` sees it: pages on a port and on the socket file of its process.
const log = logOf({
  info: ({ port }) => void Deno.stdout.writeSync(new TextEncoder().encode(`${port}\n`)),
});
const stop = new AbortController();
Deno.addSignalListener("SIGTERM", () => stop.abort());
await serveHttp({
  host: "127.0.0.1",
  port: 0,
  status: () => ({ ...PROCESS_STATUS, pid: Deno.pid, role: "controller" }),
  unhealthy: () => [],
  registry: createMetrics().registry,
  log,
}, stop.signal);
Deno.exit(0);
