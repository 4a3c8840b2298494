import { openLibc, SOCKET } from "../../../../ffi/libc.ts";
import type { Log } from "../../process/log.ts";
import type { ArpBackend } from "../../process/options.ts";
import { type Backend, openBackend } from "./backend.ts";
import type { Conflict } from "./orders.ts";
import { type SocketResponder, startSocketResponder } from "./socket_responder.ts";
import { openSolicitedGroups, type SolicitedGroups } from "./solicited_groups.ts";

/** All by which layer 2 acts on the network; disposing of it makes this node silent. */
export interface Outlets extends AsyncDisposable {
  readonly responder: SocketResponder;
  readonly backend: Backend;
  readonly groups: SolicitedGroups;
}

/** Opens them. @throws MissingCapability, OsError, or Error when the Worker cannot start */
export async function openOutlets(
  { workerUrl, backend: wanted, log, signal, onConflict }: {
    readonly workerUrl: URL;
    readonly backend: ArpBackend;
    readonly log: Log;
    readonly signal: AbortSignal;
    readonly onConflict: (conflict: Conflict) => void;
  },
): Promise<Outlets> {
  await using resources = new AsyncDisposableStack();
  const libc = resources.use(openLibc(SOCKET));
  const responder = resources.use(await startSocketResponder({ workerUrl, signal, onConflict }));
  const groups = resources.use(openSolicitedGroups(libc));
  const backend = openBackend(wanted, log);
  // The kernel falls silent first: what it passes on is the socket's.
  resources.use(backend.kernel);
  const closing = resources.move();
  return { responder, backend, groups, [Symbol.asyncDispose]: () => closing.disposeAsync() };
}
