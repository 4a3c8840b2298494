// DER (X.690 §8 and §10): a tag, the length of the contents, the contents.

export type Octets = Uint8Array<ArrayBuffer>;

const ENCODER = new TextEncoder();

/** One value of these contents, one after the other. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Octets {
  const body = joined(contents);
  return joined([Uint8Array.of(tag, ...lengthOf(body.length)), body]);
}

export function sequence(...contents: readonly Uint8Array[]): Octets {
  return der(0x30, ...contents);
}

/** A value of a context's own tag, around whole values. */
export function tagged(number: number, ...contents: readonly Uint8Array[]): Octets {
  return der(0xa0 | number, ...contents);
}

/** A value of a context's own tag, in place of that of the type. */
export function implicit(number: number, contents: Uint8Array): Octets {
  return der(0x80 | number, contents);
}

/** A whole number that is not negative, from its octets, the most significant first. */
export function integer(octets: Uint8Array): Octets {
  const start = octets.findIndex((octet) => octet !== 0);
  const digits = start === -1 ? Uint8Array.of(0) : octets.subarray(start);
  // A first bit that is set would make it negative.
  return (digits[0] ?? 0) < 0x80 ? der(2, digits) : der(2, Uint8Array.of(0), digits);
}

export function boolean(value: boolean): Octets {
  return der(1, Uint8Array.of(value ? 0xff : 0));
}

/** Octets of which the last has that many bits at its end that do not count. */
export function bitString(octets: Uint8Array, unusedBits = 0): Octets {
  return der(3, Uint8Array.of(unusedBits), octets);
}

export function octetString(...contents: readonly Uint8Array[]): Octets {
  return der(4, ...contents);
}

export function utf8(text: string): Octets {
  return der(12, ENCODER.encode(text));
}

/** An object identifier, in dotted numbers. */
export function oid(dotted: string): Octets {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return der(6, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)));
}

/** A moment in Unix time, to the second: UTCTime, from 2050 on GeneralizedTime (RFC 5280 §4.1.2.5). */
export function time(wallMs: number): Octets {
  const digits = new Date(wallMs).toISOString().replace(/\.\d+|[-:T]/g, "");
  return digits < "2050"
    ? der(23, ENCODER.encode(digits.slice(2)))
    : der(24, ENCODER.encode(digits));
}

function lengthOf(count: number): readonly number[] {
  if (count < 0x80) return [count];
  const octets: number[] = [];
  for (let rest = count; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 | octets.length, ...octets];
}

function base128(value: number): readonly number[] {
  const octets = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    octets.unshift(0x80 | rest % 128);
  }
  return octets;
}

function joined(parts: readonly Uint8Array[]): Octets {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
