import assert from "node:assert/strict";
import { timekeeper } from "../../../support/timekeeper.ts";
import { waitFor } from "../../../support/wait.ts";
import { script } from "./script.ts";

Deno.test("a Worker that ends unasked ends all its parts, and each is told once", async () => {
  const faults: string[] = [];
  const worker = timekeeper(
    script(`if (order === "die") return say({ kind: "goodbye", fault: "the socket broke" });`),
  );
  const begin = (name: string) =>
    worker.link<string, string, never>({
      name,
      onNews: () => {},
      onFault: (error) => void faults.push(error.message),
    });
  await using one = await begin("one");
  await using two = await begin("two");
  one.tell("die");
  await waitFor("the faults", () => faults.length === 2);
  assert.deepEqual(faults, [
    "one ended: the socket broke",
    "two ended: the socket broke",
  ]);
  assert.equal(two.problem(), "two ended: the socket broke");
  await assert.rejects(begin("three"), /^Error: three has ended$/);
});
