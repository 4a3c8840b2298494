import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { configMap } from "../support/folder.ts";
import { start } from "../support/process.ts";
import { pause, waitFor } from "../support/wait.ts";

const HERALD = fileURLToPath(new URL("../../dist/herald", import.meta.url));

Deno.test("herald tells systemd when it is ready, that it lives, that it hangs by silence, and that it stops", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-notify-" });
  try {
    const [path, store] = [`${folder}/notify`, `${folder}/store`];
    await Deno.mkdir(store);
    const socket = Deno.listenDatagram({ transport: "unixpacket", path });
    using _socket = { [Symbol.dispose]: () => socket.close() };
    const heard: { readonly atMs: number; readonly text: string }[] = [];
    void (async () => {
      for await (const [bytes] of socket) {
        heard.push({ atMs: performance.now(), text: new TextDecoder().decode(bytes) });
      }
    })();
    const said = (part: string) => heard.filter(({ text }) => text.split("\n").includes(part));
    await using herald = start(HERALD, [
      "run",
      "--role=controller",
      `--store=${store}`,
      "--host=127.0.0.1",
      "--port=0",
    ], { NOTIFY_SOCKET: path, WATCHDOG_USEC: "2000000" });
    await waitFor("signs of life", () => said("WATCHDOG=1").length >= 2);
    assert.match(heard.map(({ text }) => text).join("\n"), /^STATUS=.*no configuration in force/m);
    assert.equal(said("READY=1").length, 0, "ready without a configuration");
    await Deno.writeTextFile(
      `${store}/config.json`,
      JSON.stringify(configMap("address-pools: []\n")),
    );
    await waitFor("READY=1", () => said("READY=1").length === 1);
    await waitFor("more signs of life", () => said("WATCHDOG=1").length >= 4);
    const times = said("WATCHDOG=1").map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0));
    assert.ok(gaps.every((gap) => gap > 800 && gap < 2_000), `${gaps}`);

    Deno.kill(herald.pid, "SIGSTOP");
    await pause(200);
    const before = heard.length;
    await pause(2_500);
    assert.equal(heard.length, before, "a process that hangs is silent");
    Deno.kill(herald.pid, "SIGCONT");
    await waitFor("a sign of life", () => heard.length > before);
    assert.equal(await herald.end("SIGTERM"), 0);
    await waitFor("STOPPING=1", () => said("STOPPING=1").length === 1);
    assert.equal(said("READY=1").length, 1);
    assert.doesNotMatch(herald.output(), /service manager|no watchdog/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
