import assert from "node:assert/strict";
import { writeText } from "../../lib/cli/output.ts";

Deno.test("writeText() writes the whole text, however little is taken at once", async () => {
  const taken: number[] = [];
  await writeText({
    write: (bytes) => {
      taken.push(...bytes.subarray(0, 2));
      return Promise.resolve(Math.min(2, bytes.length));
    },
  }, "häh\n");
  assert.equal(new TextDecoder().decode(new Uint8Array(taken)), "häh\n");
});

Deno.test("writeText() lets a reader go that has had enough, and gives up with the reason for all else", async () => {
  const reasons: string[] = [];
  const write = (error: Error) =>
    writeText({ write: () => Promise.reject(error) }, "x", (reason) => reasons.push(reason));
  await write(new Deno.errors.BrokenPipe("gone"));
  assert.deepEqual(reasons, []);
  await write(new Error("No space left on device"));
  assert.deepEqual(reasons, ["herald: the output cannot be written: No space left on device\n"]);
});
