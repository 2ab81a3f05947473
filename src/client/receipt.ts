/**
 * Receipts: the proof that an entry stands in a log under a head that the operator signed. SPEC section 5. A receipt
 * file verifies offline, in years, with nothing but the log's id.
 */
import { equalBytes, fromHex, type Hex, toBase64, toHex } from "../base/bytes.ts";
import { domainSeparator } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { ENTRY_BYTES_MAX, NOTE_BYTES_MAX, PROOF_HASHES_MAX } from "../base/limits.ts";
import { CheckpointVerifier, type SignedHead } from "../log/checkpoint.ts";
import { decodeEntry } from "../log/entry.ts";
import { decodeGenesis, type Genesis } from "../log/genesis.ts";
import { leafHash } from "../log/merkle.ts";
import { unpackProof, verifyInclusion } from "../log/proof.ts";

const FORMAT = "sequencer-receipt/1";

/** The file: JSON, bytes as 0x-hex. */
export interface ReceiptFile {
  readonly format: typeof FORMAT;
  /** The genesis entry: it names the keys, and its leaf hash is the log's id. */
  readonly genesis: Hex;
  readonly entry: Hex;
  /** Sequence number of the entry. */
  readonly index: number;
  /** Hashes of the inclusion proof, concatenated. */
  readonly proof: Hex;
  /** The signed note of the checkpoint. */
  readonly note: string;
}

/** What a verified receipt says. */
export interface VerifiedReceipt {
  readonly logId: Hex;
  readonly genesis: Genesis;
  readonly sequence: number;
  /** Unix milliseconds. */
  readonly timestamp: number;
  readonly payload: Hex;
  readonly head: SignedHead;
}

/**
 * Verifies a receipt, offline.
 * @param logId the log that it must be of: without it, a receipt proves only that some operator signed something
 * @throws SequencerError `verification` that says what does not hold
 */
export function verifyReceipt(receipt: unknown, logId: Hex): VerifiedReceipt {
  const { genesisEntry, entry, index, proof, note } = parseReceipt(receipt);
  const actualId = leafHash(genesisEntry);
  if (!equalBytes(actualId, fromHex(logId, HASH_BYTES))) {
    throw invalid(`it is of log ${toHex(actualId)}, not ${logId}`);
  }
  const genesis = decodeGenesis(decodeEntry(genesisEntry)?.payload ?? new Uint8Array(0));
  const context = { separator: domainSeparator(genesis), logId: actualId };
  const head = new CheckpointVerifier(genesis, context).open(note);
  if (head === undefined) throw invalid("its checkpoint does not carry both signatures of the operator");
  const decoded = decodeEntry(entry);
  if (decoded === undefined || !verifyInclusion(index, head.size, leafHash(entry), proof, head.root)) {
    throw invalid("its proof does not lead from the entry to the signed root");
  }
  const { timestamp, payload } = decoded;
  return { logId: toHex(actualId), genesis, sequence: index, timestamp, payload: toHex(payload), head };
}

/** The receipt as C2SP `.tlog-proof`, with the entry as `extra`. */
export function toTlogProof({ entry, index, proof, note }: ReceiptFile): string {
  const hashes = unpackProof(fromHex(proof)) ?? [];
  const lines = ["c2sp.org/tlog-proof@v1", `extra ${toBase64(fromHex(entry))}`, `index ${index}`];
  return `${[...lines, ...hashes.map(toBase64)].join("\n")}\n\n${note}`;
}

/** A receipt file from its parts. */
export function receiptFile(parts: Omit<ReceiptFile, "format">): ReceiptFile {
  return { format: FORMAT, ...parts };
}

function parseReceipt(receipt: unknown) {
  const { format, genesis, entry, index, proof, note } = (receipt ?? {}) as Record<string, unknown>;
  if (format !== FORMAT) throw invalid(`its format is not ${FORMAT}`);
  if (typeof note !== "string" || note.length > NOTE_BYTES_MAX) throw invalid("its note is not a text");
  if (typeof index !== "number" || !Number.isSafeInteger(index) || index < 0)
    throw invalid("its index is no number");
  const hashes = unpackProof(parseBytes(proof, "proof", PROOF_HASHES_MAX * HASH_BYTES));
  if (hashes === undefined) throw invalid("its proof is not made of 32-byte hashes");
  const genesisEntry = parseBytes(genesis, "genesis", ENTRY_BYTES_MAX);
  return { genesisEntry, entry: parseBytes(entry, "entry", ENTRY_BYTES_MAX), index, proof: hashes, note };
}

function parseBytes(value: unknown, name: string, bytesMax: number): Uint8Array {
  try {
    const bytes = fromHex(value);
    if (bytes.length <= bytesMax) return bytes;
  } catch {
    // Said below.
  }
  throw invalid(`its ${name} is not hexadecimal of at most ${bytesMax} bytes`);
}

function invalid(why: string): SequencerError {
  return new SequencerError("verification", `the receipt does not hold: ${why}`);
}
