import assert from "node:assert/strict";
import { Fd } from "../../ffi/fd.ts";
import { openLibc, POLL } from "../../ffi/libc.ts";
import { openWakeFd } from "../../ffi/poll.ts";

/** Asks for the one number: a look through the folder would open a descriptor itself. */
function isOpen(number: number): boolean {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${number}`) !== "";
  } catch (error) {
    assert.ok(error instanceof Deno.errors.NotFound);
    return false;
  }
}

Deno.test("Fd closes its descriptor at the end of the block, once", () => {
  using libc = openLibc(POLL);
  let number: number;
  {
    using fd = openWakeFd(libc);
    number = fd.number;
    assert.ok(isOpen(number));
    fd[Symbol.dispose]();
    assert.ok(!isOpen(number));
    using other = openWakeFd(libc);
    assert.equal(other.number, number, "the kernel gives the lowest free number again");
    fd[Symbol.dispose]();
    assert.ok(isOpen(number), "a second disposal closed somebody else's descriptor");
  }
  assert.ok(!isOpen(number));
});

Deno.test("Fd closes in another thread when it is awaited", async () => {
  using libc = openLibc(POLL);
  let number: number;
  {
    await using fd = openWakeFd(libc);
    number = fd.number;
  }
  assert.ok(!isOpen(number));
});

Deno.test("Fd gives no number once it is closed, and is closed once", () => {
  using libc = openLibc(POLL);
  const fd = openWakeFd(libc);
  const { number } = fd;
  fd[Symbol.dispose]();
  assert.throws(() => fd.number, TypeError);
  using next = openWakeFd(libc);
  assert.equal(next.number, number, "the kernel gives the lowest number that is free");
  fd[Symbol.dispose]();
  assert.ok(isOpen(number), "the number is another one's by now");
});

Deno.test("Fd refuses what is no descriptor", () => {
  using libc = openLibc(POLL);
  assert.throws(() => new Fd(libc, -1), RangeError);
});

Deno.test("a thousand descriptors opened and closed leave none behind", () => {
  using libc = openLibc(POLL);
  const before = [...Deno.readDirSync("/proc/self/fd")].length;
  for (let count = 0; count < 1_000; count++) {
    using _fd = openWakeFd(libc);
  }
  assert.equal([...Deno.readDirSync("/proc/self/fd")].length, before);
});
