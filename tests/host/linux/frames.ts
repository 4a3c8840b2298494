/** Parts of an ARP request, as hexadecimal octets; the defaults make a usual one. */
export interface RequestParts {
  readonly destination?: string;
  readonly source?: string;
  /** `8100` and the tag, put before the EtherType. */
  readonly tag?: string;
  readonly etherType?: string;
  readonly hardwareType?: string;
  readonly protocolType?: string;
  readonly lengths?: string;
  readonly operation?: string;
  readonly sender?: string;
  readonly senderIp: string;
  readonly targetIp: string;
  readonly padding?: string;
}

/** The MAC that requests name as their sender's. */
export const SENDER = "020000009901";

/** A whole Ethernet frame in hexadecimal octets. */
export function request(parts: RequestParts): string {
  const sender = parts.sender ?? SENDER;
  return [
    parts.destination ?? "ffffffffffff",
    parts.source ?? sender,
    parts.tag ?? "",
    parts.etherType ?? "0806",
    parts.hardwareType ?? "0001",
    parts.protocolType ?? "0800",
    parts.lengths ?? "0604",
    parts.operation ?? "0001",
    sender,
    parts.senderIp,
    "000000000000",
    parts.targetIp,
    parts.padding ?? "",
  ].join("");
}

/** The reply that RFC 826 asks for. */
export function reply(own: string, to: string, ownIp: string, toIp: string): string {
  return `${to}${own}0806000108000604${"0002"}${own}${ownIp}${to}${toIp}`;
}
