/**
 * Byte strings that cross threads together: end to end in one buffer, which is handed over. A buffer for each of them
 * takes both threads longer than what is mostly done with it.
 */
import { concatBytes } from "../base/bytes.ts";

export interface Pieces {
  readonly lengths: readonly number[];
  /** All that is in its buffer. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function joinPieces(pieces: readonly Uint8Array[]): Pieces {
  return { lengths: pieces.map(({ length }) => length), bytes: concatBytes(...pieces) };
}

/** The strings, in the buffer that they came in. */
export function splitPieces({ lengths, bytes }: Pieces): Uint8Array[] {
  let end = 0;
  return lengths.map((length) => {
    end += length;
    return bytes.subarray(end - length, end);
  });
}
