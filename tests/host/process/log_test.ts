import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { LOG_LEVELS } from "../../../lib/host/process/log.ts";

const WRITER = fileURLToPath(new URL("../log_writer.ts", import.meta.url));
/** The line that the writer logs with all that a terminal might obey. */
const HOSTILE = "first\nsecond\r\x1b[31m\x00\u007f\u009b2J\u202e\u2028 é";

async function written(format: "json" | "pretty", level: string): Promise<string[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", WRITER, format, level],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, decoder.decode(stderr));
  const lines = decoder.decode(stdout).split("\n");
  assert.equal(lines.pop(), "");
  return lines;
}

Deno.test("openLog() writes one JSON object per line, with fixed names and fields of the child", async () => {
  const before = Date.now();
  const lines = (await written("json", "all")).map((line) => JSON.parse(line));
  assert.equal(lines.length, 4);
  for (const { time } of lines) {
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(Date.parse(time) >= before && Date.parse(time) <= Date.now());
  }
  assert.deepEqual(lines.map(({ time: _, ...rest }) => rest), [
    { level: "debug", reason: "d", msg: "debugged" },
    {
      level: "info",
      component: "speaker",
      node: "node1",
      ip: "10.77.1.220",
      service: "default/nginx",
      msg: "address announced from here",
    },
    {
      level: "warn",
      component: "speaker",
      node: "node1",
      lease: "kube-system/herald",
      reason: "slow",
      msg: "warned",
    },
    { level: "error", error: HOSTILE, msg: "failed" },
  ]);
});

Deno.test("openLog() takes MetalLB's levels", async () => {
  const counts = { all: 4, debug: 4, info: 3, warn: 2, error: 1, none: 0 };
  assert.deepEqual(Object.keys(counts), [...LOG_LEVELS]);
  for (const [level, count] of Object.entries(counts)) {
    assert.equal((await written("json", level)).length, count, level);
  }
});

Deno.test("openLog() lets no control character through, in either format", async () => {
  for (const format of ["json", "pretty"] as const) {
    for (const line of await written(format, "all")) {
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/, format);
    }
  }
});

Deno.test("openLog() writes for people: one line each, time, level, text and fields", async () => {
  const lines = await written("pretty", "info");
  assert.equal(lines.length, 3);
  assert.match(
    lines[0] ?? "",
    /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: address announced from here \{.*"ip":"10\.77\.1\.220".*\}$/,
  );
  assert.match(lines[1] ?? "", /WARN: warned \{.*"component":"speaker".*"reason":"slow"\}$/);
  assert.match(lines[2] ?? "", /ERROR: failed \{"error":"first\\nsecond/);
  assert.equal((await written("pretty", "none")).length, 0);
});

Deno.test("openLog() loses lines that cannot be written, and the process goes on", async () => {
  for (const format of ["json", "pretty"]) {
    for (const target of ["> /dev/full", "| true"]) {
      const script = `exec 3>&2; "$0" run --no-check --allow-all "$1" ${format} all 2>&3 ${target}`;
      const { stderr } = await new Deno.Command("bash", {
        args: ["-c", script, Deno.execPath(), WRITER],
        env: { NO_COLOR: "1" },
      }).output();
      assert.equal(new TextDecoder().decode(stderr), "went on\n", `${format} ${target}`);
    }
  }
});
