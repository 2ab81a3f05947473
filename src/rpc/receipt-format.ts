/**
 * Receipts as JSON, SPEC section 5, written where they are sent from. What the receipts of a block have in common becomes
 * text once: the checkpoint, and the hashes that their proofs share.
 */
import { toHex } from "../base/bytes.ts";
import { LastTwo } from "../base/last-two.ts";
import type { AttestedHead } from "../log/checkpoint.ts";
import type { TreeGrowth } from "../log/growth.ts";
import type { Log } from "../log/log.ts";
import { ProofDigits } from "../log/proof-digits.ts";
import { type Appended, proofOf } from "../sequencing/outcome.ts";
import type { AnswerText } from "./answer-text.ts";

export class ReceiptFormatter {
  readonly #log: Log;
  readonly #begin: string;
  readonly #checkpoints = new LastTwo<AttestedHead, string>(
    ({ size, root, signature }) =>
      `,"checkpoint":{"size":${size},"root":"${toHex(root)}","signature":"${toHex(signature)}"}`,
  );
  readonly #proofs = new LastTwo((growth: TreeGrowth) => new ProofDigits(growth));

  constructor(log: Log) {
    this.#log = log;
    this.#begin = `{"logId":"${toHex(log.logId)}","sequence":`;
  }

  write(appended: Appended, withProof: boolean, text: AnswerText): void {
    const { sequence, id, timestamp, head } = appended;
    text.write(this.#begin);
    text.write(`${sequence}`);
    text.write(`,"id":"0x`);
    text.writeHex(id);
    text.write(`","timestamp":${timestamp}`);
    text.write(this.#checkpoints.of(head));
    if (withProof) {
      text.write(`,"proof":"0x`);
      this.#writeProof(appended, text);
      text.write(`"`);
    }
    text.write("}");
  }

  #writeProof(appended: Appended, text: AnswerText): void {
    const { growth, sequence } = appended;
    if (growth === undefined) {
      text.writeHex(proofOf(this.#log, appended));
      return;
    }
    const proofs = this.#proofs.of(growth);
    text.writeWith(proofs.lengthMax, (buffer, at) => proofs.write(sequence, buffer, at));
  }
}
