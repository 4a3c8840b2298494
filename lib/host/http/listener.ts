import { errorText } from "../../base/errors.ts";
import { formatHost } from "../../net/ip.ts";
import { oncePer, retryDelayMs } from "../process/backoff.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";

/** What connections come from. */
export type Listener = Pick<Deno.Listener, "accept" | "close">;

/** Opens a TCP port; an empty host is all addresses of both families. @throws Error naming the port */
export function listenTcp(host: string, port: number): Deno.TcpListener {
  const open = (hostname: string) => Deno.listen({ hostname, port });
  try {
    return host === "" ? listenBothFamilies(open) : open(host);
  } catch (error) {
    throw new Error(listenMistake(host, port, error), { cause: error });
  }
}

/** A cluster's pods may have addresses of either family; a kernel may be without IPv6. */
function listenBothFamilies<L>(open: (hostname: string) => L): L {
  try {
    return open("::");
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied) {
      throw error;
    }
    return open("0.0.0.0");
  }
}

/** What to do about it, for the one line of a log that tells it. */
function listenMistake(host: string, port: number, error: unknown): string {
  const place = host === "" ? `port ${port}` : `${formatHost(host)}:${port}`;
  if (error instanceof Deno.errors.AddrInUse) {
    return `${place} is taken by another program (ss -ltnp "sport = :${port}" shows it): give ` +
      "--port=N, or METALLB_PORT";
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `${place} cannot be listened on, this machine has no such address: give --host, or ` +
      "METALLB_HOST";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `${place} may not be listened on: give --port=N of 1024 or more, or METALLB_PORT`;
  }
  return `${place} (--host, --port) cannot be listened on: ${errorText(error)}`;
}

/**
 * Takes connections until the signal fires. A listener that fails, for want of descriptors or
 * memory, is opened anew, again and again: what it serves is no condition of what announces.
 */
export async function acceptAll(
  first: Listener,
  reopen: () => Listener,
  take: (connection: Deno.Conn) => void,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  const mayComplain = oncePer(60_000, clock.now);
  let listener: Listener | undefined = first;
  let failures = 0;
  const close = () => {
    try {
      listener?.close();
    } catch {
      // It was closed by what failed.
    }
    listener = undefined;
  };
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  while (!signal.aborted) {
    try {
      listener ??= reopen();
      take(await listener.accept());
      failures = 0;
    } catch (error) {
      if (signal.aborted) break;
      close();
      if (mayComplain()) {
        log.warn({ error: errorText(error) }, "cannot take HTTP connections, listening anew");
      }
      await clock.sleep(retryDelayMs(failures++, clock.random), signal);
    }
  }
  close();
}
