/**
 * Serves a node's log to peers that catch up. Everything lies under the signed head.
 */
import { concatBytes } from "../base/bytes.ts";
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX } from "../base/limits.ts";
import type { Log } from "../log/log.ts";
import { packEntries } from "../log/packed-entries.ts";
import { tileWidth } from "../log/tiles.ts";
import { decodeRequest, encodeAnswer, type SyncAnswer, type SyncRequest } from "./sync-messages.ts";

/** The answer frame to a request frame; undefined if it is no request. @param log undefined while none is known */
export function answerSync(
  log: Log | undefined,
  primary: readonly string[],
  frame: Uint8Array,
): Uint8Array | undefined {
  const request = decodeRequest(frame);
  return request === undefined ? undefined : encodeAnswer(answer(log, primary, request));
}

function answer(log: Log | undefined, primary: readonly string[], request: SyncRequest): SyncAnswer {
  const head = log?.signed;
  if (log === undefined || head === undefined) return refusal("nothing is signed yet");
  switch (request.kind) {
    case "head":
      return { kind: "head", firstSequence: 0, genesisEntry: log.genesisEntry, primary, note: head.note };
    case "tile": {
      const { level, index, width } = request;
      const hashes = tileWidth(level, index, head.size) < width ? undefined : log.tile(level, index, width);
      return hashes === undefined ? refusal("the tile is not in the signed tree") : { kind: "tile", hashes };
    }
    case "entries": {
      if (request.first >= head.size) return refusal("the entries are not in the signed tree");
      return {
        kind: "entries",
        packed: readEntries(log, request.first, Math.min(head.size, request.first + request.count)),
      };
    }
  }
}

/** A block of the largest size, each of its entries with its length. */
const PACKED_BYTES_MAX = BLOCK_BYTES_MAX + 2 * BLOCK_ENTRIES_MAX;

/** Entries from `first` on, at least one, up to a block's worth of bytes. */
function readEntries(log: Log, first: number, end: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (const { entries: packed } of log.pieces(first, end)) {
    if (bytes + packed.length > PACKED_BYTES_MAX) break;
    pieces.push(packed);
    bytes += packed.length;
  }
  if (pieces.length > 0) return concatBytes(...pieces);
  // A piece that is too large by itself: entry by entry then.
  const entries: Uint8Array[] = [];
  for (const { entry } of log.entries(first, end)) {
    bytes += entry.length;
    if (entries.length > 0 && bytes > BLOCK_BYTES_MAX) break;
    entries.push(entry);
  }
  return packEntries(entries);
}

function refusal(reason: string): SyncAnswer {
  return { kind: "refusal", reason };
}
