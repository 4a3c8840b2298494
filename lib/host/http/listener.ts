import { errorText } from "../../base/errors.ts";
import { formatHost } from "../../net/ip.ts";
import { oncePer, retryDelayMs } from "../process/backoff.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";

/** What connections come from. */
export type Listener = Pick<Deno.Listener, "accept" | "close">;

/** A listener that knows its port. */
export interface PortListener extends Listener, Disposable {
  readonly addr: Pick<Deno.NetAddr, "hostname" | "port">;
}

/** Opens a TCP port; an empty host is all addresses of both families. @throws Error naming the port */
export function listenTcp(host: string, port: number): PortListener {
  const open = (hostname: string, port: number) => Deno.listen({ hostname, port });
  try {
    return host === "" ? listenBothFamilies(open, port) : open(host, port);
  } catch (error) {
    throw new Error(listenMistake(host, port, error), { cause: error });
  }
}

/**
 * A cluster's pods may have addresses of either family. A kernel may be without IPv6, or give its
 * sockets no IPv4 with it (`net.ipv6.bindv6only`): then there are two.
 */
export function listenBothFamilies(
  open: (hostname: string, port: number) => PortListener,
  port: number,
): PortListener {
  let first: PortListener;
  try {
    first = open("::", port);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied) {
      throw error;
    }
    return open("0.0.0.0", port);
  }
  try {
    return joined(first, open("0.0.0.0", first.addr.port));
  } catch {
    // The first one has it.
    return first;
  }
}

/** Takes connections from both; what fails at one fails at both. */
function joined(first: PortListener, second: PortListener): PortListener {
  const coming = new Map<PortListener, Promise<readonly [PortListener, Deno.Conn]>>();
  const next = (listener: PortListener) => {
    const known = coming.get(listener);
    if (known !== undefined) return known;
    const one = listener.accept().then((connection) => [listener, connection] as const);
    // Told by the next call; where there is none, it was closed.
    one.catch(() => {});
    coming.set(listener, one);
    return one;
  };
  // Also where one is closed already by what failed: the other would keep the port.
  const close = () => {
    for (const listener of [first, second]) listener[Symbol.dispose]();
  };
  return {
    addr: first.addr,
    async accept() {
      const [listener, connection] = await Promise.race([next(first), next(second)]);
      coming.delete(listener);
      return connection;
    },
    close,
    [Symbol.dispose]: close,
  };
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
