import assert from "node:assert/strict";
import { createAttempts } from "../../../lib/host/process/attempts.ts";

const fail = (text: string) => () => {
  throw new Error(text);
};

Deno.test("createAttempts() runs what comes after a failure, and throws it at the end", () => {
  const attempts = createAttempts();
  let ran = 0;
  assert.equal(attempts.run(fail("first")), false);
  assert.equal(attempts.run(() => void ran++), true);
  assert.equal(ran, 1);
  assert.throws(() => attempts.end(), /^Error: first$/);
});

Deno.test("createAttempts() throws several failures as one that names the first", () => {
  const attempts = createAttempts();
  attempts.run(fail("first"));
  attempts.run(fail("second"));
  assert.throws(() => attempts.end(), (error) => {
    assert.ok(error instanceof AggregateError);
    assert.match(error.message, /first/);
    return error.errors.length === 2;
  });
});

Deno.test("createAttempts() throws nothing where nothing failed", () => {
  const attempts = createAttempts();
  attempts.run(() => undefined);
  attempts.end();
});
