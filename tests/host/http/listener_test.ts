import assert from "node:assert/strict";
import {
  acceptAll,
  listenBothFamilies,
  type Listener,
  listenTcp,
} from "../../../lib/host/http/listener.ts";
import { HURRIED_CLOCK } from "../../support/clock.ts";
import { recordedLog } from "../../support/log.ts";
import { waitFor } from "../../support/wait.ts";

Deno.test("fault 5: a listener that fails is opened anew, and ends nothing", async () => {
  const stop = new AbortController();
  const log = recordedLog();
  const broken: Listener = {
    accept: () => Promise.reject(new Error("Too many open files (os error 24)")),
    close: () => {},
  };
  let reopened = 0;
  let port = 0;
  const reopen = () => {
    reopened++;
    if (reopened === 1) throw new Error("Too many open files (os error 24)");
    if (reopened === 2) return broken;
    const listener = listenTcp("127.0.0.1", 0);
    port = listener.addr.port;
    return listener;
  };
  let taken = 0;
  const take = (connection: Deno.Conn) => {
    taken++;
    connection.close();
  };
  const done = acceptAll(broken, reopen, take, { clock: HURRIED_CLOCK, log }, stop.signal);
  await waitFor("a listener that works", () => port !== 0, { everyMs: 5 });
  (await Deno.connect({ port })).close();
  await waitFor("a connection", () => taken === 1, { everyMs: 5 });
  stop.abort();
  await done;
  assert.equal(log.messages("warn").length, 1, "told once, not for each try");
});

Deno.test("listenTcp() says which port is taken, and by which flag another is chosen", () => {
  using taken = listenTcp("127.0.0.1", 0);
  const { port } = taken.addr;
  assert.throws(
    () => listenTcp("127.0.0.1", port),
    new RegExp(`127\\.0\\.0\\.1:${port} is taken by another program .*--port=N, or METALLB_PORT`),
  );
  assert.throws(() => listenTcp("192.0.2.1", 0), /no such address: give --host, or METALLB_HOST/);
});

Deno.test("fault 6: listenTcp() without a host listens for both families", async () => {
  using listener = listenTcp("", 0);
  const { port } = listener.addr;
  for (const hostname of ["127.0.0.1", "::1"]) (await Deno.connect({ hostname, port })).close();
});

Deno.test("fault 6: listenBothFamilies() opens a second one where the kernel keeps IPv4 from the first", async () => {
  const place: Readonly<Record<string, string>> = { "::": "::1", "0.0.0.0": "127.0.0.1" };
  using listener = listenBothFamilies(
    (hostname, port) => Deno.listen({ hostname: place[hostname] ?? hostname, port }),
    0,
  );
  const { port } = listener.addr;
  for (const hostname of ["127.0.0.1", "::1", "::1", "127.0.0.1"]) {
    using _guest = await Deno.connect({ hostname, port });
    using connection = await listener.accept();
    const { remoteAddr } = connection;
    assert.equal("hostname" in remoteAddr && remoteAddr.hostname, hostname);
  }
  const last = assert.rejects(listener.accept());
  listener.close();
  await last;
});
