/** The surroundings that give flags their defaults. */
export interface Surroundings {
  readonly env: (name: string) => string | undefined;
  readonly hostname: () => string;
  /** The pod's own namespace, from its service account. */
  readonly podNamespace: () => string | undefined;
  /** A file's text; undefined when it cannot be read. A folder stands for its file of that name. */
  readonly readSecret: (path: string, nameInFolder: string) => string | undefined;
  readonly isTerminal: boolean;
}

/** Flag values as commander gives them, by camelCase name. */
export type Flags = Readonly<Record<string, string | boolean | string[] | undefined>>;

/** The command line or the environment says something that cannot be; exit code 2. */
export class UsageError extends Error {}

/** The flag's text; undefined where it was not given. @throws UsageError where it is empty */
export function text(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  if (value === undefined || typeof value !== "string") return undefined;
  if (value === "") throw new UsageError(`${flagOf(name)} is empty`);
  return value;
}

/** The flag as it is written on the command line. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** One of a few words. @throws UsageError that names them */
export function word<W extends string>(
  flag: string,
  value: string | undefined,
  words: readonly W[],
  otherwise: W,
): W {
  if (value === undefined) return otherwise;
  const found = words.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  const near = words.find((candidate) => candidate === value.toLowerCase());
  const hint = near === undefined ? "" : `; did you mean ${flag}=${near}?`;
  throw new UsageError(`${flag}=${value} is not one of ${words.join(", ")}${hint}`);
}

/** A port's number, 0 among them. @throws UsageError */
export function port(flag: string, value: string | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (!/^(0|[1-9][0-9]{0,4})$/.test(value) || Number(value) > 65535) {
    throw new UsageError(`${flag}=${value} is no port; write a number from 0 to 65535`);
  }
  return Number(value);
}
