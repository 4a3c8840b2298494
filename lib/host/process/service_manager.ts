import { errorText } from "../../base/errors.ts";
import { after, type Instant, instant, type Millis } from "../../base/time.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import { RUN_FOLDER } from "./options.ts";

/** What systemd tells a service of `Type=notify` by its environment (sd_notify(3)). */
export interface ServiceManager {
  /** Its datagram socket, $NOTIFY_SOCKET. */
  readonly socket: string;
  /** It ends the service that is silent for so long; undefined: it does not. */
  readonly watchdogMs: Millis | undefined;
}

/** Reads it; undefined where no service manager started this process. */
export function readServiceManager(
  env: (name: string) => string | undefined,
  pid: number,
): ServiceManager | undefined {
  const socket = env("NOTIFY_SOCKET");
  if (!socket) return undefined;
  const watchdogMs = Number(env("WATCHDOG_USEC") ?? 0) / 1000;
  // A shell between systemd and Herald would be meant by another number.
  const meant = Number(env("WATCHDOG_PID") ?? pid) === pid;
  return { socket, watchdogMs: meant && watchdogMs > 0 ? watchdogMs : undefined };
}

/** What the service is at this moment. */
export interface ServiceState {
  /** Why it is not ready, one sentence each; none when it is. */
  readonly notReady: readonly string[];
  /** Why it should be restarted, one sentence each; none when it is well. */
  readonly unhealthy: readonly string[];
}

/** What was told so far. Updated in place. */
interface Told {
  ready: boolean;
  status: string;
  aliveAt: Instant;
}

/** Begins with nothing told. */
export function createTold(): Told {
  return { ready: false, status: "", aliveAt: instant(-Infinity) };
}

/** systemd shows one line of it. */
const LONGEST_STATUS = 500;

/** The assignments to tell now; none where nothing has changed and no sign of life is due. */
export function assignments(
  told: Told,
  { notReady, unhealthy }: ServiceState,
  watchdogMs: Millis | undefined,
  now: Instant,
): string[] {
  const lines: string[] = [];
  if (!told.ready && notReady.length === 0) {
    told.ready = true;
    lines.push("READY=1");
  }
  const problems = [...new Set([...unhealthy, ...notReady])];
  const status = problems.length === 0
    ? "ready"
    : problems.join("; ").replace(/[\s\p{Cc}]+/gu, " ").slice(0, LONGEST_STATUS);
  if (status !== told.status) {
    told.status = status;
    lines.push(`STATUS=${status}`);
  }
  if (
    watchdogMs !== undefined && unhealthy.length === 0 && now >= after(told.aliveAt, watchdogMs / 2)
  ) {
    told.aliveAt = now;
    lines.push("WATCHDOG=1");
  }
  return lines;
}

interface NotifyOptions {
  readonly manager: ServiceManager;
  readonly state: () => ServiceState;
  readonly clock: Clock;
  readonly log: Log;
}

/** The longest time after which a change is told. */
const LOOK_EVERY_MS: Millis = 500;

/**
 * Tells the service manager what becomes of this process, until it is disposed of; where that is
 * impossible the log says so. After `leaving` only the end is awaited: no sign of life is due.
 */
export function startNotifier(options: NotifyOptions, leaving: AbortSignal): Disposable {
  const { clock, log, manager: { socket, watchdogMs }, state } = options;
  const told = createTold();
  const wire = openDatagrams(socket, log);
  const look = () => {
    const lines = assignments(told, state(), watchdogMs, clock.now());
    if (lines.length > 0) wire?.send(lines);
  };
  const timer = setInterval(look, Math.min(LOOK_EVERY_MS, (watchdogMs ?? Infinity) / 4));
  look();
  const leave = () => {
    clearInterval(timer);
    wire?.send(["STOPPING=1", "STATUS=handing over"]);
  };
  // Where it was asked to end while it started, nobody would tell it any more.
  if (leaving.aborted) leave();
  leaving.addEventListener("abort", leave, { once: true });
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      wire?.close();
    },
  };
}

interface Datagrams {
  send(lines: readonly string[]): void;
  close(): void;
}

/** Opens a socket to tell by; it needs no FFI, which a controller has given up. */
function openDatagrams(path: string, log: Log): Datagrams | undefined {
  const fail = (error: unknown) =>
    log.warn(
      { reason: path, error: errorText(error) },
      "cannot tell the service manager: set Type=exec and no WatchdogSec, or make the socket and /run/herald reachable",
    );
  if (path.startsWith("@")) {
    fail("an abstract socket cannot be reached from here");
    return undefined;
  }
  try {
    Deno.mkdirSync(RUN_FOLDER, { recursive: true, mode: 0o755 });
    const own = `${RUN_FOLDER}/${Deno.pid}.notify`;
    const socket = Deno.listenDatagram({ transport: "unixpacket", path: own });
    // Nobody answers: the open socket needs no file, and a killed process would leave it.
    Deno.removeSync(own);
    let failed = false;
    return {
      send(lines) {
        const bytes = new TextEncoder().encode(lines.join("\n"));
        socket.send(bytes, { transport: "unixpacket", path }).then(
          () => failed = false,
          (error) => {
            // Each sign of life would fail alike.
            if (!failed) fail(error);
            failed = true;
          },
        );
      },
      close: () => socket.close(),
    };
  } catch (error) {
    fail(error);
    return undefined;
  }
}
