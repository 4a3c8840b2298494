import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { bootClock, CLOCK } from "../../ffi/clock.ts";
import { openLibc } from "../../ffi/libc.ts";

Deno.test("bootClock() reads the time since the machine started, which never goes back", () => {
  using libc = openLibc(CLOCK);
  const now = bootClock(libc);
  const uptimeMs = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) * 1000;
  assert.ok(Math.abs(now() - uptimeMs) < 5_000, `${now()} and ${uptimeMs}`);
  for (let before = now(), round = 0; round < 1000; round++) {
    const next = now();
    assert.ok(next >= before);
    before = next;
  }
});

Deno.test("bootClock() counts the time that the machine was suspended (layer 2, fault 14)", async () => {
  // A namespace of time shows what a suspended machine does: its clock of the boot is ahead.
  const clock = new URL("../../ffi/clock.ts", import.meta.url).href;
  const libc = new URL("../../ffi/libc.ts", import.meta.url).href;
  const program = `import { bootClock, CLOCK } from "${clock}"; import { openLibc } from "${libc}";
    console.log(bootClock(openLibc(CLOCK))());`;
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${dir}/read.ts`, program);
    const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
    const run = [Deno.execPath(), "run", "-A", "--config", config, `${dir}/read.ts`];
    const args = ["--time", "--boottime", "864000", ...run];
    const { stdout, stderr } = await new Deno.Command("unshare", { args }).output();
    using own = openLibc(CLOCK);
    const ahead = Number(new TextDecoder().decode(stdout)) - bootClock(own)();
    assert.ok(
      Math.abs(ahead - 864_000_000) < 60_000,
      `${ahead} ${new TextDecoder().decode(stderr)}`,
    );
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
