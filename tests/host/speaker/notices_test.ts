import assert from "node:assert/strict";
import { createAttempts } from "../../../lib/host/process/attempts.ts";
import { carryOut, type NoticeEvent } from "../../../lib/host/speaker/notices.ts";

Deno.test("a notice is acknowledged once it is carried out, and one that fails costs no other", () => {
  const done: string[] = [];
  const notices = ["a", "b", "c"].map((from): NoticeEvent => ({
    kind: "notice",
    from,
    notice: { what: "leaving" },
    acknowledge: () => void done.push(`acknowledged ${from}`),
  }));
  const handover = {
    onNotice(from: string) {
      if (from === "b") throw new Error("no room");
      done.push(`carried out ${from}`);
    },
  };
  const attempts = createAttempts();
  carryOut({ handover, notices }, attempts);
  assert.deepEqual(done, [
    "carried out a",
    "acknowledged a",
    "carried out c",
    "acknowledged c",
  ]);
  assert.throws(() => attempts.end(), /no room/);
  carryOut({ handover, notices }, createAttempts());
  assert.equal(done.length, 4, "each once");
});
