/** The shared vectors of evidence, as text and numbers of JSON. */
import { readFileSync } from "node:fs";
import type { Hex } from "../../src/base/bytes.ts";

export interface EvidenceVector {
  readonly name: string;
  readonly rejection: string | null;
  readonly evidence: {
    readonly kind: string;
    readonly chainId: number;
    readonly bond: Hex;
    readonly logId: Hex;
    readonly checkpoints: readonly [HeadJson, HeadJson];
    readonly index?: number;
    readonly leaves?: readonly [LeafJson, LeafJson];
    readonly seed?: Hex;
    readonly proof?: Hex;
  };
}

interface HeadJson {
  readonly size: number;
  readonly root: Hex;
  readonly signature: Hex;
}

interface LeafJson {
  readonly leafHash: Hex;
  readonly proof: Hex;
}

interface EvidenceVectors {
  readonly operatorKey: Hex;
  /** Whoever deploys first with this key deploys to the vectors' bond. */
  readonly deployerKey: Hex;
  readonly operator: Hex;
  readonly cases: readonly EvidenceVector[];
}

const path = new URL("../vectors/evidence-vectors.json", import.meta.url);
export const evidenceVectors: EvidenceVectors = JSON.parse(readFileSync(path, "utf8"));
