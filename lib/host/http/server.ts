import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Registry } from "prom-client";
import { errorText } from "../../base/errors.ts";
import { formatHost } from "../../net/ip.ts";
import type { Log } from "../process/log.ts";
import { RUN_FOLDER } from "../process/options.ts";
import { statusPage } from "../../status/page.ts";
import type { ProcessStatus } from "../../status/types.ts";

interface HttpOptions {
  /** Empty: all addresses of both families. */
  readonly host: string;
  /** 0 picks a free one; it is logged. */
  readonly port: number;
  readonly status: () => ProcessStatus;
  /** Why the process should be restarted; asked by `/healthz` alone. */
  readonly unhealthy: () => readonly string[];
  readonly registry: Registry;
  readonly log: Log;
}

/** The pages every role serves: read-only, no secrets, no profiling. */
function routes(options: HttpOptions): Hono {
  const app = new Hono();
  app.use(secureHeaders());
  const verdict = (problems: readonly string[]) =>
    new Response(problems.length === 0 ? "ok\n" : `${problems.join("\n")}\n`, {
      status: problems.length === 0 ? 200 : 503,
    });
  app.get("/healthz", () => verdict(options.unhealthy()));
  app.get("/readyz", () => verdict(options.status().notReady));
  app.get("/status", (context) => context.json(options.status()));
  app.get("/", (context) => context.html(statusPage(options.status())));
  app.get("/metrics", async (context) => {
    const body = await options.registry.metrics();
    return context.body(body, 200, { "content-type": options.registry.contentType });
  });
  app.onError((error, context) => {
    options.log.error({ reason: context.req.path, error: errorText(error) }, "page failed");
    return context.text("internal error, see the log\n", 500);
  });
  return app;
}

/**
 * Serves the pages until the signal fires; the returned promise settles when all is closed.
 * @throws Deno.errors.AddrInUse when the port is taken
 */
export function serveHttp(options: HttpOptions, signal: AbortSignal): Promise<void> {
  const app = routes(options);
  const handler = (request: Request) => app.fetch(request);
  const serve = (hostname: string) =>
    Deno.serve({
      hostname,
      port: options.port,
      signal,
      onListen: ({ port }) =>
        options.log.info(
          { address: `${formatHost(hostname)}:${port}`, port },
          "listening for HTTP",
        ),
      handler,
    });
  const tcp = options.host === "" ? serveBothFamilies(serve) : serve(options.host);
  const local = serveLocally(handler, options.log, signal);
  return Promise.all([tcp.finished, local]).then(() => undefined);
}

/** A cluster's pods may have addresses of either family; a kernel may be without IPv6. */
function serveBothFamilies<S>(serve: (hostname: string) => S): S {
  try {
    return serve("::");
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) throw error;
    return serve("0.0.0.0");
  }
}

/** The same pages on a socket file; where the folder cannot be written there is none. */
async function serveLocally(
  handler: (request: Request) => Response | Promise<Response>,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const path = `${RUN_FOLDER}/${Deno.pid}.sock`;
  try {
    Deno.mkdirSync(RUN_FOLDER, { recursive: true, mode: 0o755 });
    await sweepDeadSockets();
    // Deno.serve() hears nothing of a signal that has fired, and would serve for ever.
    if (signal.aborted) return;
    const server = Deno.serve({
      path,
      signal,
      onListen: () => Deno.chmodSync(path, 0o600),
      handler,
    });
    await server.finished;
  } catch (error) {
    log.debug({ reason: path, error: errorText(error) }, "no local status socket");
  }
}

/** The files of killed processes, on which no process listens any more, would only pile up. */
async function sweepDeadSockets(): Promise<void> {
  for (const { name } of Deno.readDirSync(RUN_FOLDER)) {
    const path = `${RUN_FOLDER}/${name}`;
    try {
      (await Deno.connect({ transport: "unix", path })).close();
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) Deno.removeSync(path);
    }
  }
}
