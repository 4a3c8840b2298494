import { type WireError, wireError } from "../base/errors.ts";
import { MAX_STREAM, openStream, type StreamContent } from "./stream.ts";

/** Gathers what one side of a stream sends, until it can be read. */
export interface StreamReader {
  /** The place for the octets that come next; never empty. */
  room(): Uint8Array;
  /** So many were put there; 0 is the stream's end. "incomplete" while more are to come. */
  take(count: number): StreamContent | "incomplete" | WireError;
}

const FIRST_ROOM = 64 * 1024;

/** Begins to read a stream of a cluster without a label, as MetalLB's is. */
export function createStreamReader(keys: readonly Uint8Array[]): StreamReader {
  let bytes = new Uint8Array(FIRST_ROOM);
  let length = 0;
  return {
    room: () => bytes.subarray(length),
    take(count) {
      length += count;
      const content = openStream(bytes.subarray(0, length), { keys });
      if (content !== "incomplete") return content;
      if (count === 0 || length >= MAX_STREAM) {
        return wireError("gossip", "truncated", "the stream ended early", length);
      }
      if (length === bytes.length) {
        const larger = new Uint8Array(2 * length);
        larger.set(bytes);
        bytes = larger;
      }
      return content;
    },
  };
}
