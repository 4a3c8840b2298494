import assert from "node:assert/strict";
import { instant } from "../../../lib/base/time.ts";
import { createPages } from "../../../lib/host/http/pages.ts";
import { systemClock } from "../../../lib/host/process/clock.ts";
import type { ProcessStatus } from "../../../lib/status/types.ts";
import { recordedLog } from "../../support/log.ts";
import { PROCESS_STATUS } from "../../support/status.ts";

/** Ten thousand Services; to read them takes 40 ms of this clock, a page 5 ms. */
function scene() {
  let nowMs = 0;
  let readings = 0;
  let scrapes = 0;
  const services = Array.from({ length: 10_000 }, (_, at) => ({
    service: `default/s${at}`,
    ips: [`10.${at >> 8}.${at & 255}.1`],
  }));
  const pages = createPages({
    status: (): ProcessStatus => ({
      ...PROCESS_STATUS,
      get controller() {
        nowMs += 40;
        readings++;
        return { pools: [], services };
      },
    }),
    unhealthy: () => [],
    registry: {
      contentType: "text/plain",
      async metrics() {
        await Promise.resolve();
        nowMs += 20;
        scrapes++;
        return `scrapes ${scrapes}\n`;
      },
    },
    clock: { ...systemClock, now: () => instant(nowMs) },
    log: recordedLog(),
  });
  const get = async (path: string, query = "") => {
    const { body, status } = await pages({ path, query });
    return { status, text: new TextDecoder().decode(body) };
  };
  return {
    get,
    pass: (ms: number) => nowMs += ms,
    now: () => nowMs,
    readings: () => readings,
    scrapes: () => scrapes,
  };
}

Deno.test("fault 5: forty readers at 10,000 Services cost the loop 50 ms a second", async () => {
  const { get, now, pass, readings, scrapes } = scene();
  let worked = 0;
  const SECONDS = 60;
  for (let second = 0; second < SECONDS; second++) {
    const began = now();
    const paths = Array.from(
      { length: 40 },
      (_, at) => ["/", "/status", "/metrics"][at % 3] ?? "/",
    );
    const answers = await Promise.all(paths.map((path) => get(path)));
    assert.ok(answers.every(({ status }) => status === 200));
    worked += now() - began;
    pass(1_000);
  }
  assert.equal(worked, 40 * readings() + 20 * scrapes());
  // What was saved up at the start, and a share of each second, with the last one's excess.
  assert.ok(worked <= 50 * SECONDS + 300, `${worked} ms in ${SECONDS} s`);
  assert.ok(readings() > SECONDS / 2, "readers get news every other second");
});

Deno.test("who asks now and then gets what is so now", async () => {
  const { get, pass, readings, scrapes } = scene();
  for (let time = 1; time <= 5; time++) {
    await get("/status");
    assert.equal((await get("/metrics")).text, `scrapes ${time}\n`);
    assert.equal(readings(), time);
    assert.equal(scrapes(), time);
    pass(2_000);
  }
});

Deno.test("probes cost nothing and are never answered from memory", async () => {
  const { get, readings } = scene();
  for (let time = 0; time < 100; time++) {
    assert.deepEqual(await get("/healthz"), { status: 200, text: "ok\n" });
    assert.deepEqual(await get("/readyz"), { status: 200, text: "ok\n" });
  }
  assert.equal(readings(), 0);
});

Deno.test("the page shows two hundred rows and the way to the others", async () => {
  const { get } = scene();
  const first = await get("/");
  assert.equal(first.text.match(/<tr>/g)?.length, 1 + 1 + 200);
  assert.match(first.text, /Page 1 of 50, 200 rows each/);
  assert.match(first.text, /href="\/\?page=2"/);
  assert.match((await get("/", "page=50")).text, /default\/s9999\b/);
  for (const query of ["page=0", "page=x", "page=1e99", "page=-1"]) {
    assert.equal((await get("/", query)).status, 200, query);
  }
});

Deno.test("a page that fails says so without its reason, which the log has", async () => {
  const log = recordedLog();
  const pages = createPages({
    status: () => {
      throw new Error("secret");
    },
    unhealthy: () => [],
    registry: { contentType: "text/plain", metrics: () => Promise.reject(new Error("secret")) },
    clock: systemClock,
    log,
  });
  for (const path of ["/", "/status", "/metrics", "/metrics", "/readyz"]) {
    const { body, status } = await pages({ path, query: "" });
    assert.equal(status, 500, path);
    assert.equal(new TextDecoder().decode(body), "internal error, see the log\n");
  }
  assert.equal(log.messages("error").length, 5);
  assert.equal((await pages({ path: "/constructor", query: "" })).status, 404);
});
