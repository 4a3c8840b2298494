/** Who opened a stream. */
export interface Caller {
  readonly from: string;
  /** A speaker may be at its address. */
  readonly expected: boolean;
}

/** Streams of one address, and of all addresses where no speaker may be: more are closed at once. */
const STREAMS_OF_ONE = 4;
const STREAMS_OF_STRANGERS = 8;

/** Whether one more is served beside those: strangers that say nothing must keep no speaker from joining. */
export function mayServe({ from, expected }: Caller, served: readonly Caller[]): boolean {
  if (served.filter((other) => other.from === from).length >= STREAMS_OF_ONE) return false;
  return expected || served.filter((other) => !other.expected).length < STREAMS_OF_STRANGERS;
}
