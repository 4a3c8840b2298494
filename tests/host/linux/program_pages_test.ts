import assert from "node:assert/strict";
import { giveProgramBack } from "../../../lib/host/linux/program_pages.ts";

/** What of files is in this process's memory, in kilobytes. */
function fileKilobytes(): number {
  return Number(/^RssFile:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1]);
}

Deno.test("a process works on with what it needs of its program, which is less than its start took", () => {
  const before = fileKilobytes();
  assert.equal(giveProgramBack(), true);
  const after = fileKilobytes();
  assert.ok(after < 0.8 * before, `${before} kB, then ${after} kB`);
  assert.equal(JSON.stringify({ works: [1, 2, 3].map((one) => one * 2) }), '{"works":[2,4,6]}');
  assert.equal(giveProgramBack(), true, "again");
});
