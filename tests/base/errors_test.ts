import assert from "node:assert/strict";
import { errorText, isWireError, unreachable, wireError } from "../../lib/base/errors.ts";

Deno.test("isWireError() knows a refusal from whatever else a decoder may give", () => {
  assert.ok(isWireError(wireError("arp", "truncated", "3 of 42 octets", 3)));
  for (const value of [undefined, null, 0, "wire-error", {}, { kind: "other" }, []]) {
    assert.ok(!isWireError(value), JSON.stringify(value));
  }
});

Deno.test("unreachable() throws and names the value that a switch forgot", () => {
  const forgotten: unknown = { kind: "new" };
  assert.throws(() => unreachable(forgotten as never), /Unexpected value \{"kind":"new"\}/);
});

Deno.test("errorText() gives the message with its causes", () => {
  const root = new Error("Connection refused");
  const middle = new Error("Cannot list Services", { cause: root });
  const outer = new Error("Controller does not start", { cause: middle });
  assert.equal(
    errorText(outer),
    "Controller does not start: Cannot list Services: Connection refused",
  );
});

Deno.test("errorText() gives a text for anything that was thrown", () => {
  for (
    const [thrown, text] of [
      ["plain text", "plain text"],
      [undefined, "undefined"],
      [null, "null"],
      [7, "7"],
      [new Error("a", { cause: "b" }), "a: b"],
    ] as const
  ) assert.equal(errorText(thrown), text);
  assert.equal(errorText(Object.create(null)), "a value without text");
});

Deno.test("errorText() is one line, whatever the messages hold", () => {
  const error = new Error("first\n  at second\r\n", { cause: new Error("third\n\nfourth") });
  assert.equal(errorText(error), "first at second: third fourth");
});

Deno.test("errorText() ends where an error causes itself", () => {
  const error = new Error("round");
  error.cause = new Error("and round", { cause: error });
  assert.match(errorText(error), /^round: and round/);
});
