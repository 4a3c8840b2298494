import { errorText } from "../../../base/errors.ts";
import type { Log } from "../../process/log.ts";
import type { ArpBackend } from "../../process/options.ts";
import { type EbpfResponder, EbpfUnavailable, openEbpfResponder } from "./ebpf_responder.ts";

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
