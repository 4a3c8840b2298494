/** One instruction of eBPF (linux/bpf.h); a jump's `offset` is a label until it is assembled. */
interface Instruction {
  readonly code: number;
  readonly destination: number;
  readonly source: number;
  readonly offset: number | string;
  readonly immediate: number;
}

/** A place in the program that jumps name. */
interface Label {
  readonly label: string;
}

export type Step = Instruction | Label;

/** Sizes of memory: word 4 octets, half 2, byte 1, double 8. */
type Size = "w" | "h" | "b" | "dw";
const SIZE: Readonly<Record<Size, number>> = { w: 0x00, h: 0x08, b: 0x10, dw: 0x18 };

function make(
  code: number,
  destination: number,
  source: number,
  offset: number | string,
  immediate: number,
): Instruction {
  return { code, destination, source, offset, immediate };
}

/** dst = *(src + offset) */
export const load = (size: Size, dst: number, src: number, offset: number): Instruction =>
  make(0x61 | SIZE[size], dst, src, offset, 0);
/** *(dst + offset) = src */
export const store = (size: Size, dst: number, offset: number, src: number): Instruction =>
  make(0x63 | SIZE[size], dst, src, offset, 0);
/** *(dst + offset) = immediate */
export const storeImmediate = (
  size: Size,
  dst: number,
  offset: number,
  value: number,
): Instruction => make(0x62 | SIZE[size], dst, 0, offset, value);
/** *(dst + offset) += src, as one step for all processors */
export const atomicAdd = (dst: number, offset: number, src: number): Instruction =>
  make(0xdb, dst, src, offset, 0);
/** dst = src */
export const move = (dst: number, src: number): Instruction => make(0xbf, dst, src, 0, 0);
/** dst = immediate, sign-extended to 64 bits */
export const moveImmediate = (dst: number, value: number): Instruction =>
  make(0xb7, dst, 0, 0, value);
/** dst = immediate, the upper 32 bits zero */
export const moveWord = (dst: number, value: number): Instruction => make(0xb4, dst, 0, 0, value);
/** The lower 32 bits of src, the upper ones zero */
export const lowerWord = (dst: number, src: number): Instruction => make(0xbc, dst, src, 0, 0);
export const add = (dst: number, src: number): Instruction => make(0x0f, dst, src, 0, 0);
export const addImmediate = (dst: number, value: number): Instruction =>
  make(0x07, dst, 0, 0, value);
export const or = (dst: number, src: number): Instruction => make(0x4f, dst, src, 0, 0);
export const andImmediate = (dst: number, value: number): Instruction =>
  make(0x57, dst, 0, 0, value);
export const xorImmediate = (dst: number, value: number): Instruction =>
  make(0xa7, dst, 0, 0, value);
export const shiftRight = (dst: number, bits: number): Instruction => make(0x77, dst, 0, 0, bits);
export const jump = (to: string): Instruction => make(0x05, 0, 0, to, 0);
export const jumpEqual = (dst: number, value: number, to: string): Instruction =>
  make(0x15, dst, 0, to, value);
export const jumpNotEqual = (dst: number, value: number, to: string): Instruction =>
  make(0x55, dst, 0, to, value);
/** Compares 32 bits: a 64-bit comparison would extend the value's sign and never match. */
export const jumpWordNotEqual = (dst: number, value: number, to: string): Instruction =>
  make(0x56, dst, 0, to, value);
export const jumpSame = (dst: number, src: number, to: string): Instruction =>
  make(0x1d, dst, src, to, 0);
/** Unsigned */
export const jumpGreater = (dst: number, src: number, to: string): Instruction =>
  make(0x2d, dst, src, to, 0);
export const call = (helper: number): Instruction => make(0x85, 0, 0, 0, helper);
export const exit = (): Instruction => make(0x95, 0, 0, 0, 0);
/** dst = the map of that descriptor; takes the place of two instructions */
export const loadMap = (dst: number, fd: number): readonly Instruction[] => [
  make(0x18, dst, 1, 0, fd),
  make(0, 0, 0, 0, 0),
];

/**
 * Writes a program: eight octets an instruction, jumps relative to the next one.
 * @throws RangeError when a label is missing or comes twice
 */
export function assemble(steps: readonly Step[]): Uint8Array<ArrayBuffer> {
  const places = new Map<string, number>();
  const instructions: Instruction[] = [];
  for (const step of steps) {
    if (!("label" in step)) instructions.push(step);
    else if (places.has(step.label)) throw new RangeError(`Label ${step.label} stands twice`);
    else places.set(step.label, instructions.length);
  }
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  instructions.forEach(({ code, destination, source, offset, immediate }, index) => {
    const at = index * 8;
    view.setUint8(at, code);
    view.setUint8(at + 1, source << 4 | destination);
    view.setInt16(at + 2, typeof offset === "number" ? offset : distance(offset, index), true);
    view.setInt32(at + 4, immediate | 0, true);
  });
  return bytes;

  function distance(label: string, from: number): number {
    const place = places.get(label);
    if (place === undefined) throw new RangeError(`No label ${label}`);
    return place - from - 1;
  }
}
