import { errorText } from "../../../base/errors.ts";
import type { Log } from "../../process/log.ts";
import type { ArpBackend } from "../../process/options.ts";
import { type EbpfResponder, EbpfUnavailable, openEbpfResponder } from "./ebpf_responder.ts";

/**
 * Opens the responder in the kernel where `--arp-backend` wants it and the machine allows it, and
 * says which backend answers and why; undefined leaves all to the socket.
 */
export function openKernelResponder(backend: ArpBackend, log: Log): EbpfResponder | undefined {
  if (backend === "socket") {
    log.info({ backend, reason: "--arp-backend=socket" }, "ARP and NDP responder ready");
    return undefined;
  }
  try {
    const responder = openEbpfResponder(backend === "xdp" ? "xdp" : "tcx");
    log.info({ backend: backend === "xdp" ? "xdp" : "ebpf" }, "ARP and NDP responder ready");
    return responder;
  } catch (error) {
    if (!(error instanceof EbpfUnavailable)) throw error;
    const fields = { backend: "socket", reason: errorText(error) };
    // Who asked for it in so many words is told louder.
    if (backend !== "auto") {
      log.warn(fields, "no eBPF here, ARP and NDP are answered by the socket");
    } else log.info(fields, "ARP and NDP responder ready");
    return undefined;
  }
}
