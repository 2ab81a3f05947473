/**
 * The log: a store, its tree, and the two heads that matter. `committed` is what the disk holds; `signed` is what the
 * operator has vouched for, and nothing beyond it is ever served (SPEC section 3). Whoever appends goes through
 * `grow`, `commit` and `publish`, in this order.
 */

import { LRUCache } from "lru-cache";
import { assert } from "../base/assert.ts";
import { concatBytes, equalBytes } from "../base/bytes.ts";
import { type DigestContext, domainSeparator } from "../base/eip712.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { ROOT_CACHE_ENTRIES } from "../base/limits.ts";
import { CheckpointVerifier, type Head, type SignedHead } from "./checkpoint.ts";
import { decodeEntry } from "./entry.ts";
import { decodeGenesis, type Genesis } from "./genesis.ts";
import { TreeGrowth } from "./growth.ts";
import {
  consistencyProof,
  frontierOf,
  hashPackedLeaves,
  inclusionProof,
  leafHash,
  rootOf,
} from "./merkle.ts";
import { type EntryRun, LENGTH_BYTES, packEntries, unpackEntries } from "./packed-entries.ts";
import { type CommittedHead, damaged, type Store, type StoredBlock, type StoredRole } from "./store.ts";
import { TileTree } from "./tile-tree.ts";

/** A block that is ordered and hashed, before and after its commit. */
export interface SealedBlock {
  readonly growth: TreeGrowth;
  /** Packed entries, and packed ids. */
  readonly entries: Uint8Array;
  readonly ids: Uint8Array;
  /** Roles that its permission changes set. */
  readonly roles: readonly StoredRole[];
  /** Unix milliseconds of the last entry. */
  readonly lastTimestamp: number;
}

export interface LogEntry {
  readonly sequence: number;
  /** `u64be timestampMs || payload`. */
  readonly entry: Uint8Array;
  /** 32 bytes; zero for genesis. */
  readonly id: Uint8Array;
}

/** Told of every block once its head is signed, in order. */
export type PublishListener = (head: SignedHead, block: SealedBlock) => void;

export class Log {
  readonly genesis: Genesis;
  readonly genesisEntry: Uint8Array;
  readonly context: DigestContext;
  readonly checkpoints: CheckpointVerifier;
  readonly #store: Store;
  readonly #tree: TileTree;
  readonly #listeners = new Set<PublishListener>();
  /** Roots of earlier sizes: the same few are asked for again and again, by every peer. */
  readonly #roots = new LRUCache<number, Uint8Array>({ max: ROOT_CACHE_ENTRIES });
  #frontier: readonly Uint8Array[];
  #committed: CommittedHead;
  #signed: SignedHead | undefined;

  private constructor(store: Store, head: CommittedHead) {
    this.#store = store;
    this.#committed = head;
    try {
      this.#tree = new TileTree(head.size, (level, index) => store.tile(level, index));
      this.#frontier = frontierOf(head.size, (level, index) => this.#tree.node(level, index));
      this.genesisEntry = this.entry(0).entry;
    } catch (cause) {
      throw damaged("-dbpath", "its tiles are incomplete", cause);
    }
    this.#checkEdge();
    this.genesis = decodeGenesis(decodeEntry(this.genesisEntry)!.payload);
    this.context = { separator: domainSeparator(this.genesis), logId: leafHash(this.genesisEntry) };
    this.checkpoints = new CheckpointVerifier(this.genesis, this.context);
  }

  /** Opens the log in a store; undefined if the store is new. @throws SequencerError `store` if it is damaged */
  static open(store: Store): Log | undefined {
    return store.head === undefined ? undefined : new Log(store, store.head);
  }

  /** Begins a log in a new store with its genesis entry, durably. */
  static async create(store: Store, genesisEntry: Uint8Array): Promise<Log> {
    const { timestamp, payload } = decodeEntry(genesisEntry)!;
    const { admins, writers } = decodeGenesis(payload);
    const growth = new TreeGrowth(0, [], leafHash(genesisEntry));
    const head: CommittedHead = { size: 1, root: growth.root, lastTimestamp: timestamp, lastBlock: 0 };
    await store.commit({
      block: { first: 0, count: 1, entries: packEntries([genesisEntry]), ids: new Uint8Array(HASH_BYTES) },
      tiles: [{ level: 0, index: 0, hashes: growth.root }],
      roles: [
        ...admins.map((account) => ({ account, role: 2 })),
        ...writers.map((account) => ({ account, role: 1 })),
      ],
      head,
    });
    return new Log(store, head);
  }

  /** Leaf hash of genesis: the log's identity. */
  get logId(): Uint8Array {
    return this.context.logId;
  }

  get committed(): CommittedHead {
    return this.#committed;
  }

  /** The head that everything served lies under; undefined until the first signature. */
  get signed(): SignedHead | undefined {
    return this.#signed;
  }

  /** Perfect subtrees of what is committed, largest first. */
  get frontier(): readonly Uint8Array[] {
    return this.#frontier;
  }

  /** The tree with these leaves behind it. Changes nothing. */
  grow(packedLeafHashes: Uint8Array): TreeGrowth {
    return new TreeGrowth(this.#committed.size, this.#frontier, packedLeafHashes);
  }

  /** Makes a sealed block durable. A failure leaves the log unusable: the process has to end. */
  async commit(sealed: SealedBlock, note?: string): Promise<void> {
    const { growth, entries, ids, roles, lastTimestamp } = sealed;
    const { first, size, root } = growth;
    const tiles = this.#tree.tilesAfter(growth);
    const head: CommittedHead = { size, root, lastTimestamp, lastBlock: first };
    const block: StoredBlock = { first, count: size - first, entries, ids };
    await this.#store.commit({ block, tiles, roles, head, ...(note !== undefined && { note }) });
    this.#tree.advance(growth, tiles);
    this.#frontier = growth.frontier;
    this.#committed = head;
    this.#roots.set(size, root);
  }

  /** Serves everything up to this signed head, which a commit has reached, and tells the listeners. */
  publish(head: SignedHead, block: SealedBlock): void {
    this.restore(head);
    for (const listener of this.#listeners) listener(head, block);
  }

  /** Serves a head that was signed before this process began. */
  restore(head: SignedHead): void {
    assert(head.size <= this.#committed.size, "a head is committed before it is signed");
    this.#signed = head;
  }

  /** Calls back on every block published from now on; returns the function that stops it. */
  onPublish(listener: PublishListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The entry at a sequence number below the committed size. */
  entry(sequence: number): LogEntry {
    const { entries } = this.piece(sequence, sequence + 1);
    return { sequence, entry: entries.subarray(LENGTH_BYTES), id: this.idOf(sequence) };
  }

  /** The id of an entry, 32 bytes. */
  idOf(sequence: number): Uint8Array {
    return this.ids(sequence, sequence + 1);
  }

  /** The entries [from, to) of the committed log. */
  *entries(from: number, to: number): Iterable<LogEntry> {
    for (const { first, count, entries } of this.pieces(from, to)) {
      const ids = this.ids(first, first + count);
      const unpacked = unpackEntries(entries, count)!;
      for (let i = 0; i < count; i++) {
        const id = ids.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);
        yield { sequence: first + i, entry: unpacked[i]!, id };
      }
    }
  }

  /** The entries [from, to) of the committed log, packed, in pieces as they are stored. */
  *pieces(from: number, to: number): Iterable<EntryRun> {
    for (let sequence = from; sequence < to; ) {
      const piece = this.piece(sequence, to);
      yield piece;
      sequence += piece.count;
    }
  }

  /** The first piece of [from, to): as far as its entries lie together. */
  piece(from: number, to: number): EntryRun {
    return this.#store.piece(from, to) ?? missing(from);
  }

  /** The ids of the entries [from, to) of the committed log, 32 bytes each. */
  ids(from: number, to: number): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let at = from; at < to; ) {
      const part = this.#store.ids(at, to) ?? missing(at);
      parts.push(part);
      at += part.length / HASH_BYTES;
    }
    return parts.length === 1 ? parts[0]! : concatBytes(...parts);
  }

  /** True if the store indexes all ids. */
  get indexesIds(): boolean {
    return this.#store.indexesIds;
  }

  /** Has these ids read from the disk beside this thread, so that `ids` need not wait for it. */
  async fetchIds(from: number, to: number): Promise<void> {
    await this.#store.fetchIds(from, to);
  }

  /** The sequence number of an id under the signed head, if the store indexes ids. */
  sequenceOf(id: Uint8Array): number | undefined {
    const sequence = this.#store.sequenceOf(id);
    return sequence !== undefined && sequence < (this.#signed?.size ?? 0) ? sequence : undefined;
  }

  /** The first `width` hashes of a tile; undefined if the committed tree does not have them. */
  tile(level: number, index: number, width: number): Uint8Array | undefined {
    return this.#tree.tile(level, index, width);
  }

  /** Hashes from the leaf up, RFC 6962 section 2.1.1. */
  inclusionProof(index: number, size: number): Uint8Array[] {
    return inclusionProof(index, size, this.node);
  }

  /** RFC 6962 section 2.1.2. */
  consistencyProof(from: number, to: number): Uint8Array[] {
    return consistencyProof(from, to, this.node);
  }

  /** Perfect subtrees of [0, size), largest first. */
  frontierAt(size: number): Uint8Array[] {
    return frontierOf(size, this.node);
  }

  /** The root of the tree's first `size` leaves. */
  rootAt(size: number): Uint8Array {
    let root = this.#roots.get(size);
    if (root === undefined) {
      root = rootOf(this.frontierAt(size));
      this.#roots.set(size, root);
    }
    return root;
  }

  /** True if the committed log passes through this head. */
  holds(head: Head): boolean {
    return head.size <= this.#committed.size && equalBytes(this.rootAt(head.size), head.root);
  }

  /** The newest signed note that the store kept, if it is about this log. */
  storedHead(): SignedHead | undefined {
    const note = this.#store.note();
    return note === undefined ? undefined : this.checkpoints.open(note);
  }

  /** The hash of any complete subtree of the committed log. */
  readonly node = (level: number, index: number): Uint8Array => this.#tree.node(level, index);

  /** The right edge and the last block must say the same as the head: what a torn or foreign file would not. */
  #checkEdge(): void {
    const { size, root, lastBlock } = this.#committed;
    if (!equalBytes(rootOf(this.#frontier), root)) throw damaged("-dbpath", "its tiles do not give its root");
    if (lastBlock >= size) throw damaged("-dbpath", "its last block is not in it");
    for (const { first, count, entries } of this.pieces(lastBlock, size)) {
      const hashes = hashPackedLeaves(entries, count);
      for (let i = 0; i < count; i++) {
        const hash = hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);
        if (!equalBytes(hash, this.#tree.node(0, first + i))) {
          throw damaged("-dbpath", `entry ${first + i} is not what was committed`);
        }
      }
    }
  }
}

function missing(sequence: number): never {
  throw damaged("-dbpath", `entry ${sequence} is missing`);
}
