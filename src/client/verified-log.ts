/**
 * A node's log, seen through verification: every head is signed by the operator of the one log that is trusted and
 * fits all heads seen before, every entry and receipt is proved under such a head.
 */
import { equalBytes, fromHex, type Hex, toHex } from "../base/bytes.ts";
import { checkpointDigest, type DigestContext, domainSeparator } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { HASH_BYTES } from "../base/hash.ts";
import { CLIENT_ATTEMPTS_MAX } from "../base/limits.ts";
import { recoveredFrom } from "../base/secp256k1.ts";
import { type AttestedHead, CheckpointVerifier, type SignedHead } from "../log/checkpoint.ts";
import { decodeEntry, encodeEntry, payloadTypeName } from "../log/entry.ts";
import { decodeGenesis, type Genesis } from "../log/genesis.ts";
import { TreeGrowth } from "../log/growth.ts";
import { leafHash } from "../log/merkle.ts";
import { packProof, verifyInclusion } from "../log/proof.ts";
import { decodeOperation, operationId } from "../sequencing/transaction.ts";
import { fieldsOf, parseProofAnswer, parseReceiptAnswer } from "./answers.ts";
import { frontierBefore } from "./entries.ts";
import { HeadTracker } from "./head-tracker.ts";
import { type ReceiptFile, receiptFile } from "./receipt.ts";
import { backOff, badAnswer, pause, type Transport } from "./transport.ts";

export interface TrustOptions {
  /** The log to trust. Without it, whatever the node serves first. */
  readonly logId?: Hex;
  /** The newest head verified earlier: what the node shows now must be consistent with it. */
  readonly knownHead?: AttestedHead;
  /** Told of every newer head, to remember it. */
  readonly onHead?: (head: AttestedHead) => void;
}

export class VerifiedLog {
  readonly logId: Uint8Array;
  readonly genesis: Genesis;
  readonly genesisEntry: Uint8Array;
  readonly context: DigestContext;
  readonly #transport: Transport;
  readonly #checkpoints: CheckpointVerifier;
  readonly #heads: HeadTracker;
  /** Signatures that were verified last: the receipts of one block share theirs. */
  #lastVerified: AttestedHead | undefined;

  private constructor(transport: Transport, genesisEntry: Uint8Array, { knownHead, onHead }: TrustOptions) {
    this.#transport = transport;
    this.genesisEntry = genesisEntry;
    this.genesis = decodeGenesis(decodeEntry(genesisEntry)?.payload ?? new Uint8Array(0));
    this.logId = leafHash(genesisEntry);
    this.context = { separator: domainSeparator(this.genesis), logId: this.logId };
    this.#checkpoints = new CheckpointVerifier(this.genesis, this.context);
    this.#heads = new HeadTracker(knownHead, (from, to) => this.consistencyProof(from, to), onHead);
  }

  /** @throws SequencerError `verification` if the node serves another log than the trusted one */
  static async open(transport: Transport, trust: TrustOptions): Promise<VerifiedLog> {
    const { timestamp, payload } = parseReceiptAnswer(await transport.call("sequencer_receipt", [0]));
    const log = new VerifiedLog(transport, encodeEntry({ timestamp, payload }), trust);
    if (trust.logId !== undefined && !equalBytes(log.logId, fromHex(trust.logId, HASH_BYTES))) {
      throw badAnswer(`it serves log ${toHex(log.logId)}, not ${trust.logId}`);
    }
    return log;
  }

  /** The newest head seen. */
  get newest(): AttestedHead | undefined {
    return this.#heads.newest;
  }

  /** The node's newest head, verified. */
  async head(): Promise<SignedHead> {
    const { checkpoint } = fieldsOf(await this.#transport.call("sequencer_info", []));
    return await this.openNote(typeof checkpoint === "string" ? checkpoint : "");
  }

  /** The head in a signed note. @throws SequencerError `verification`, or `equivocation` if it contradicts another */
  async openNote(note: string): Promise<SignedHead> {
    const head = this.#checkpoints.open(note);
    if (head === undefined) throw badAnswer("a checkpoint without both signatures of the operator");
    await this.#heads.accept(head);
    return head;
  }

  /** Accepts an entry that the node says stands at `sequence` under this head. */
  async checkIncluded(
    sequence: number,
    entry: Uint8Array,
    proof: readonly Uint8Array[],
    head: AttestedHead,
  ): Promise<void> {
    if (!verifyInclusion(sequence, head.size, leafHash(entry), proof, head.root)) {
      throw badAnswer(`entry ${sequence} is not included in the tree of size ${head.size}`);
    }
    if (!this.#isVerified(head)) {
      if (!recoveredFrom(checkpointDigest(this.context, head), head.signature, this.genesis.operator)) {
        throw badAnswer("a head that the operator did not sign");
      }
      await this.#heads.accept(head);
      this.#lastVerified = head;
    }
  }

  /** A verified receipt that holds without the node. */
  async receipt(sequenceOrId: number | Hex): Promise<ReceiptFile> {
    const answer = parseReceiptAnswer(await this.#transport.call("sequencer_receipt", [sequenceOrId]));
    const { sequence, timestamp, payload, note, proof } = answer;
    if (typeof sequenceOrId === "number" ? sequence !== sequenceOrId : !this.#hasId(payload, sequenceOrId))
      throw badAnswer("another entry's receipt");
    const entry = encodeEntry({ timestamp, payload });
    await this.checkIncluded(sequence, entry, proof, await this.openNote(note));
    return receiptFile({
      genesis: toHex(this.genesisEntry),
      entry: toHex(entry),
      index: sequence,
      proof: toHex(packProof(proof)),
      note,
    });
  }

  /** As the node gives it: the caller verifies it against two heads. A replica may first have to hear of the larger. */
  async consistencyProof(from: number, to: number): Promise<Uint8Array[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return parseProofAnswer(await this.#transport.call("sequencer_consistency", [from, to]));
      } catch (error) {
        const isBehind = error instanceof SequencerError && error.code === "not-found";
        if (!isBehind || attempt === CLIENT_ATTEMPTS_MAX) throw error;
        await pause(backOff(attempt));
      }
    }
  }

  /** The perfect subtrees of [0, size), verified under the node's head. */
  async frontier(size: number): Promise<readonly Uint8Array[]> {
    if (size === 0) return [];
    const last = parseReceiptAnswer(await this.#transport.call("sequencer_receipt", [size - 1]));
    const entry = encodeEntry(last);
    const head = await this.openNote(last.note);
    if (last.sequence !== size - 1) throw badAnswer("another entry's receipt");
    await this.checkIncluded(last.sequence, entry, last.proof, head);
    const before = frontierBefore(last.sequence, head.size, last.proof);
    return new TreeGrowth(last.sequence, before, leafHash(entry)).frontier;
  }

  /** True if this is the payload of the operation with this id. */
  #hasId(payload: Uint8Array, id: Hex): boolean {
    const type = payloadTypeName(payload);
    if (type !== "transaction" && type !== "permission") return false;
    return equalBytes(operationId(this.context, decodeOperation(payload)), fromHex(id));
  }

  #isVerified({ size, root, signature }: AttestedHead): boolean {
    const last = this.#lastVerified;
    return last?.size === size && equalBytes(last.root, root) && equalBytes(last.signature, signature);
  }
}
