// For code that runs with each frame: nothing here makes an object.

/** Whether `count` octets stand alike at both places. */
export function equalOctets(
  a: Uint8Array,
  atA: number,
  b: Uint8Array,
  atB: number,
  count: number,
): boolean {
  for (let octet = 0; octet < count; octet++) if (a[atA + octet] !== b[atB + octet]) return false;
  return true;
}

/** Copies octets; past the end of `from` there are zeros. */
export function copyOctets(
  from: Uint8Array,
  at: number,
  to: Uint8Array,
  place: number,
  count: number,
): void {
  for (let octet = 0; octet < count; octet++) to[place + octet] = from[at + octet] ?? 0;
}

/** Whether `count` octets all have that value. */
export function allOctets(bytes: Uint8Array, at: number, count: number, value: number): boolean {
  for (let octet = 0; octet < count; octet++) if (bytes[at + octet] !== value) return false;
  return true;
}
