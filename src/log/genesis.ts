/**
 * The genesis entry: sequence number 0 of every log, SPEC section 1. Its leaf hash is the log's identity.
 */
import { compareBytes, fromUtf8, isZero, utf8 } from "../base/bytes.ts";
import { ADDRESS_BYTES, type SigningDomain } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { ENTRY_BYTES_MAX, LIFETIME_MS_MAX, LIFETIME_MS_MIN, ORIGIN_BYTES_MAX } from "../base/limits.ts";
import { RlpError, RlpReader, rlpBytes, rlpInteger, rlpList } from "../base/rlp.ts";
import { PAYLOAD_TYPES, TIMESTAMP_BYTES } from "./entry.ts";
import { isKeyName } from "./note.ts";

const GENESIS_VERSION = 1;

/** The log that this one continues. */
export interface Predecessor {
  readonly logId: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
}

export interface Genesis extends SigningDomain {
  readonly origin: string;
  /** 20 bytes: the key that signs checkpoints. */
  readonly operator: Uint8Array;
  /** 32 bytes: the Ed25519 public key that signs notes. */
  readonly noteKey: Uint8Array;
  readonly maxTransactionLifetimeMs: number;
  /** Strictly ascending, at least one, none of them a writer too. */
  readonly admins: readonly Uint8Array[];
  readonly writers: readonly Uint8Array[];
  readonly predecessor?: Predecessor;
}

export function encodeGenesis(genesis: Genesis): Uint8Array {
  checkGenesis(genesis);
  const { predecessor } = genesis;
  const list = rlpList([
    rlpInteger(GENESIS_VERSION),
    rlpBytes(utf8(genesis.origin)),
    rlpInteger(genesis.chainId),
    rlpBytes(genesis.bond),
    rlpBytes(genesis.operator),
    rlpBytes(genesis.noteKey),
    rlpInteger(genesis.maxTransactionLifetimeMs),
    rlpList(genesis.admins.map(rlpBytes)),
    rlpList(genesis.writers.map(rlpBytes)),
    predecessor === undefined
      ? rlpList([])
      : rlpList([rlpBytes(predecessor.logId), rlpInteger(predecessor.size), rlpBytes(predecessor.root)]),
  ]);
  const payload = new Uint8Array(1 + list.length);
  payload[0] = PAYLOAD_TYPES.genesis;
  payload.set(list, 1);
  if (payload.length + TIMESTAMP_BYTES > ENTRY_BYTES_MAX) throw malformed("it names more accounts than fit");
  return payload;
}

/**
 * @throws SequencerError `upgrade-required` for a later version of genesis, `verification` for anything malformed.
 */
export function decodeGenesis(payload: Uint8Array): Genesis {
  if (payload[0] !== PAYLOAD_TYPES.genesis) throw malformed("it is not of type 0x47");
  try {
    return readGenesis(payload);
  } catch (error) {
    if (error instanceof RlpError) throw malformed(error.message);
    throw error;
  }
}

function readGenesis(payload: Uint8Array): Genesis {
  const list = RlpReader.list(payload, 1);
  const version = list.number();
  if (version > GENESIS_VERSION) {
    throw new SequencerError("upgrade-required", `this log has a genesis of version ${version}`, {
      hint: "Install a newer release of the sequencer",
    });
  }
  if (version !== GENESIS_VERSION) throw malformed("version 0 does not exist");
  const origin = fromUtf8(list.bytes());
  const fields = {
    chainId: list.number(),
    bond: list.bytes(ADDRESS_BYTES),
    operator: list.bytes(ADDRESS_BYTES),
    noteKey: list.bytes(HASH_BYTES),
    maxTransactionLifetimeMs: list.number(),
    admins: readAccounts(list.list()),
    writers: readAccounts(list.list()),
  };
  const predecessor = readPredecessor(list.list());
  list.end();
  if (origin === undefined) throw malformed("the origin is not UTF-8");
  const genesis = { origin, ...fields, ...(predecessor !== undefined && { predecessor }) };
  checkGenesis(genesis);
  return genesis;
}

function readAccounts(list: RlpReader): Uint8Array[] {
  const accounts: Uint8Array[] = [];
  while (!list.done) accounts.push(list.bytes(ADDRESS_BYTES));
  return accounts;
}

function readPredecessor(list: RlpReader): Predecessor | undefined {
  if (list.done) return undefined;
  const predecessor = { logId: list.bytes(HASH_BYTES), size: list.number(), root: list.bytes(HASH_BYTES) };
  list.end();
  return predecessor;
}

/** What SPEC demands of a genesis beyond its encoding. */
function checkGenesis(genesis: Genesis): void {
  const { origin, admins, writers, maxTransactionLifetimeMs: lifetime } = genesis;
  const originBytes = utf8(origin).length;
  if (originBytes < 1 || originBytes > ORIGIN_BYTES_MAX || !isKeyName(origin)) {
    throw malformed("the origin is not 1 to 255 bytes without spaces, control characters and '+'");
  }
  if (lifetime < LIFETIME_MS_MIN || lifetime > LIFETIME_MS_MAX) {
    throw malformed(`the lifetime is not between ${LIFETIME_MS_MIN} and ${LIFETIME_MS_MAX} ms`);
  }
  if (isZero(genesis.operator)) throw malformed("the operator is the zero address");
  if (admins.length === 0) throw malformed("there is no admin");
  for (const accounts of [admins, writers]) {
    if (accounts.some(isZero)) throw malformed("an account is the zero address");
    if (accounts.some((account, i) => i > 0 && compareBytes(accounts[i - 1]!, account) >= 0)) {
      throw malformed("accounts are not in strictly ascending order");
    }
  }
  const both = new Set(admins.map(String));
  if (writers.some((writer) => both.has(String(writer)))) throw malformed("an account is admin and writer");
}

function malformed(why: string): SequencerError {
  return new SequencerError("verification", `not a valid genesis entry: ${why}`);
}
