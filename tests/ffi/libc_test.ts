import assert from "node:assert/strict";
import { openLibc, POLL, SOCKET } from "../../ffi/libc.ts";
import { must, run } from "../support/process.ts";

Deno.test("openLibc() opens the groups asked for, and the library tells errno of a failing call", () => {
  using libc = openLibc({ ...SOCKET, ...POLL });
  assert.equal(libc.close(1_000_000), -1);
  assert.equal(libc.errnoHint(), 9); // EBADF
  assert.equal(libc.symbols.socket(12345, 0, 0), -1);
  assert.equal(libc.errnoHint(), 97); // EAFNOSUPPORT
});

Deno.test("addressOf() tells where bytes are, also of a view into the middle", () => {
  using libc = openLibc({});
  const bytes = new Uint8Array(64);
  const address = libc.addressOf(bytes);
  assert.ok(address > 0n);
  assert.equal(libc.addressOf(bytes.subarray(10)), address + 10n);
});

Deno.test("errnoHint() follows the last failing call, a hundred thousand times", () => {
  using libc = openLibc(SOCKET);
  let wrong = 0;
  for (let count = 0; count < 100_000; count++) {
    const closed = count % 2 === 0;
    if (closed) libc.close(1_000_000);
    else libc.symbols.socket(12345, 0, 0);
    if (libc.errnoHint() !== (closed ? 9 : 97)) wrong++;
  }
  assert.ok(wrong <= 5, `${wrong} hints were wrong`);
});

Deno.test("openLibc() is refused to a process that gave FFI up", async () => {
  const libc = new URL("../../ffi/libc.ts", import.meta.url).href;
  const program = `import { openLibc } from "${libc}";
    Deno.permissions.revokeSync({ name: "ffi" });
    try { openLibc({}); } catch (error) { console.log(error.name); }`;
  const file = await Deno.makeTempFile({ prefix: "herald-t-", suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, program);
    const args = ["run", "--no-prompt", "--no-config", "--quiet", "--allow-ffi", file];
    assert.equal((await must(Deno.execPath(), args)).trim(), "NotCapable");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("the modules of ffi/ open nothing when they are imported", async () => {
  const urls = ["libc", "fd", "poll", "result", "structs", "constants"]
    .map((name) => new URL(`../../ffi/${name}.ts`, import.meta.url).href);
  const file = await Deno.makeTempFile({ prefix: "herald-t-", suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, urls.map((url) => `import "${url}";\n`).join(""));
    const args = ["run", "--no-prompt", "--no-config", "--quiet", file];
    assert.deepEqual(await run(Deno.execPath(), args), { code: 0, stdout: "", stderr: "" });
  } finally {
    await Deno.remove(file);
  }
});
