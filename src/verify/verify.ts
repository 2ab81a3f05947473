/**
 * Verifies batches of secp256k1 signatures by accounts that sign often, several times faster than one by one:
 * an account whose signatures the reference has accepted gets a table of its key, and signatures of accounts
 * with tables are verified together by the fast path. What is valid is SPEC section 1, nothing else.
 *
 * The fast path only ever accepts. Whatever it does not accept, a sample of what it does, and accounts without
 * a table are decided by the reference; if the two disagree the fast path is switched off for good.
 */
import { BatchVerifier } from "./batch-verifier.ts";
import type { Verifier, VerifierOptions } from "./contract.ts";
import { loadReference } from "./reference.ts";
import { passesSelfTest } from "./self-test.ts";
import { chooseEngine } from "./variants.ts";

export type {
  SignatureBatch,
  Variant,
  Verifier,
  VerifierMetrics,
  VerifierOptions,
} from "./contract.ts";

/** A verifier with the best variant that this machine passes; about 30 ms. */
export function createVerifier(options: VerifierOptions = {}): Verifier {
  const log = options.log ?? ((message: string) => console.warn(message));
  const reference = options.reference ?? loadReference();
  if (reference.name === "javascript") {
    log("verify: the native secp256k1 binding cannot be loaded; the reference is @noble/curves, far slower");
  }
  const engine = chooseEngine(options.variant ?? "auto", options.selfTest ?? passesSelfTest, log);
  return new BatchVerifier(reference, engine, log, options);
}
