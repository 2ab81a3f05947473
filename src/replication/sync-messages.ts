/**
 * `/sequencer/sync/1.0.0`: one request frame, one answer frame, as often as wanted on one stream. Frames are preceded
 * by their length as a varint. Everything that is answered can be verified against a signed head.
 *
 * request  0x01                                        newest head
 *          0x02 || u8 level || u64be index || u16be width    tile of hashes
 *          0x03 || u64be first || u16be count                entries, as many of them as fit into a frame
 * answer   0x00 || UTF-8 reason                              not served
 *          0x01 || u64be first held || u16be length || genesis entry || u16be length || multiaddrs || note
 *          0x02 || hashes
 *          0x03 || packed entries
 */
import { concatBytes, fromUtf8, readU64be, u64be, utf8, viewOf } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX, ENTRY_BYTES_MAX, NOTE_BYTES_MAX } from "../base/limits.ts";
import { TILE_WIDTH } from "../log/tiles.ts";

export const SYNC_PROTOCOL = "/sequencer/sync/1.0.0";

/** Bytes of a request frame. */
export const SYNC_REQUEST_BYTES_MAX = 12;
/** Bytes of an answer frame: a block's worth of entries, each with its length, and one entry more. */
export const SYNC_ANSWER_BYTES_MAX = BLOCK_BYTES_MAX + 2 * BLOCK_ENTRIES_MAX + ENTRY_BYTES_MAX;

const KIND = { refusal: 0, head: 1, tile: 2, entries: 3 } as const;
const MULTIADDRS_BYTES_MAX = 4_096;

export type SyncRequest =
  | { readonly kind: "head" }
  | { readonly kind: "tile"; readonly level: number; readonly index: number; readonly width: number }
  | { readonly kind: "entries"; readonly first: number; readonly count: number };

/** What a peer says of its log; nothing of it is verified yet. */
export interface HeadAnswer {
  readonly kind: "head";
  /** The first sequence number that the peer holds. */
  readonly firstSequence: number;
  readonly genesisEntry: Uint8Array;
  /** Where the primary can be reached, as far as the peer knows; a hint. */
  readonly primary: readonly string[];
  readonly note: string;
}

export type SyncAnswer =
  | HeadAnswer
  | { readonly kind: "refusal"; readonly reason: string }
  | { readonly kind: "tile"; readonly hashes: Uint8Array }
  | { readonly kind: "entries"; readonly packed: Uint8Array };

export function encodeRequest(request: SyncRequest): Uint8Array {
  if (request.kind === "head") return Uint8Array.of(KIND.head);
  if (request.kind === "entries") {
    return concatBytes(Uint8Array.of(KIND.entries), u64be(request.first), u16be(request.count));
  }
  return concatBytes(Uint8Array.of(KIND.tile, request.level), u64be(request.index), u16be(request.width));
}

/** Undefined for anything that is no request. */
export function decodeRequest(bytes: Uint8Array): SyncRequest | undefined {
  if (bytes[0] === KIND.head && bytes.length === 1) return { kind: "head" };
  if (bytes[0] === KIND.entries && bytes.length === 11) {
    const first = readU64be(bytes, 1);
    const count = viewOf(bytes).getUint16(9);
    if (first === undefined || count === 0 || count > BLOCK_ENTRIES_MAX) return undefined;
    return { kind: "entries", first, count };
  }
  if (bytes[0] === KIND.tile && bytes.length === 12) {
    const index = readU64be(bytes, 2);
    const width = viewOf(bytes).getUint16(10);
    if (index === undefined || width === 0 || width > TILE_WIDTH) return undefined;
    return { kind: "tile", level: bytes[1]!, index, width };
  }
  return undefined;
}

export function encodeAnswer(answer: SyncAnswer): Uint8Array {
  const kind = Uint8Array.of(KIND[answer.kind]);
  switch (answer.kind) {
    case "refusal":
      return concatBytes(kind, utf8(answer.reason));
    case "tile":
      return concatBytes(kind, answer.hashes);
    case "entries":
      return concatBytes(kind, answer.packed);
    case "head": {
      const { firstSequence, genesisEntry, primary, note } = answer;
      const multiaddrs = utf8(withinBytes(primary, MULTIADDRS_BYTES_MAX).join(","));
      const sized = (bytes: Uint8Array): Uint8Array => concatBytes(u16be(bytes.length), bytes);
      return concatBytes(kind, u64be(firstSequence), sized(genesisEntry), sized(multiaddrs), utf8(note));
    }
  }
}

/** Undefined for anything that is no answer. Byte strings are views. */
export function decodeAnswer(bytes: Uint8Array): SyncAnswer | undefined {
  const body = bytes.subarray(1);
  switch (bytes[0]) {
    case KIND.refusal:
      return { kind: "refusal", reason: fromUtf8(body.subarray(0, 200)) ?? "" };
    case KIND.tile:
      if (body.length % HASH_BYTES !== 0 || body.length > TILE_WIDTH * HASH_BYTES) return undefined;
      return { kind: "tile", hashes: body };
    case KIND.entries:
      return { kind: "entries", packed: body };
    case KIND.head:
      return decodeHead(body);
    default:
      return undefined;
  }
}

function decodeHead(body: Uint8Array): HeadAnswer | undefined {
  if (body.length < 12) return undefined;
  const firstSequence = readU64be(body, 0);
  const genesisEnd = 10 + viewOf(body).getUint16(8);
  if (genesisEnd + 2 > body.length) return undefined;
  const multiaddrsLength = viewOf(body).getUint16(genesisEnd);
  const noteStart = genesisEnd + 2 + multiaddrsLength;
  if (noteStart > body.length || multiaddrsLength > MULTIADDRS_BYTES_MAX) return undefined;
  const multiaddrs = fromUtf8(body.subarray(genesisEnd + 2, noteStart));
  const note = body.length - noteStart > NOTE_BYTES_MAX ? undefined : fromUtf8(body.subarray(noteStart));
  if (firstSequence === undefined || multiaddrs === undefined || note === undefined) return undefined;
  const primary = multiaddrs === "" ? [] : multiaddrs.split(",");
  return { kind: "head", firstSequence, genesisEntry: body.subarray(10, genesisEnd), primary, note };
}

/** As many of the texts, from the first on, as fit with a separator each. */
function withinBytes(texts: readonly string[], bytesMax: number): string[] {
  let bytes = 0;
  return texts.filter((text) => {
    bytes += utf8(text).length + 1;
    return bytes <= bytesMax;
  });
}

function u16be(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}
