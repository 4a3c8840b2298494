/** What a speaker says of its view of the cluster. */
export const VIEW_STATES = ["current", "old", "stale"] as const;
/**
 * `current`: its watches hear of the cluster; `old`: for long they have not; `stale`: and meanwhile
 * the watches of others have.
 */
export type ViewState = typeof VIEW_STATES[number];

/** The metadata of a Herald speaker in gossip; MetalLB's speakers have none. */
export interface Announcement {
  /** Where the heartbeat listens: UDP, on the address of the gossip. */
  readonly port: number;
  /** A number of this run of the process. */
  readonly boot: number;
  /** Among many speakers it beats to its neighbours alone, and knows that others do. */
  readonly inRing: boolean;
  /** When this run began, by its machine's calendar, since 1970: of two that have one name, the older stays. */
  readonly sinceMs: number;
  /** It can answer for addresses: for those that do not hear its heartbeat, which tells it sooner. */
  readonly canAnnounce: boolean;
  /** How current its view of the cluster is; undefined: it does not tell. */
  readonly view?: ViewState | undefined;
  /** By what rules it decides who owns an address; undefined for one that does not tell. */
  readonly rules?: string | undefined;
  /** Subnets with addresses to announce that no interface of it leads to, `address/length`. */
  readonly cutOff?: readonly string[] | undefined;
}

/** So many characters of {@link Announcement.cutOff}, with their marks, fit beside all else. */
export const CUT_OFF_ROOM = 260;
/** More do not fit into metadata as short as all members write it. */
const MOST_CUT_OFF = 64;
/** Others show it to people. */
const PLAIN_TEXT = /^[\w .,:'-]{1,120}$/;

/** Writes it as the metadata of a member: at most 512 octets, where `cutOff` keeps to its room. */
export function announcementOf(
  { port, boot, inRing, sinceMs, canAnnounce, view, rules, cutOff }: Announcement,
): Uint8Array {
  const told = {
    herald: 1,
    heartbeat: { port, boot, ...inRing ? { ring: 1 } : {} },
    since: sinceMs,
    mute: !canAnnounce,
    view,
    rules,
    cut: cutOff,
  };
  return new TextEncoder().encode(JSON.stringify(told));
}

/** Reads a member's metadata; undefined for one that does not beat. Total. */
export function readAnnouncement(meta: Uint8Array): Announcement | undefined {
  if (meta.length === 0) return undefined;
  let told: unknown;
  try {
    told = JSON.parse(new TextDecoder().decode(meta));
  } catch {
    return undefined; // another program's metadata
  }
  if (!isRecord(told) || told.herald !== 1 || !isRecord(told.heartbeat)) return undefined;
  const { port, boot, ring } = told.heartbeat;
  // Speakers before 0.2 do not tell since when they run: they do so longer than one that does.
  const { since: sinceMs = 0, mute } = told;
  const view = VIEW_STATES.find((one) => one === told.view);
  const rules = typeof told.rules === "string" && PLAIN_TEXT.test(told.rules)
    ? told.rules
    : undefined;
  const valid = isUint(port, 0xffff) && port > 0 && isUint(boot, 0xffff_ffff) &&
    isUint(sinceMs, Number.MAX_SAFE_INTEGER);
  if (!valid) return undefined;
  const cutOff = Array.isArray(told.cut)
    ? told.cut.slice(0, MOST_CUT_OFF).filter((one): one is string => typeof one === "string")
    : [];
  return {
    port,
    boot,
    inRing: ring === 1,
    sinceMs,
    canAnnounce: mute !== true,
    view,
    ...rules && { rules },
    ...cutOff.length > 0 && { cutOff },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isUint(value: unknown, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;
}
