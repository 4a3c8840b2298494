import { type Ip, parseIp } from "../../net/ip.ts";

/** Who opened a stream. */
export interface Caller {
  readonly from: string;
  /** A speaker may be at its address. */
  readonly expected: boolean;
}

/** Who calls from there. */
export function callerOf(
  from: Deno.Addr,
  isExpected: (address: Ip) => boolean,
): Caller {
  const host = from.transport === "tcp" ? from.hostname : "?";
  const address = parseIp(host);
  return { from: host, expected: address !== undefined && isExpected(address) };
}

/** Streams of one address, and of all addresses where no speaker may be: more are closed at once. */
const STREAMS_OF_ONE = 4;
const STREAMS_OF_STRANGERS = 8;

/** Whether one more is served beside those: strangers that say nothing must keep no speaker from joining. */
export function mayServe({ from, expected }: Caller, served: readonly Caller[]): boolean {
  if (served.filter((other) => other.from === from).length >= STREAMS_OF_ONE) return false;
  return expected || served.filter((other) => !other.expected).length < STREAMS_OF_STRANGERS;
}
