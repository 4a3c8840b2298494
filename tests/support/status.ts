import assert from "node:assert/strict";
import { objectOr } from "../../lib/model/json.ts";
import type { ProcessStatus } from "../../lib/status/types.ts";
import { differences } from "./json_schema.ts";

/** What is published of the JSON that a process gives. */
export const STATUS_SCHEMA_FILE = objectOr(JSON.parse(
  await Deno.readTextFile(new URL("../../docs/status.schema.json", import.meta.url)),
));

/** Reads what a process gives at `/status`, which must be as the schema says. */
export function parseStatus(text: string): ProcessStatus {
  const status: ProcessStatus = JSON.parse(text);
  assert.deepEqual(differences(STATUS_SCHEMA_FILE, "ProcessStatus", status), []);
  return status;
}

/** What a process without any role says of itself; a test puts over it what it is about. */
export const PROCESS_STATUS: ProcessStatus = {
  schema: 1,
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
