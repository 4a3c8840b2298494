import { KERNEL } from "./constants.ts";
import { Fd } from "./fd.ts";
import type { Bytes, Libc } from "./libc.ts";
import { checked, OsError } from "./result.ts";

/** bpf(2), which libc does not wrap. */
export const BPF = {
  // long syscall(long number, int command, union bpf_attr *attr, unsigned int size)
  bpf: {
    name: "syscall",
    parameters: ["i64", "i32", "buffer", "u32"],
    result: "i32",
  },
} as const satisfies Deno.ForeignLibraryInterface;

type BpfLibc = Libc<typeof BPF>;

const SYSCALL = Deno.build.arch === "x86_64" ? 321n : 280n;

/** union bpf_attr of each command, linux/bpf.h; offsets in bytes. */
const MAP_CREATE = {
  size: 72,
  type: 0,
  keySize: 4,
  valueSize: 8,
  maxEntries: 12,
  name: 28,
} as const;
const MAP_ELEMENT = { size: 32, fd: 0, key: 8, value: 16, flags: 24 } as const;
const PROG_LOAD = {
  size: 72,
  type: 0,
  count: 4,
  instructions: 8,
  license: 16,
  logLevel: 24,
  logSize: 28,
  log: 32,
  name: 48,
  attachType: 68,
} as const;
const LINK_CREATE = { size: 64, program: 0, ifindex: 4, attachType: 8, flags: 12 } as const;
const TEST_RUN = {
  size: 80,
  program: 0,
  verdict: 4,
  sizeIn: 8,
  sizeOut: 12,
  dataIn: 16,
  dataOut: 24,
  repeat: 32,
} as const;
const QUERY = { size: 64, ifindex: 0, attachType: 4, programs: 16, count: 24, links: 40 } as const;
const INFO = { size: 16, fd: 0, length: 4, info: 8 } as const;
/** struct bpf_link_info: as much of it as each kind of link has. */
const LINK_INFO = { size: 24, id: 4, ifindex: 16 } as const;
/** Programs at one hook of one interface; Linux lets in 64. */
const MOST_PROGRAMS = 64;
/** BPF_TCX_INGRESS, of Linux 6.6: the headers of many systems do not have it yet. */
const TCX_INGRESS = 46;
/** BPF_F_BEFORE, as new: without naming another, before all. */
const BEFORE = 8;
const NAME_LENGTH = 15;
const PROGRAM_NAME = "herald";
const LOG_BYTES = 64 * 1024;

/** Where a program sees frames: before the network stack (tcx), or before that in the driver (xdp). */
export type BpfAttach = "tcx" | "xdp";

function attribute(size: number): { bytes: Bytes; view: DataView } {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer) };
}

function call(libc: BpfLibc, command: number, attr: Bytes): number {
  return libc.symbols.bpf(SYSCALL, command, attr, attr.length);
}

/** Makes a map; keys and values in bytes. @throws OsError when the kernel or its lockdown says no */
export function mapCreate(
  libc: BpfLibc,
  type: "BPF_MAP_TYPE_HASH" | "BPF_MAP_TYPE_ARRAY",
  sizes: { readonly key: number; readonly value: number; readonly entries: number },
  name: string,
): Fd {
  const { bytes, view } = attribute(MAP_CREATE.size);
  view.setUint32(MAP_CREATE.type, KERNEL[type], true);
  view.setUint32(MAP_CREATE.keySize, sizes.key, true);
  view.setUint32(MAP_CREATE.valueSize, sizes.value, true);
  view.setUint32(MAP_CREATE.maxEntries, sizes.entries, true);
  bytes.set(new TextEncoder().encode(name.slice(0, NAME_LENGTH)), MAP_CREATE.name);
  return new Fd(
    libc,
    checked(libc, call(libc, KERNEL.BPF_MAP_CREATE, bytes), "bpf", `map ${name}`),
  );
}

function element(libc: BpfLibc, fd: number, key: Bytes, value: Bytes | undefined): Bytes {
  const { bytes, view } = attribute(MAP_ELEMENT.size);
  view.setUint32(MAP_ELEMENT.fd, fd, true);
  view.setBigUint64(MAP_ELEMENT.key, libc.addressOf(key), true);
  if (value !== undefined) view.setBigUint64(MAP_ELEMENT.value, libc.addressOf(value), true);
  return bytes;
}

/** Sets an entry; programs see it with the next frame. @throws OsError when the map is full */
export function mapUpdate(libc: BpfLibc, fd: number, key: Bytes, value: Bytes): void {
  const result = call(libc, KERNEL.BPF_MAP_UPDATE_ELEM, element(libc, fd, key, value));
  // Reading them here keeps what only the pointers name alive until the call is over.
  checked(libc, result, "bpf", `map update with ${key.length} and ${value.length} bytes`);
}

/** Reads an entry into `value`; false when there is none. */
export function mapLookup(libc: BpfLibc, fd: number, key: Bytes, value: Bytes): boolean {
  const found = call(libc, KERNEL.BPF_MAP_LOOKUP_ELEM, element(libc, fd, key, value)) === 0;
  return found && key.length > 0 && value.length > 0;
}

/** Takes an entry away; false when there is none. */
export function mapDelete(libc: BpfLibc, fd: number, key: Bytes): boolean {
  const gone = call(libc, KERNEL.BPF_MAP_DELETE_ELEM, element(libc, fd, key, undefined)) === 0;
  return gone && key.length > 0;
}

/** Loads a program. @throws OsError with the verifier's last words */
export function progLoad(libc: BpfLibc, attach: BpfAttach, instructions: Bytes): Fd {
  const license = new TextEncoder().encode("Dual MIT/GPL\0");
  const log = new Uint8Array(LOG_BYTES);
  const { bytes, view } = attribute(PROG_LOAD.size);
  const isTcx = attach === "tcx";
  const type = isTcx ? KERNEL.BPF_PROG_TYPE_SCHED_CLS : KERNEL.BPF_PROG_TYPE_XDP;
  view.setUint32(PROG_LOAD.type, type, true);
  view.setUint32(PROG_LOAD.count, instructions.length / 8, true);
  view.setBigUint64(PROG_LOAD.instructions, libc.addressOf(instructions), true);
  view.setBigUint64(PROG_LOAD.license, libc.addressOf(license), true);
  view.setUint32(PROG_LOAD.logLevel, 1, true);
  view.setUint32(PROG_LOAD.logSize, log.length, true);
  view.setBigUint64(PROG_LOAD.log, libc.addressOf(log), true);
  bytes.set(new TextEncoder().encode(PROGRAM_NAME), PROG_LOAD.name);
  view.setUint32(PROG_LOAD.attachType, attachType(attach), true);
  const number = call(libc, KERNEL.BPF_PROG_LOAD, bytes);
  if (number >= 0) return new Fd(libc, number);
  const hint = libc.errnoHint();
  const end = log.indexOf(0);
  const said = new TextDecoder().decode(log.subarray(0, end < 0 ? log.length : end)).trim();
  const last = said.split("\n").slice(-3).join("; ");
  const context = `program ${PROGRAM_NAME} of ${
    instructions.length / 8
  } instructions, ${license.length}`;
  throw new OsError("bpf", hint, last === "" ? context : `${context}: ${last}`);
}

/** What a program makes of a frame, which comes from nowhere. @throws OsError */
export function progRun(
  libc: BpfLibc,
  program: Fd,
  frame: Bytes,
): { readonly verdict: number; readonly frame: Bytes } {
  const made = new Uint8Array(frame.length);
  const { bytes, view } = attribute(TEST_RUN.size);
  view.setUint32(TEST_RUN.program, program.number, true);
  view.setUint32(TEST_RUN.sizeIn, frame.length, true);
  view.setUint32(TEST_RUN.sizeOut, made.length, true);
  view.setBigUint64(TEST_RUN.dataIn, libc.addressOf(frame), true);
  view.setBigUint64(TEST_RUN.dataOut, libc.addressOf(made), true);
  view.setUint32(TEST_RUN.repeat, 1, true);
  const result = call(libc, KERNEL.BPF_PROG_TEST_RUN, bytes);
  checked(libc, result, "bpf", `trial of the program with ${frame.length} octets`);
  return { verdict: view.getInt32(TEST_RUN.verdict, true), frame: made };
}

/**
 * Which number the kernel gave a link, and the interface on which its program runs: 0 when that is
 * gone. @throws OsError
 */
export function linkInfo(
  libc: BpfLibc,
  link: Fd,
): { readonly id: number; readonly ifindex: number } {
  const info = attribute(LINK_INFO.size);
  const { bytes, view } = attribute(INFO.size);
  view.setUint32(INFO.fd, link.number, true);
  view.setUint32(INFO.length, info.bytes.length, true);
  view.setBigUint64(INFO.info, libc.addressOf(info.bytes), true);
  checked(libc, call(libc, KERNEL.BPF_OBJ_GET_INFO_BY_FD, bytes), "bpf", "link's description");
  return {
    id: info.view.getUint32(LINK_INFO.id, true),
    ifindex: info.view.getUint32(LINK_INFO.ifindex, true),
  };
}

/**
 * The links at an interface's tcx hook in the order in which frames meet them; 0 stands for a
 * program that was attached without a link. @throws OsError
 */
export function tcxLinks(libc: BpfLibc, ifindex: number): readonly number[] {
  const links = new Uint32Array(MOST_PROGRAMS);
  const linkBytes = new Uint8Array(links.buffer);
  const programs = new Uint8Array(links.byteLength);
  const { bytes, view } = attribute(QUERY.size);
  view.setUint32(QUERY.ifindex, ifindex, true);
  view.setUint32(QUERY.attachType, TCX_INGRESS, true);
  view.setUint32(QUERY.count, links.length, true);
  // The kernel tells of no links to who does not ask for the programs.
  view.setBigUint64(QUERY.programs, libc.addressOf(programs), true);
  view.setBigUint64(QUERY.links, libc.addressOf(linkBytes), true);
  checked(
    libc,
    call(libc, KERNEL.BPF_PROG_QUERY, bytes),
    "bpf",
    `programs on ${ifindex}, ${programs.length} octets`,
  );
  return [...links.subarray(0, view.getUint32(QUERY.count, true))];
}

/**
 * Attaches a program to an interface for as long as the descriptor is open, at tcx before all that
 * are there: one that stands before decides which frames come here at all. @throws OsError
 */
export function linkCreate(libc: BpfLibc, program: Fd, ifindex: number, attach: BpfAttach): Fd {
  const { bytes, view } = attribute(LINK_CREATE.size);
  view.setUint32(LINK_CREATE.program, program.number, true);
  view.setUint32(LINK_CREATE.ifindex, ifindex, true);
  view.setUint32(LINK_CREATE.attachType, attachType(attach), true);
  const flags = attach === "xdp" ? KERNEL.XDP_FLAGS_SKB_MODE : BEFORE;
  view.setUint32(LINK_CREATE.flags, flags, true);
  const number = call(libc, KERNEL.BPF_LINK_CREATE, bytes);
  return new Fd(libc, checked(libc, number, "bpf", `${attach} program on interface ${ifindex}`));
}

function attachType(attach: BpfAttach): number {
  return attach === "tcx" ? TCX_INGRESS : KERNEL.BPF_XDP;
}
