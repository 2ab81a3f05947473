/**
 * Receipts as JSON, SPEC section 5. What the receipts of a block have in common becomes text once: the checkpoint, and
 * the hashes that their proofs share.
 */
import { toHex, toHexDigits } from "../base/bytes.ts";
import { LastTwo } from "../base/last-two.ts";
import type { AttestedHead } from "../log/checkpoint.ts";
import type { TreeGrowth } from "../log/growth.ts";
import type { Log } from "../log/log.ts";
import { ProofDigits } from "../log/proof-digits.ts";
import { type Appended, proofOf } from "../sequencing/outcome.ts";

export class ReceiptFormatter {
  readonly #log: Log;
  readonly #logId: string;
  readonly #checkpoints = new LastTwo<AttestedHead, string>(
    ({ size, root, signature }) =>
      `{"size":${size},"root":"${toHex(root)}","signature":"${toHex(signature)}"}`,
  );
  readonly #proofs = new LastTwo((growth: TreeGrowth) => new ProofDigits(growth));

  constructor(log: Log) {
    this.#log = log;
    this.#logId = toHex(log.logId);
  }

  format(appended: Appended, withProof: boolean): string {
    const { sequence, id, timestamp, head } = appended;
    const tail = withProof ? `,"proof":"0x${this.#proof(appended)}"` : "";
    const checkpoint = this.#checkpoints.of(head);
    return `{"logId":"${this.#logId}","sequence":${sequence},"id":"${toHex(id)}","timestamp":${timestamp},"checkpoint":${checkpoint}${tail}}`;
  }

  #proof(appended: Appended): string {
    const { growth, sequence } = appended;
    if (growth === undefined) return toHexDigits(proofOf(this.#log, appended));
    return this.#proofs.of(growth).of(sequence);
  }
}
