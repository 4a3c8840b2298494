import { openLibc, SOCKET } from "../../../../ffi/libc.ts";
import { errorText } from "../../../base/errors.ts";
import type { Log } from "../../process/log.ts";
import type { ArpBackend } from "../../process/options.ts";
import { type EbpfResponder, EbpfUnavailable, openEbpfResponder } from "./ebpf_responder.ts";
import type { PartWorker } from "../worker/link.ts";
import type { Conflict } from "./orders.ts";
import { type SocketResponder, startSocketResponder } from "./socket_responder.ts";
import { openSolicitedGroups, type SolicitedGroups } from "./solicited_groups.ts";

/** What answers ARP and NDP on this node. */
export interface Backend {
  readonly name: "socket" | "ebpf" | "xdp";
  /** The responder in the kernel; undefined leaves all to the socket. */
  readonly kernel: EbpfResponder | undefined;
}

/**
 * Opens the responder in the kernel where `--arp-backend` wants it and the machine allows it, and
 * logs which backend answers and why.
 */
export function openBackend(wanted: ArpBackend, log: Log, open = openEbpfResponder): Backend {
  const name = wanted === "xdp" || wanted === "socket" ? wanted : "ebpf";
  if (name === "socket") {
    log.info({ backend: name, reason: "--arp-backend=socket" }, "ARP and NDP responder ready");
    return { name, kernel: undefined };
  }
  try {
    const kernel = open(name === "xdp" ? "xdp" : "tcx");
    log.info({ backend: name }, "ARP and NDP responder ready");
    return { name, kernel };
  } catch (error) {
    if (!(error instanceof EbpfUnavailable)) throw error;
    const fields = { backend: "socket", reason: errorText(error) };
    // What was asked for in so many words is missed louder.
    if (wanted !== "auto") {
      log.warn(fields, "no eBPF here, ARP and NDP are answered by the socket");
    } else log.info(fields, "ARP and NDP responder ready");
    return { name: "socket", kernel: undefined };
  }
}

/** Everything through which layer 2 acts on the network; disposing of it makes this node silent. */
export interface Outlets extends AsyncDisposable {
  readonly responder: SocketResponder;
  readonly backend: Backend;
  readonly groups: SolicitedGroups;
}

/** Opens them. @throws MissingCapability, OsError, or Error when the Worker cannot start */
export async function openOutlets(
  { worker, backend: wanted, log, signal, onConflict, onProblem }: {
    readonly worker: PartWorker;
    readonly backend: ArpBackend;
    readonly log: Log;
    readonly signal: AbortSignal;
    readonly onConflict: (conflict: Conflict) => void;
    readonly onProblem: () => void;
  },
): Promise<Outlets> {
  await using resources = new AsyncDisposableStack();
  const libc = resources.use(openLibc(SOCKET));
  const responder = resources.use(
    await startSocketResponder({ worker, signal, onConflict, onProblem }),
  );
  const groups = resources.use(openSolicitedGroups(libc));
  const backend = openBackend(wanted, log);
  // The kernel falls silent first: what it passes on is the socket's.
  resources.use(backend.kernel);
  const closing = resources.move();
  return { responder, backend, groups, [Symbol.asyncDispose]: () => closing.disposeAsync() };
}
