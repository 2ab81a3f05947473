/**
 * Receipts as JSON, SPEC section 5. What the receipts of a block have in common becomes text once: the checkpoint, and
 * the hashes that their proofs share.
 */
import { toHex, toHexDigits } from "../base/bytes.ts";
import type { AttestedHead } from "../log/checkpoint.ts";
import type { TreeGrowth } from "../log/growth.ts";
import type { Log } from "../log/log.ts";
import { ProofDigits } from "../log/proof-digits.ts";
import { type Appended, proofOf } from "../sequencing/outcome.ts";

export class ReceiptFormatter {
  readonly #log: Log;
  readonly #logId: string;
  /** By what they are made of, for as long as that lives. */
  readonly #checkpoints = new WeakMap<AttestedHead, string>();
  readonly #proofs = new WeakMap<TreeGrowth, ProofDigits>();

  constructor(log: Log) {
    this.#log = log;
    this.#logId = toHex(log.logId);
  }

  format(appended: Appended, withProof: boolean): string {
    const { sequence, id, timestamp, head } = appended;
    const tail = withProof ? `,"proof":"0x${this.#proof(appended)}"` : "";
    return `{"logId":"${this.#logId}","sequence":${sequence},"id":"${toHex(id)}","timestamp":${timestamp},"checkpoint":${this.#checkpoint(head)}${tail}}`;
  }

  #checkpoint(head: AttestedHead): string {
    let json = this.#checkpoints.get(head);
    if (json === undefined) {
      json = `{"size":${head.size},"root":"${toHex(head.root)}","signature":"${toHex(head.signature)}"}`;
      this.#checkpoints.set(head, json);
    }
    return json;
  }

  #proof(appended: Appended): string {
    const { growth, sequence } = appended;
    if (growth === undefined) return toHexDigits(proofOf(this.#log, appended));
    let digits = this.#proofs.get(growth);
    if (digits === undefined) {
      digits = new ProofDigits(growth);
      this.#proofs.set(growth, digits);
    }
    return digits.of(sequence);
  }
}
