import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { checked, errnoName, OsError, uninterrupted } from "../../ffi/result.ts";

Deno.test("checked() gives results of 0 and above as they are", () => {
  using libc = openLibc({});
  assert.equal(checked(libc, 0, "bind", "x"), 0);
  assert.equal(checked(libc, 42, "socket", "x"), 42);
});

Deno.test("checked() throws an OsError that names call, probable reason and place", () => {
  using libc = openLibc({});
  assert.throws(
    () => checked(libc, libc.close(1_000_000), "close", "descriptor 1000000"),
    (error) =>
      error instanceof OsError && error.operation === "close" && error.errnoHint === 9 &&
      error.message === "close failed (probably EBADF, descriptor closed): descriptor 1000000",
  );
});

Deno.test("uninterrupted() makes a call again until it is not refused", () => {
  using libc = openLibc({});
  const results = [-1, -1, 7];
  assert.equal(uninterrupted(libc, "poll", () => results.shift() ?? -1), 7);
});

Deno.test("uninterrupted() gives up after three refusals", () => {
  using libc = openLibc({});
  let calls = 0;
  const refuse = () => {
    calls++;
    return -1;
  };
  assert.throws(() => uninterrupted(libc, "poll", refuse), OsError);
  assert.equal(calls, 3);
});

Deno.test("errnoName() names the usual numbers and counts the others", () => {
  assert.equal(errnoName(1), "EPERM, not permitted");
  assert.equal(errnoName(71), "errno 71");
});
