import { serveHttp } from "../../lib/host/http/server.ts";
import type { Log } from "../../lib/host/process/log.ts";
import { createMetrics } from "../../lib/host/metrics/metrics.ts";

// A role as `herald status` sees it: pages on a port and on the socket file of its process.
const log: Log = {
  debug() {},
  info: ({ port }) => void Deno.stdout.writeSync(new TextEncoder().encode(`${port}\n`)),
  warn() {},
  error() {},
  child: () => log,
};
const stop = new AbortController();
Deno.addSignalListener("SIGTERM", () => stop.abort());
await serveHttp({
  host: "127.0.0.1",
  port: 0,
  status: () => ({
    pid: Deno.pid,
    version: "0.1.0",
    role: "controller",
    startedAt: "2026-01-01T00:00:00Z",
    objects: "store /srv/lb",
    namespace: "metallb-system",
    ready: true,
    notReady: [],
    unhealthy: [],
    config: { state: "none", source: "nowhere", problems: [] },
  }),
  unhealthy: () => [],
  registry: createMetrics().registry,
  log,
}, stop.signal);
Deno.exit(0);
