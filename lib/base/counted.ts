/** `1 Service`, `2 Services`, `0 addresses`; what stands before the noun comes with it: `other object`. */
export function counted(count: number | bigint, noun: string): string {
  return `${count} ${isOne(count) ? noun : `${noun}${/(?:s|x|ch)$/.test(noun) ? "es" : "s"}`}`;
}

/** The verb for so many: `is` or `are`. */
export function areFor(count: number | bigint): "is" | "are" {
  return isOne(count) ? "is" : "are";
}

function isOne(count: number | bigint): boolean {
  return BigInt(count) === 1n;
}
