/**
 * The sign guard, SPEC section 3: one small file per log that holds the last head allowed to be signed. It is what
 * makes an honest crash, a restored backup or a second process unable to sign two heads of one size.
 *
 * The file has two slots, written in turn and each sealed with its SHA-256: a torn write leaves the other slot, which
 * is older, and an older guard only ever forbids more. One fdatasync per advance, no rename: ten times faster here.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../base/assert.ts";
import { equalBytes, fromHex, fromUtf8, toHex, toHexDigits, utf8 } from "../base/bytes.ts";
import { SequencerError } from "../base/errors.ts";
import { lockFile } from "../base/file-lock.ts";
import { HASH_BYTES, sha256 } from "../base/hash.ts";
import { GUARD_PEER_BYTES_MAX, GUARD_PEERS_MAX } from "../base/limits.ts";
import { syncDirectory } from "../base/sync-directory.ts";
import type { Head } from "../log/checkpoint.ts";
import { EMPTY_ROOT } from "../log/merkle.ts";

const SLOT_BYTES = 8_192;
const SLOTS = 2;
const FORMAT = "sequencer-guard/1";
const SUFFIX = ".guard";

/** Which log a guard is for. */
export interface GuardedLog {
  readonly logId: Uint8Array;
  readonly operator: Uint8Array;
  readonly origin: string;
}

interface GuardState extends GuardedLog {
  readonly head: Head;
  /** Multiaddrs of peers that knew this log. */
  readonly peers: readonly string[];
  /** Counts the writes; the valid slot with the larger one is the guard. */
  readonly revision: number;
}

/** What the commit path asks of a guard. */
export interface Guard {
  readonly head: Head;
  readonly peers: readonly string[];
  /**
   * Durably allows `to` to be signed, if `from` is what was allowed last and `to` is larger.
   * @throws SequencerError `guard`; nothing may be signed any more then
   */
  advance(from: Head, to: Head): Promise<void>;
  setPeers(peers: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** A guard for a log that lives in memory and dies with its process. */
export class MemoryGuard implements Guard {
  head: Head = { size: 0, root: EMPTY_ROOT };
  peers: readonly string[] = [];

  async advance(from: Head, to: Head): Promise<void> {
    checkAdvance(this.head, from, to);
    this.head = to;
  }

  async setPeers(peers: readonly string[]): Promise<void> {
    this.peers = boundedPeers(peers);
  }

  async close(): Promise<void> {}
}

export class FileGuard implements Guard {
  readonly #file: FileHandle;
  readonly #unlock: () => void;
  #state: GuardState;
  /** Writes happen one after the other, each on the state that the one before left. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, unlock: () => void, state: GuardState) {
    this.#file = file;
    this.#unlock = unlock;
    this.#state = state;
  }

  /**
   * Opens and locks the guard of a log; undefined if it has none.
   * @throws SequencerError `locked`, or `guard` if the file is damaged
   */
  static async open(directory: string, logId: Uint8Array): Promise<FileGuard | undefined> {
    const path = guardPath(directory, logId);
    if (!existsSync(path)) return undefined;
    const unlock = lockFile(`${path}.lock`, "the sign guard");
    try {
      const state = readGuard(path);
      if (state === undefined || !equalBytes(state.logId, logId)) throw damagedGuard(path);
      return new FileGuard(await open(path, "r+"), unlock, state);
    } catch (error) {
      unlock();
      throw error;
    }
  }

  /** Makes the guard of a log that has none, allowing nothing beyond `head`. */
  static async create(directory: string, log: GuardedLog, head: Head): Promise<FileGuard> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = guardPath(directory, log.logId);
    assert(!existsSync(path), "a guard is made once");
    const slot = encodeSlot({ ...log, head, peers: [], revision: 0 });
    const temporary = `${path}.new`;
    const descriptor = openSync(temporary, "w", 0o600);
    for (let i = 0; i < SLOTS; i++) writeSync(descriptor, slot);
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(temporary, path);
    syncDirectory(directory);
    const guard = await FileGuard.open(directory, log.logId);
    assert(guard !== undefined, "the guard was just made");
    return guard;
  }

  get head(): Head {
    return this.#state.head;
  }

  get peers(): readonly string[] {
    return this.#state.peers;
  }

  async advance(from: Head, to: Head): Promise<void> {
    await this.#update((state) => {
      checkAdvance(state.head, from, to);
      return { ...state, head: to };
    });
  }

  async setPeers(peers: readonly string[]): Promise<void> {
    await this.#update((state) => ({ ...state, peers: boundedPeers(peers) }));
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#file.close();
    this.#unlock();
  }

  #update(change: (state: GuardState) => GuardState): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const next = { ...change(this.#state), revision: this.#state.revision + 1 };
      const slot = encodeSlot(next);
      // Into the page cache, in no time: only the disk is worth another thread, and its answer another turn.
      const bytesWritten = writeSync(
        this.#file.fd,
        slot,
        0,
        SLOT_BYTES,
        (next.revision % SLOTS) * SLOT_BYTES,
      );
      assert(bytesWritten === SLOT_BYTES, "a slot is written whole");
      await this.#file.datasync();
      this.#state = next;
    });
    return this.#writing;
  }
}

/** Logs of this operator, and of this origin if one is given, that already have a guard in the directory: their ids. */
export function guardedLogs(
  directory: string,
  operator: Uint8Array,
  origin: string | undefined,
): Uint8Array[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).filter((name) => name.endsWith(SUFFIX));
  const states = names.map((name) => readGuard(join(directory, name)));
  return states
    .filter((state) => state !== undefined)
    .filter((state) => equalBytes(state.operator, operator))
    .filter((state) => origin === undefined || state.origin === origin)
    .map((state) => state.logId);
}

function boundedPeers(peers: readonly string[]): string[] {
  return peers.filter((peer) => utf8(peer).length <= GUARD_PEER_BYTES_MAX).slice(0, GUARD_PEERS_MAX);
}

function guardPath(directory: string, logId: Uint8Array): string {
  return join(directory, `${toHexDigits(logId)}${SUFFIX}`);
}

function checkAdvance(current: Head, from: Head, to: Head): void {
  if (current.size === from.size && equalBytes(current.root, from.root) && to.size > from.size) return;
  throw new SequencerError("guard", `the sign guard stands at size ${current.size} and refuses ${to.size}`, {
    hint: "Another process may have signed for this log: stop every copy of it before starting one",
  });
}

function readGuard(path: string): GuardState | undefined {
  const bytes = readFileSync(path);
  let newest: GuardState | undefined;
  for (let i = 0; i < SLOTS; i++) {
    const state = decodeSlot(bytes.subarray(i * SLOT_BYTES, (i + 1) * SLOT_BYTES));
    if (state !== undefined && (newest === undefined || state.revision > newest.revision)) newest = state;
  }
  return newest;
}

/** JSON for people, its SHA-256, and spaces up to the slot's size. */
function encodeSlot({ head, logId, operator, origin, peers, revision }: GuardState): Uint8Array {
  const json = JSON.stringify({
    format: FORMAT,
    revision,
    logId: toHex(logId),
    operator: toHex(operator),
    origin,
    size: head.size,
    root: toHex(head.root),
    peers,
  });
  const bytes = utf8(`${json}\n${toHexDigits(sha256(utf8(json)))}\n`);
  assert(bytes.length <= SLOT_BYTES, "origin and peers are bounded");
  const slot = new Uint8Array(SLOT_BYTES).fill(0x20);
  slot.set(bytes);
  slot[SLOT_BYTES - 1] = 0x0a;
  return slot;
}

function decodeSlot(slot: Uint8Array): GuardState | undefined {
  const [json, checksum] = (fromUtf8(slot) ?? "").split("\n");
  if (json === undefined || checksum !== toHexDigits(sha256(utf8(json)))) return undefined;
  const { format, revision, logId, operator, origin, size, root, peers } = JSON.parse(json);
  if (format !== FORMAT) return undefined;
  const head = { size, root: fromHex(root, HASH_BYTES) };
  return { logId: fromHex(logId, HASH_BYTES), operator: fromHex(operator), origin, head, peers, revision };
}

function damagedGuard(path: string): SequencerError {
  return new SequencerError("guard", `the sign guard ${path} is damaged`, {
    hint: "Move it away and start with -recover-guard, which takes the newest head from a peer or from -trust-head",
  });
}
