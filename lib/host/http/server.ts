import { errorText } from "../../base/errors.ts";
import {
  type Admission,
  admit,
  closeAdmission,
  createAdmission,
  enter,
  leave,
  overdue,
  stick,
  unstick,
} from "../../http/admission.ts";
import { type Answer, textAnswer } from "../../http/answer.ts";
import { LONGEST_HEAD_BYTES, type RequestHead } from "../../http/head.ts";
import { isOwnHost, NO_BROWSER_FIELD } from "../../http/names.ts";
import { formatHost } from "../../net/ip.ts";
import { oncePer } from "../process/backoff.ts";
import { systemClock } from "../process/clock.ts";
import { RUN_FOLDER } from "../process/options.ts";
import type { Certificate } from "./certificate.ts";
import { converse, untilGone, type Wire } from "./connection.ts";
import type { Guard } from "./guard.ts";
import { acceptAll, listenTcp } from "./listener.ts";
import { createPages, type PagesOptions } from "./pages.ts";
import { openTunnel } from "./tunnel.ts";

interface HttpOptions extends Omit<PagesOptions, "clock"> {
  /** Empty: all addresses of both families. */
  readonly host: string;
  /** 0 picks a free one; it is logged. */
  readonly port: number;
  /** Names by which it may be asked, besides addresses and what is not in the public DNS. */
  readonly names?: readonly string[];
  /** Who may read what is not open; without it all may. The socket file is its owner's alone. */
  readonly guard?: Guard;
  /** By which the port is served; without it, in plain text. */
  readonly certificate?: Certificate;
}

/** A listener's connections, and what they are told. */
interface Hall extends Pick<HttpOptions, "certificate" | "log"> {
  readonly admission: Admission;
  readonly answer: (head: RequestHead) => Answer | Promise<Answer>;
  readonly guests: Map<number, Guest>;
  readonly conversations: Set<Promise<void>>;
  /** Used again: a crowd that comes and goes must not leave thousands of them to be collected. */
  readonly buffers: Uint8Array<ArrayBuffer>[];
  readonly mayComplain: () => boolean;
  readonly signal: AbortSignal;
  lastId: number;
}

interface Guest {
  readonly connection: Deno.Conn;
  readonly source: string;
  /** Ends what is written to it, and read. */
  readonly gone: AbortController;
}

const SWEEP_MS = 500;
const CERTIFICATE_LOOK_MS = 10_000;

/**
 * Serves the pages until the signal fires; the returned promise settles when all is closed.
 * @throws Error that names the port and its flag when it cannot be listened on
 */
export function serveHttp(options: HttpOptions, signal: AbortSignal): Promise<void> {
  const { certificate, guard, host, log, names = [], port } = options;
  const pages = createPages({ ...options, clock: systemClock });
  const listener = listenTcp(host, port);
  const { hostname, port: actual } = listener.addr;
  const protocol = certificate === undefined ? "http" : "https";
  log.info(
    { address: `${formatHost(hostname)}:${actual}`, port: actual, protocol },
    "listening for HTTP",
  );
  const answer = async (head: RequestHead) =>
    isMeant(head, names) ? await guard?.(head) ?? await pages(head) : misdirected();
  const tcp = attend(
    { answer, certificate, log },
    (take) =>
      acceptAll(
        listener,
        () => listenTcp(host, actual),
        take,
        { clock: systemClock, log },
        signal,
      ),
    signal,
  );
  const renewing = certificate && renew(certificate, signal);
  return Promise.all([tcp, renewing, serveLocally(pages, options, signal)]).then(() => undefined);
}

/** A new certificate is served as soon as it is there; connections keep the one that they began with. */
async function renew(certificate: Certificate, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await systemClock.sleep(CERTIFICATE_LOOK_MS, signal);
    if (!signal.aborted) await certificate.look();
  }
}

/** Whether no page of another site can have made it. */
function isMeant({ fields, host }: RequestHead, names: readonly string[]): boolean {
  return host === undefined || isOwnHost(host, names) || fields.has(NO_BROWSER_FIELD);
}

function misdirected(): Answer {
  return textAnswer(
    403,
    "Herald does not know itself by the name in the Host header: ask by IP address, or start it " +
      "with --http-names=NAME\n",
  );
}

/** Looks after all that `accept` takes, until it ends and the last answer is given. */
async function attend(
  { answer, certificate, log }: Pick<Hall, "answer" | "certificate" | "log">,
  accept: (take: (connection: Deno.Conn) => void) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const hall: Hall = {
    admission: createAdmission(),
    answer,
    certificate,
    guests: new Map(),
    conversations: new Set(),
    buffers: [],
    log,
    mayComplain: oncePer(60_000, systemClock.now),
    signal,
    lastId: 0,
  };
  const sweep = setInterval(
    () => overdue(hall.admission, systemClock.now()).forEach((id) => dismiss(hall, id)),
    SWEEP_MS,
  );
  try {
    await accept((connection) => receive(hall, connection));
    for (const id of closeAdmission(hall.admission, systemClock.now())) dismiss(hall, id);
    await Promise.all(hall.conversations);
  } finally {
    clearInterval(sweep);
  }
}

function receive(hall: Hall, connection: Deno.Conn): void {
  const { admission, conversations, guests, log, mayComplain } = hall;
  const id = ++hall.lastId;
  const { remoteAddr } = connection;
  const source = "hostname" in remoteAddr ? remoteAddr.hostname : "";
  const admitted = admit(admission, id, source, systemClock.now());
  if (admitted.kind === "refused" || admitted.instead !== undefined) {
    if (mayComplain()) log.warn({ reason: source }, "too many HTTP connections, closing some");
  }
  if (admitted.kind === "refused") return shut(connection);
  if (admitted.instead !== undefined) dismiss(hall, admitted.instead);
  const guest = { connection, source, gone: new AbortController() };
  guests.set(id, guest);
  const conversation = talk(hall, id, guest).finally(() => {
    leave(admission, id);
    dismiss(hall, id);
    conversations.delete(conversation);
  });
  conversations.add(conversation);
}

async function talk(
  hall: Hall,
  id: number,
  { connection, gone, source }: Guest,
): Promise<void> {
  const { admission, certificate, log } = hall;
  const ignore = () => {};
  const line = untilGone(connection, gone.signal, (write) => {
    stick(admission, source);
    write.catch(ignore).finally(() => unstick(admission, source));
  });
  try {
    if (certificate === undefined) return await hear(hall, id, line);
    const tunnel = await openTunnel(line, certificate.current());
    if (tunnel === undefined) return;
    try {
      await hear(hall, id, untilGone(tunnel.wire, gone.signal, ignore));
    } finally {
      await tunnel.close();
    }
  } catch (error) {
    // The other side went away, or its time was over.
    log.debug({ error: errorText(error) }, "HTTP connection ended");
  }
}

async function hear(
  { admission, answer, buffers, signal }: Hall,
  id: number,
  wire: Wire,
): Promise<void> {
  const buffer = buffers.pop() ?? new Uint8Array(LONGEST_HEAD_BYTES);
  try {
    await converse(wire, {
      answer,
      buffer,
      onPhase: (phase) => enter(admission, id, phase, systemClock.now()),
      isEnding: () => signal.aborted,
    });
  } finally {
    buffers.push(buffer);
  }
}

function dismiss({ guests }: Hall, id: number): void {
  const guest = guests.get(id);
  guests.delete(id);
  guest?.gone.abort();
  if (guest !== undefined) shut(guest.connection);
}

function shut(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}

/** The same pages on a socket file; where the folder cannot be written there is none. */
async function serveLocally(
  answer: Hall["answer"],
  { log }: Pick<HttpOptions, "log">,
  signal: AbortSignal,
): Promise<void> {
  const path = `${RUN_FOLDER}/${Deno.pid}.sock`;
  try {
    Deno.mkdirSync(RUN_FOLDER, { recursive: true, mode: 0o755 });
    await sweepDeadSockets();
    if (signal.aborted) return;
    const listener = Deno.listen({ transport: "unix", path });
    Deno.chmodSync(path, 0o600);
    // Never opened anew: the right to write may be given up by then.
    const accept = (take: (connection: Deno.Conn) => void) =>
      acceptAll(
        { accept: () => listener.accept(), close: () => {} },
        () => ({ accept: () => listener.accept(), close: () => {} }),
        take,
        { clock: systemClock, log },
        signal,
      );
    signal.addEventListener("abort", () => listener.close(), { once: true });
    await attend({ answer, log }, accept, signal);
    Deno.removeSync(path);
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
