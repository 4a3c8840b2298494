/** The metadata of a Herald speaker in gossip; MetalLB's speakers have none. */
interface HeartbeatAnnouncement {
  /** UDP, on the address of the gossip. */
  readonly port: number;
  /** A number of this run of the process. */
  readonly boot: number;
}

/** Writes it as the metadata of a member, at most 512 octets. */
export function announcementOf(heartbeat: HeartbeatAnnouncement): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ herald: 1, heartbeat }));
}

/** Reads a member's metadata; undefined for one that does not beat. Total. */
export function readAnnouncement(meta: Uint8Array): HeartbeatAnnouncement | undefined {
  if (meta.length === 0) return undefined;
  let told: unknown;
  try {
    told = JSON.parse(new TextDecoder().decode(meta));
  } catch {
    return undefined; // another program's metadata
  }
  if (!isRecord(told) || told.herald !== 1 || !isRecord(told.heartbeat)) return undefined;
  const { port, boot } = told.heartbeat;
  const valid = isUint(port, 0xffff) && port > 0 && isUint(boot, 0xffff_ffff);
  return valid ? { port, boot } : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isUint(value: unknown, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;
}
