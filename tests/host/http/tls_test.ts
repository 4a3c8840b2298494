import assert from "node:assert/strict";
import { createGuard } from "../../../lib/host/http/guard.ts";
import type { Certificate } from "../../../lib/host/http/certificate.ts";
import { serveHttp } from "../../../lib/host/http/server.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import { systemClock } from "../../../lib/host/process/clock.ts";
import { type KeyPair, makeKeyPair } from "../../../lib/host/process/key_pair.ts";
import type { ProcessStatus } from "../../../lib/status/types.ts";
import { logOf, SILENT_LOG } from "../../support/log.ts";
import { run } from "../../support/process.ts";
import { PROCESS_STATUS as STATUS } from "../../support/status.ts";
import { waitFor } from "../../support/wait.ts";

interface Served {
  readonly url: string;
  readonly port: number;
  /** Puts another pair in the place of the one that is served. */
  replace(pair: KeyPair): void;
  /** Asks by curl, which checks the certificate against this one. */
  get(path: string, ...args: string[]): Promise<{ code: number; text: string }>;
}

/** The pages by TLS, for the token "good" alone. */
async function served(
  visit: (served: Served) => Promise<void>,
  status: () => ProcessStatus = () => STATUS,
): Promise<void> {
  const stop = new AbortController();
  const { http, registry } = createMetrics();
  let pair = await makeKeyPair(["127.0.0.1"], Date.now());
  const certificate: Certificate = {
    current: () => pair,
    look: () => Promise.resolve(),
    status: () => ({ source: "test", notAfter: "" }),
  };
  const guard = createGuard({
    review: (token) => Promise.resolve({ kind: token === "good" ? "allowed" : "unauthenticated" }),
    clock: systemClock,
    wallMs: Date.now,
    metrics: http,
    log: SILENT_LOG,
  }, stop.signal);
  let port = 0;
  const log = logOf({ info: (fields) => void (port = Number(fields.port)) });
  const done = serveHttp({
    host: "127.0.0.1",
    port: 0,
    status,
    unhealthy: () => [],
    registry,
    guard,
    certificate,
    log,
  }, stop.signal);
  const folder = await Deno.makeTempDir();
  try {
    await visit({
      url: `https://127.0.0.1:${port}`,
      port,
      replace: (next) => void (pair = next),
      async get(path, ...args) {
        await Deno.writeTextFile(`${folder}/ca.crt`, pair.certificate);
        const url = `https://127.0.0.1:${port}${path}`;
        const own = [
          "-sS",
          "--max-time",
          "5",
          "--cacert",
          `${folder}/ca.crt`,
          "-w",
          "%{http_code}",
        ];
        const { code, stdout, stderr } = await run("curl", [...own, ...args, url]);
        assert.equal(code, 0, stderr);
        return { code: Number(stdout.slice(-3)), text: stdout.slice(0, -3) };
      },
    });
  } finally {
    stop.abort();
    await done;
    await Deno.remove(folder, { recursive: true });
  }
}

const GOOD = ["-H", "authorization: Bearer good"];

Deno.test("the probes are open by TLS, and the rest is for who shows a token that may", async () => {
  await served(async ({ get }) => {
    assert.deepEqual(await get("/healthz"), { code: 200, text: "ok\n" });
    assert.deepEqual(await get("/readyz"), { code: 200, text: "ok\n" });
    for (const path of ["/metrics", "/status", "/"]) {
      assert.equal((await get(path)).code, 401, path);
      assert.equal((await get(path, "-H", "authorization: Bearer bad")).code, 401, path);
      assert.equal((await get(path, ...GOOD)).code, 200, path);
      assert.equal((await get(path, "--user", "anybody:good")).code, 200, path);
    }
    assert.equal((await get("/metrics", ...GOOD, ...GOOD)).code, 400, "doubled");
    const long = `authorization: Bearer ${"a".repeat(9_000)}`;
    assert.equal((await get("/metrics", "-H", long)).code, 431);
    const strange = ["-H", "host: evil.example"];
    assert.equal((await get("/metrics", ...GOOD, ...strange)).code, 403, "another site's name");
  });
});

Deno.test("a long answer comes whole, also where the connection ends with it", async () => {
  const addresses = Array.from({ length: 40_000 }, (_, at) => ({
    ip: `10.0.${at >> 8}.${at & 255}`,
    services: [`default/${"x".repeat(60)}`],
    announcing: true,
    reason: "",
  }));
  const speaker = { node: "n", backend: "socket", interfaces: [], addresses };
  await served(async ({ get }) => {
    for (const more of [[], ["-H", "connection: close"], ["--http1.0"]]) {
      const { code, text } = await get("/status", ...GOOD, ...more);
      assert.equal(code, 200);
      assert.equal(JSON.parse(text).speaker.addresses.length, addresses.length);
    }
  }, () => ({ ...STATUS, speaker }));
});

Deno.test("who speaks plain HTTP is told what to do", async () => {
  await served(async ({ port }) => {
    const { stdout } = await run("curl", ["-sS", `http://127.0.0.1:${port}/healthz`]);
    assert.match(stdout, /HTTPS.*scheme: HTTPS/);
  });
});

Deno.test("the socket of this machine asks for no token", async () => {
  await served(async () => {
    const socket = `/run/herald/${Deno.pid}.sock`;
    const { stdout } = await run("curl", [
      "-sS",
      "--unix-socket",
      socket,
      "http://localhost/status",
    ]);
    assert.deepEqual(JSON.parse(stdout), STATUS);
  });
});

Deno.test("a replaced certificate is served to who comes, and keeps whoever is there", async () => {
  await served(async ({ get, replace, url }) => {
    const before = await makeKeyPair(["127.0.0.1"], Date.now());
    replace(before);
    const client = Deno.createHttpClient({ caCerts: [before.certificate] });
    const text = async () => await (await fetch(`${url}/healthz`, { client })).text();
    assert.equal(await text(), "ok\n");
    for (let times = 0; times < 20; times++) {
      replace(await makeKeyPair(["127.0.0.1"], Date.now()));
      assert.equal((await get("/healthz")).code, 200);
    }
    // By its old connection.
    assert.equal(await text(), "ok\n");
    client.close();
  });
});

Deno.test("connections that never shake hands, or speak plain HTTP, keep no probe out", async () => {
  const crowd: Deno.Conn[] = [];
  await served(async ({ get, port }) => {
    try {
      const bytes = new TextEncoder();
      const beginnings = [
        "",
        "GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        // The head of a TLS record that never comes.
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      ];
      for (let at = 0; at < 300; at++) {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port });
        crowd.push(connection);
        const beginning = beginnings[at % 3] ?? "";
        if (beginning !== "") await connection.write(bytes.encode(beginning)).catch(() => {});
      }
      assert.equal((await get("/healthz")).code, 200);
      // All of them are over when the time for a first request is.
      const ends = crowd.map((one) => one.read(new Uint8Array(99)).then(() => {}, () => {}));
      let open = ends.length;
      ends.forEach((end) => end.then(() => open--));
      await waitFor("the end of all", async () => {
        assert.equal((await get("/healthz")).code, 200);
        return open === 0;
      }, { timeoutMs: 15_000, everyMs: 250 });
    } finally {
      for (const connection of crowd) connection.close();
    }
  });
});
