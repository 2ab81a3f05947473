/**
 * A commit as bytes, for the journal: the RLP list `root before, first, count, entries, ids, tiles, root, lastTimestamp,
 * lastBlock, note`, each tile a list `level, index, hashes`; no note is the empty string. Roles have no place in it.
 */
import { assert } from "../base/assert.ts";
import { fromUtf8, utf8 } from "../base/bytes.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { RlpError, RlpReader, rlpBytes, rlpInteger, rlpList } from "../base/rlp.ts";
import type { Commit, StoredTile } from "./store.ts";

export interface JournaledCommit {
  /** The root of the log that the commit extends. */
  readonly rootBefore: Uint8Array;
  readonly commit: Commit;
}

export function encodeRecord({ rootBefore, commit }: JournaledCommit): Uint8Array {
  const { block, tiles, roles, head, note = "" } = commit;
  assert(roles.length === 0, "a commit of roles is not journaled");
  return rlpList([
    rlpBytes(rootBefore),
    rlpInteger(block.first),
    rlpInteger(block.count),
    rlpBytes(block.entries),
    rlpBytes(block.ids),
    rlpList(tiles.map(encodeTile)),
    rlpBytes(head.root),
    rlpInteger(head.lastTimestamp),
    rlpInteger(head.lastBlock),
    rlpBytes(utf8(note)),
  ]);
}

/** @throws RlpError if this is no record: its checksum was right, so a newer release wrote it */
export function decodeRecord(bytes: Uint8Array): JournaledCommit {
  const list = RlpReader.list(bytes);
  const rootBefore = list.bytes(HASH_BYTES);
  const first = list.number();
  const count = list.number();
  if (count === 0) throw new RlpError("a commit without entries");
  const block = { first, count, entries: list.bytes(), ids: list.bytes(count * HASH_BYTES) };
  const tiles = decodeTiles(list.list());
  // A copy: the head stays, and the bytes of the whole journal need not.
  const root = Uint8Array.from(list.bytes(HASH_BYTES));
  const head = { size: first + count, root, lastTimestamp: list.number(), lastBlock: list.number() };
  const note = fromUtf8(list.bytes());
  list.end();
  if (note === undefined) throw new RlpError("a note that is no UTF-8");
  return { rootBefore, commit: { block, tiles, roles: [], head, ...(note !== "" && { note }) } };
}

function encodeTile({ level, index, hashes }: StoredTile): Uint8Array {
  return rlpList([rlpInteger(level), rlpInteger(index), rlpBytes(hashes)]);
}

function decodeTiles(list: RlpReader): StoredTile[] {
  const tiles: StoredTile[] = [];
  while (!list.done) {
    const tile = list.list();
    tiles.push({ level: tile.number(), index: tile.number(), hashes: tile.bytes() });
    tile.end();
  }
  return tiles;
}
