import type { ProcessStatus } from "../../lib/status/types.ts";

/** What a process without any role says of itself; a test puts over it what it is about. */
export const PROCESS_STATUS: ProcessStatus = {
  pid: 1,
  version: "0.1.0",
  role: "all",
  startedAt: "2026-01-01T00:00:00Z",
  objects: "store /srv/lb",
  namespace: "metallb-system",
  ready: true,
  notReady: [],
  unhealthy: [],
  config: { state: "loaded", source: "configmap metallb-system/config key config", problems: [] },
};
