import assert from "node:assert/strict";
import { faultOfLine, repeatedKeys } from "./log_lines.ts";
import { recordedLog } from "./log.ts";
import { run, start } from "./process.ts";

const GOOD = '{"level":"info","time":"2026-01-01T00:00:00.000Z","node":"n1","msg":"well"}';
const BAD = '{"level":"info","time":"2026-01-01T00:00:00.000Z","node":"n1","node":"n2","msg":"x"}';

Deno.test("F10, first use P10: repeatedKeys() finds keys that stand twice in one object, and no others", () => {
  const rows: [json: string, repeated: string[]][] = [
    [GOOD, []],
    [BAD, ['"node"']],
    ['{"a":{"b":1},"b":[{"c":1},{"c":2}],"c":"b"}', []],
    ['{"a":{"b":1,"b":2}}', ['"b"']],
    ['{"a":"\\"a\\":{","b":"}","b":1}', ['"b"']],
    ['{"a" : 1, "a" : 2, "a":3}', ['"a"', '"a"']],
  ];
  for (const [json, repeated] of rows) assert.deepEqual(repeatedKeys(json), repeated, json);
});

Deno.test("faultOfLine() judges the lines of Herald's log alone, behind a prefix too", () => {
  assert.equal(faultOfLine(GOOD), undefined);
  assert.match(faultOfLine(BAD) ?? "", /repeats the key "node": \{"level"/);
  assert.match(faultOfLine(`[pod/speaker-1] ${BAD}`) ?? "", /repeats the key "node"/);
  assert.equal(faultOfLine('{"level":"info","ts":"x","a":1,"a":2}'), undefined);
});

Deno.test("the tests' log binds a child's fields, and fails when a line repeats one", () => {
  const log = recordedLog();
  const child = log.child({ component: "speaker" }).child({ node: "n1" });
  child.info({ reason: "well" }, "told");
  const fields = { component: "speaker", node: "n1", reason: "well" };
  assert.deepEqual(log.lines, [{ level: "info", msg: "told", fields }]);
  // The types refuse such fields; what was parsed gets past them.
  for (const repeated of [{ node: "n2" }, { msg: "again" }]) {
    const past = JSON.parse(JSON.stringify(repeated));
    assert.throws(() => child.warn(past, "told"), /a log line repeats the key (node|msg)/);
  }
  assert.throws(() => child.child({ node: "n2" }), /repeats the key node/);
});

Deno.test("a process whose log repeats a key fails its test, one that is run and one that runs on", async () => {
  await assert.rejects(run("printf", ["%s\\n%s\\n", BAD, GOOD]), /repeats the key "node"/);
  const beside = start("printf", ["%s\\n%s", GOOD, BAD]);
  assert.equal(await beside.exited, 0);
  await assert.rejects(beside.end(), /repeats the key "node"/);
  await using good = start("printf", ["%s\\n%s", GOOD, GOOD]);
  // Ended before it has begun it would die of the signal.
  assert.equal(await good.exited, 0);
  assert.equal(await good.end(), 0);
});
