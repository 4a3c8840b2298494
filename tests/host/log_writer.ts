import { LOG_LEVELS, openLog } from "../../lib/host/process/log.ts";

// Writes a known set of lines: the log under test owns standard output, which tests need.
const [format, level] = Deno.args;
const known = LOG_LEVELS.find((word) => word === level);
if (known === undefined) throw new Error(`No level ${level}`);
const log = await openLog(known, format === "pretty" ? "pretty" : "json");
log.debug({ reason: "d" }, "debugged");
const child = log.child({ component: "speaker", node: "node1" });
child.info({ ip: "10.77.1.220", service: "default/nginx" }, "address announced from here");
child.child({ lease: "kube-system/herald" }).warn({ reason: "slow" }, "warned");
log.error({ error: "first\nsecond\r\x1b[31m\x00\u007f\u009b2J\u202e\u2028 é" }, "failed");
Deno.stderr.writeSync(new TextEncoder().encode("went on\n"));
