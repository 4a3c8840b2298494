import type { Millis } from "../base/time.ts";
import { type Mac, writeU16, writeU32 } from "../net/ethernet.ts";
import type { Ip, Ip4 } from "../net/ip.ts";
import { ADDRESS6_WORDS, enter6, hash, search6 } from "./hash.ts";

/**
 * The addresses that this node answers for and the interfaces it answers on, in memory that the
 * main thread writes and the packet Worker reads with each frame. Both tables are there twice: the
 * writer fills the one not in use and turns to it by raising a generation, so that a change holds
 * from the very next frame and a reader never sees half of it.
 */
export interface AddressTable {
  readonly words: Int32Array;
  /** Of the writer: the counters' place of each address ever owned. */
  readonly slots: Map<Ip, number>;
  /** Of the writer: where either half has entries, and of how many words. */
  readonly written: readonly [Map<number, number>, Map<number, number>];
}

/** A Service has one address, a cluster ten thousand Services: room for half as many again. */
export const MAX_ADDRESSES = 16_384;
/** Only usable interfaces are entered; a node has one for each of its pods at the most. */
export const MAX_INTERFACES = 2_048;
/** Reasons for which a frame gets no reply, counted by their number. */
export const MAX_REASONS = 16;

// Hash tables are at most half full, so that a search ends after a step or two.
const ADDRESS_PLACES = 2 * MAX_ADDRESSES;
const INTERFACE_PLACES = 2 * MAX_INTERFACES;
const ADDRESS_WORDS = 2; // address, slot + 1 (0 marks an empty place)
const INTERFACE_WORDS = 3; // ifindex (0 marks an empty place), MAC high 16 bits, MAC low 32 bits
const COUNTERS = 3; // requests, replies, gratuitous frames

const ADDRESS_GENERATION = 0;
const INTERFACE_GENERATION = 1;
const ADDRESSES = 2;
const INTERFACES = ADDRESSES + 2 * ADDRESS_PLACES * ADDRESS_WORDS;
const COUNTS = INTERFACES + 2 * INTERFACE_PLACES * INTERFACE_WORDS;
const DROPS = COUNTS + MAX_ADDRESSES * COUNTERS;
const REPLY_LEASE_NEEDED = DROPS + MAX_REASONS + 1;
const REPLY_LEASE_UNTIL = REPLY_LEASE_NEEDED + 1;
const ADDRESSES6 = REPLY_LEASE_UNTIL + 1;
export const TABLE_BYTES = 4 * (ADDRESSES6 + 2 * ADDRESS_PLACES * ADDRESS6_WORDS);

export interface InterfaceAddress {
  readonly ifindex: number;
  readonly mac: Mac;
}

export interface AddressCounters {
  readonly requests: number;
  readonly replies: number;
  readonly gratuitous: number;
}

/** Looks at shared memory of {@link TABLE_BYTES} as a table; zeroed memory is an empty one. */
export function openTable(buffer: SharedArrayBuffer): AddressTable {
  return { words: new Int32Array(buffer), slots: new Map(), written: [new Map(), new Map()] };
}

/**
 * Sets the addresses to answer for, in place of those before.
 * @throws RangeError when there are more than {@link MAX_ADDRESSES}
 */
export function setOwned(table: AddressTable, ips: readonly Ip[]): void {
  if (ips.length > MAX_ADDRESSES) {
    throw new RangeError(`Cannot answer for ${ips.length} addresses, at most ${MAX_ADDRESSES}`);
  }
  assignSlots(table, ips);
  const { words, slots } = table;
  const next = Atomics.load(words, ADDRESS_GENERATION) + 1;
  const base = ADDRESSES + (next & 1) * ADDRESS_PLACES * ADDRESS_WORDS;
  const base6 = ADDRESSES6 + (next & 1) * ADDRESS_PLACES * ADDRESS6_WORDS;
  const written = table.written[(next & 1) as 0 | 1];
  // Only what was written: the room for all that fit is never touched, and takes no memory.
  for (const [at, count] of written) words.fill(0, at, at + count);
  written.clear();
  for (const ip of ips) {
    const slot = slots.get(ip) ?? 0;
    if (typeof ip === "number") written.set(enter4(words, base, ip, slot), ADDRESS_WORDS);
    else written.set(enter6(words, base6, ADDRESS_PLACES, ip, slot), ADDRESS6_WORDS);
  }
  Atomics.store(words, ADDRESS_GENERATION, next);
}

/** Gives where it stands. */
function enter4(words: Int32Array, base: number, ip: Ip4, slot: number): number {
  let place = hash(ip) & (ADDRESS_PLACES - 1);
  while (words[base + place * ADDRESS_WORDS + 1] !== 0) place = (place + 1) & (ADDRESS_PLACES - 1);
  const at = base + place * ADDRESS_WORDS;
  words[at] = ip;
  words[at + 1] = slot + 1;
  return at;
}

/** The counters of an address outlive its ownership; only when all places are taken, they go. */
function assignSlots(table: AddressTable, ips: readonly Ip[]): void {
  const owned = new Set(ips);
  const fresh = ips.filter((ip) => !table.slots.has(ip));
  if (table.slots.size + fresh.length > MAX_ADDRESSES) {
    for (const ip of table.slots.keys()) if (!owned.has(ip)) table.slots.delete(ip);
  }
  const taken = new Set(table.slots.values());
  let slot = 0;
  for (const ip of fresh) {
    while (taken.has(slot)) slot++;
    table.words.fill(0, COUNTS + slot * COUNTERS, COUNTS + (slot + 1) * COUNTERS);
    table.slots.set(ip, slot++);
  }
}

/**
 * Sets the interfaces to answer on and their hardware addresses, in place of those before.
 * @throws RangeError when there are more than {@link MAX_INTERFACES}
 */
export function setInterfaces(table: AddressTable, interfaces: readonly InterfaceAddress[]): void {
  if (interfaces.length > MAX_INTERFACES) {
    throw new RangeError(
      `Cannot answer on ${interfaces.length} interfaces, at most ${MAX_INTERFACES}`,
    );
  }
  const { words } = table;
  const next = Atomics.load(words, INTERFACE_GENERATION) + 1;
  const base = INTERFACES + (next & 1) * INTERFACE_PLACES * INTERFACE_WORDS;
  words.fill(0, base, base + INTERFACE_PLACES * INTERFACE_WORDS);
  for (const { ifindex, mac } of interfaces) {
    let place = hash(ifindex) & (INTERFACE_PLACES - 1);
    while (words[base + place * INTERFACE_WORDS] !== 0) {
      place = (place + 1) & (INTERFACE_PLACES - 1);
    }
    words[base + place * INTERFACE_WORDS] = ifindex;
    words[base + place * INTERFACE_WORDS + 1] = Math.floor(mac / 0x1_0000_0000);
    words[base + place * INTERFACE_WORDS + 2] = mac | 0;
  }
  Atomics.store(words, INTERFACE_GENERATION, next);
}

/** The counters' place of an owned IPv4 address, or -1. Allocates nothing. */
export function slotOf(table: AddressTable, ip: number): number {
  const { words } = table;
  while (true) {
    const generation = Atomics.load(words, ADDRESS_GENERATION);
    const found = searchAddress(words, (generation & 1) * ADDRESS_PLACES, ip | 0);
    // Had the writer turned twice meanwhile, the search ran over a table in the making.
    if (Atomics.load(words, ADDRESS_GENERATION) === generation) return found;
  }
}

/** The counters' place of the owned IPv6 address at `offset`, or -1. Allocates nothing. */
export function slotOf6(table: AddressTable, octets: Uint8Array, offset: number): number {
  const { words } = table;
  while (true) {
    const generation = Atomics.load(words, ADDRESS_GENERATION);
    const base = ADDRESSES6 + (generation & 1) * ADDRESS_PLACES * ADDRESS6_WORDS;
    const found = search6(words, base, ADDRESS_PLACES, octets, offset);
    if (Atomics.load(words, ADDRESS_GENERATION) === generation) return found;
  }
}

/**
 * From now on replies leave only until the time that {@link renewReplyLease} set; the thread that
 * renews it vouches that the whole process is awake.
 */
export function requireReplyLease(table: AddressTable): void {
  Atomics.store(table.words, REPLY_LEASE_NEEDED, 1);
}

/** Lets replies leave until then, in milliseconds of the machine's clock since it booted. */
export function renewReplyLease(table: AddressTable, untilMs: number): void {
  Atomics.store(table.words, REPLY_LEASE_UNTIL, untilMs | 0);
}

/** Longer than any reply lease. */
const LONGEST_REPLY_LEASE_MS: Millis = 3_600_000;

/**
 * Whether a reply may leave now. Times are compared modulo 2^32, some 49 days: a reply lease of a
 * month ago, when the machine was suspended, and the one that was never given, lie ahead by that.
 */
export function hasReplyLease(table: AddressTable, nowMs: number): boolean {
  const { words } = table;
  if (Atomics.load(words, REPLY_LEASE_NEEDED) === 0) return true;
  const leftMs = (Atomics.load(words, REPLY_LEASE_UNTIL) - (nowMs | 0)) | 0;
  return leftMs > 0 && leftMs <= LONGEST_REPLY_LEASE_MS;
}

function searchAddress(words: Int32Array, first: number, ip: number): number {
  let place = hash(ip) & (ADDRESS_PLACES - 1);
  for (let step = 0; step < ADDRESS_PLACES; step++) {
    const at = ADDRESSES + (first + place) * ADDRESS_WORDS;
    const slot = words[at + 1] ?? 0;
    if (slot === 0) return -1;
    if (words[at] === ip) return slot - 1;
    place = (place + 1) & (ADDRESS_PLACES - 1);
  }
  return -1;
}

/**
 * Writes the hardware address of an interface that may answer into `out`; false when there is none
 * and `out` must not be used. Allocates nothing.
 */
export function copyHardware(
  table: AddressTable,
  ifindex: number,
  out: Uint8Array,
  offset: number,
): boolean {
  const { words } = table;
  while (true) {
    const generation = Atomics.load(words, INTERFACE_GENERATION);
    const at = searchInterface(words, (generation & 1) * INTERFACE_PLACES, ifindex);
    if (at >= 0) {
      writeU16(out, offset, words[at + 1] ?? 0);
      writeU32(out, offset + 2, words[at + 2] ?? 0);
    }
    if (Atomics.load(words, INTERFACE_GENERATION) === generation) return at >= 0;
  }
}

function searchInterface(words: Int32Array, first: number, ifindex: number): number {
  let place = hash(ifindex) & (INTERFACE_PLACES - 1);
  for (let step = 0; step < INTERFACE_PLACES; step++) {
    const at = INTERFACES + (first + place) * INTERFACE_WORDS;
    const found = words[at] ?? 0;
    if (found === 0) return -1;
    if (found === ifindex) return at;
    place = (place + 1) & (INTERFACE_PLACES - 1);
  }
  return -1;
}

/** Counts a request for an owned address; only the Worker does, so no atomic is needed. */
export function countRequest(table: AddressTable, slot: number): void {
  increment(table.words, COUNTS + slot * COUNTERS);
}

/** Counts a reply that left; only the Worker does. */
export function countReply(table: AddressTable, slot: number): void {
  increment(table.words, COUNTS + slot * COUNTERS + 1);
}

/** Counts a gratuitous frame that left; only the main thread does. */
export function countGratuitous(table: AddressTable, ip: Ip): void {
  const slot = table.slots.get(ip);
  if (slot !== undefined) increment(table.words, COUNTS + slot * COUNTERS + 2);
}

/** Counts a request that was sent for another host (its Ethernet source is not its sender). */
export function countForeignSender(table: AddressTable): void {
  increment(table.words, DROPS + MAX_REASONS);
}

/** How many answered requests came by another host. */
export function foreignSendersOf(table: AddressTable): number {
  return (table.words[DROPS + MAX_REASONS] ?? 0) >>> 0;
}

/** Counts a frame without reply; only the Worker does. `reason` is below {@link MAX_REASONS}. */
export function countDrop(table: AddressTable, reason: number): void {
  increment(table.words, DROPS + reason);
}

function increment(words: Int32Array, at: number): void {
  words[at] = (words[at] ?? 0) + 1;
}

/** What was counted for an address since it was first owned; wraps at 2^32. */
export function countersOf(table: AddressTable, ip: Ip): AddressCounters {
  const slot = table.slots.get(ip);
  if (slot === undefined) return { requests: 0, replies: 0, gratuitous: 0 };
  const at = COUNTS + slot * COUNTERS;
  const count = (offset: number) => (table.words[at + offset] ?? 0) >>> 0;
  return { requests: count(0), replies: count(1), gratuitous: count(2) };
}

/** The number of frames without reply, by reason. */
export function dropsOf(table: AddressTable): number[] {
  return Array.from(table.words.subarray(DROPS, DROPS + MAX_REASONS), (count) => count >>> 0);
}
