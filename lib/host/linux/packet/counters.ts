import { formatIp, type Ip } from "../../../net/ip.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import type { SocketResponder } from "./socket_responder.ts";

/**
 * Brings the metrics of these addresses up to date. What shared memory and the kernel's maps
 * counted takes the place of what stood there, so it is set by adding to zero.
 */
export function exportCounters(
  responder: SocketResponder,
  kernelReplies: (ip: Ip) => number,
  { layer2 }: Metrics,
  ips: readonly Ip[],
): void {
  const { requests, responses, gratuitous, dropped, foreignSenders } = layer2;
  for (const counter of [requests, responses, gratuitous, dropped]) counter.reset();
  foreignSenders.reset();
  for (const address of ips) {
    const ip = formatIp(address);
    const counted = responder.counters(address);
    const inKernel = kernelReplies(address);
    requests.inc({ ip }, counted.requests + inKernel);
    responses.inc({ ip }, counted.replies + inKernel);
    gratuitous.inc({ ip }, counted.gratuitous);
  }
  for (const [reason, count] of responder.drops()) dropped.inc({ reason }, count);
  foreignSenders.inc(responder.foreignSenders());
}
