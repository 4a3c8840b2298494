import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { freePort } from "../cluster/controller_process.ts";
import { start } from "../support/process.ts";
import { pause, waitFor } from "../support/wait.ts";
import { configMap } from "../support/folder.ts";

const HERALD = fileURLToPath(new URL("../../dist/herald", import.meta.url));
/** Longer than the five seconds from which on a stall is told. */
const STALL_MS = 6_500;

async function get(url: string): Promise<{ code: number; text: string }> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(1_000) });
  return { code: answer.status, text: await answer.text() };
}

Deno.test("/healthz fails while the process stands still, says so after it, and /readyz waits for a configuration", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-health-" });
  try {
    const port = freePort();
    const flags = ["--role=controller", `--store=${folder}`, `--port=${port}`, "--log-format=json"];
    await using herald = start(HERALD, ["run", ...flags]);
    const page = (path: string) => get(`http://127.0.0.1:${port}${path}`);
    await waitFor("the pages", async () => (await page("/healthz")).code === 200);
    const unready = await page("/readyz");
    assert.equal(unready.code, 503);
    assert.match(unready.text, /no configuration in force: there is no ConfigMap/);
    await Deno.writeTextFile(
      `${folder}/config.json`,
      JSON.stringify(configMap("address-pools: []\n")),
    );
    await waitFor("ready", async () => (await page("/readyz")).code === 200);

    Deno.kill(herald.pid, "SIGSTOP");
    const stopped = performance.now();
    await assert.rejects(page("/healthz"), "a probe gets no answer");
    await pause(stopped + STALL_MS - performance.now());
    Deno.kill(herald.pid, "SIGCONT");
    const told = await waitFor("an answer", () => page("/healthz"));
    assert.equal(told.code, 503);
    assert.match(told.text, /^the event loop stood still for \d+ s/);
    await waitFor("health again", async () => (await page("/healthz")).code === 200);
    const { text } = await page("/metrics");
    assert.match(text, /^herald_event_loop_lag_seconds_count [1-9]/m);
    assert.match(text, /^herald_watch_last_heard_seconds\{kind="Service"\} \d/m);
    assert.ok(!herald.output().includes("no watchdog"), herald.output());
    assert.equal(await herald.end("SIGTERM"), 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
