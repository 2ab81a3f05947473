/**
 * The worked examples in `test/vectors`: everything that other implementations must reproduce byte for byte.
 */
import { readFileSync } from "node:fs";
import type { Hex } from "../../src/base/bytes.ts";

export interface SequencerVectors {
  readonly keys: { readonly operator: Hex; readonly writer: Hex; readonly newWriter: Hex };
  readonly addresses: { readonly operator: Hex; readonly writer: Hex; readonly newWriter: Hex };
  readonly noteKey: Hex;
  readonly vkey: string;
  readonly vkeySecp256k1: string;
  readonly origin: string;
  readonly chainId: number;
  readonly bond: Hex;
  readonly maxTransactionLifetimeMs: number;
  readonly logId: Hex;
  readonly zeroDomainSeparator: Hex;
  readonly proofs: readonly { readonly index: number; readonly size: number; readonly proof: Hex }[];
  readonly entries: readonly {
    readonly sequence: number;
    readonly timestamp: number;
    readonly payload: Hex;
    readonly entry: Hex;
    readonly leafHash: Hex;
    readonly id?: Hex;
  }[];
  readonly checkpoints: readonly {
    readonly size: number;
    readonly root: Hex;
    readonly digest: Hex;
    readonly ecdsa: Hex;
    readonly note: string;
  }[];
}

export interface TlogVectors {
  readonly leaves_hex: readonly string[];
  readonly leaf_hashes: readonly string[];
  readonly roots_by_size: readonly string[];
  readonly inclusion: readonly {
    readonly index: number;
    readonly size: number;
    readonly proof: readonly string[];
  }[];
  readonly consistency: readonly {
    readonly size1: number;
    readonly size2: number;
    readonly proof: readonly string[];
  }[];
  readonly decimal_leaves_roots: Readonly<Record<string, string>>;
  readonly notes: readonly {
    readonly vkey?: string;
    readonly skey?: string;
    readonly cosigner_vkey?: string;
    readonly note: string;
  }[];
}

export const sequencerVectors = readVectors<SequencerVectors>("sequencer-vectors.json");
export const tlogVectors = readVectors<TlogVectors>("tlog-vectors.json");

function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8")) as T;
}
