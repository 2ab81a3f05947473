/**
 * Microseconds per signature and nanoseconds per hash, beside the libraries that do the same one by one.
 * Everything is timed in turns within one run, in processor time, and ratios are medians of the turns'
 * ratios: on a shared machine single numbers drift, ratios much less.
 */
import { hash, randomBytes, randomInt } from "node:crypto";
import { createRequire } from "node:module";
import { secp256k1 as noble } from "@noble/curves/secp256k1.js";
import { createKeccak } from "hash-wasm";
import { transactionDigest } from "../src/base/eip712.ts";
import { transactionDigests } from "../src/verify/digests.ts";
import { keccak256Batch, sha256Batch } from "../src/verify/hash.ts";
import { addressOf } from "../src/verify/reference.ts";
import { createVerifier, type SignatureBatch, type Verifier } from "../src/verify/verify.ts";
import { runAsNode } from "./v8-flags.ts";

interface Native {
  publicKeyCreate(secret: Uint8Array, compressed: boolean): Uint8Array;
  ecdsaSign(digest: Uint8Array, secret: Uint8Array): { signature: Uint8Array; recid: number };
  ecdsaVerify(signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean;
}

const native = createRequire(import.meta.url)("secp256k1/bindings.js") as Native;

const BATCHES = [1, 8, 64, 256, 1_024];
const KEYS = [1, 32, 1_000];
const VARIANTS = ["fma", "simd"] as const;
const SIGNATURES = 2_048;
const TURNS = 20;
/**
 * Signatures of one turn, ours and theirs: enough that each side works with its own caches for most of it, as
 * a node does that has batches to verify one after the other.
 */
const PER_TURN = 512;
const THEIRS_PER_TURN = 96;
const NOBLE_SIGNATURES = 40;
const MESSAGES = 512;
/**
 * Batches of one turn of hashing: enough that nearly all garbage is collected in the turn that made it. Of short turns
 * some have no collection, which the median then leaves out, and others collect what the other side left.
 */
const HASH_BATCHES_PER_TURN = 128;
const DIGESTS = [1, 10, 100, 256];
const DIGESTS_PER_TURN = 1_024;

export interface Comparison {
  readonly what: string;
  /** Medians; microseconds per signature or nanoseconds per hash. */
  readonly ours: number;
  readonly theirs: number;
  /** Median of the turns' ratios, theirs / ours. */
  readonly ratio: number;
}

/** Prints and returns all comparisons. */
export async function benchVerify(): Promise<Comparison[]> {
  runAsNode();
  const comparisons: Comparison[] = [];
  for (const keys of KEYS) {
    const signed = signAll(keys);
    console.log(
      `\n${keys} ${keys === 1 ? "key" : "keys"}: noble ${timeNoble(signed).toFixed(0)} us per signature`,
    );
    for (const variant of VARIANTS) {
      const verifier = warmVerifier(variant, signed);
      for (const batch of BATCHES) {
        comparisons.push(
          print("us", "secp256k1", compareBatch(verifier, signed, batch, `${variant}, batch of ${batch}`)),
        );
      }
    }
  }
  console.log("\nhashes, in batches of 512");
  for (const comparison of await compareHashes()) comparisons.push(comparison);
  console.log("\nEIP-712 digests of transactions with 300 bytes of data");
  for (const count of DIGESTS) comparisons.push(print("ns", "one by one", compareDigests(count)));
  return comparisons;
}

function print(unit: string, rival: string, comparison: Comparison): Comparison {
  const { what, ours, theirs, ratio } = comparison;
  const columns = [
    `${ours.toFixed(2)} ${unit}`,
    `${rival} ${theirs.toFixed(2)} ${unit}`,
    `${ratio.toFixed(1)} times`,
  ];
  console.log(`  ${what.padEnd(36)}${columns.map((column) => column.padStart(26)).join("")}`);
  return comparison;
}

interface Signed extends SignatureBatch {
  /** Uncompressed, one per signature: what costs npm's secp256k1 least. */
  readonly publicKeys: readonly Uint8Array[];
}

function signAll(keys: number): Signed {
  const secrets = Array.from({ length: keys }, () => randomBytes(32));
  const publicKeys = secrets.map((secret) => native.publicKeyCreate(secret, false));
  const addresses = publicKeys.map((publicKey) => addressOf(publicKey.subarray(1)));
  const signed = {
    count: SIGNATURES,
    digests: randomBytes(32 * SIGNATURES),
    signatures: new Uint8Array(65 * SIGNATURES),
    addresses: new Uint8Array(20 * SIGNATURES),
    publicKeys: [] as Uint8Array[],
  };
  for (let i = 0; i < SIGNATURES; i++) {
    const key = randomInt(keys);
    const { signature, recid } = native.ecdsaSign(
      signed.digests.subarray(32 * i, 32 * i + 32),
      secrets[key]!,
    );
    signed.signatures.set(signature, 65 * i);
    signed.signatures[65 * i + 64] = recid;
    signed.addresses.set(addresses[key]!, 20 * i);
    signed.publicKeys.push(publicKeys[key]!);
  }
  return signed;
}

function slice({ digests, signatures, addresses }: Signed, first: number, count: number): SignatureBatch {
  return {
    count,
    digests: digests.subarray(32 * first, 32 * (first + count)),
    signatures: signatures.subarray(65 * first, 65 * (first + count)),
    addresses: addresses.subarray(20 * first, 20 * (first + count)),
  };
}

function warmVerifier(variant: "fma" | "simd", signed: Signed): Verifier {
  const verifier = createVerifier({ variant });
  if (verifier.variant !== variant) throw new Error(`variant ${variant} does not run here`);
  for (const publicKey of new Set(signed.publicKeys)) verifier.addKey(publicKey);
  for (let i = 0; i < 3; i++) {
    if (verifier.verify(slice(signed, 0, SIGNATURES)).includes(0))
      throw new Error("a valid signature was refused");
  }
  return verifier;
}

function compareBatch(verifier: Verifier, signed: Signed, batch: number, what: string): Comparison {
  const calls = Math.max(1, Math.floor(PER_TURN / batch));
  let first = 0;
  const next = (count: number) => {
    const at = first + count <= SIGNATURES ? first : 0;
    first = at + count;
    return at;
  };
  return compare(
    what,
    () =>
      timeEach(calls * batch, () => {
        for (let i = 0; i < calls; i++) verifier.verify(slice(signed, next(batch), batch));
      }) / 1e3,
    () =>
      timeEach(THEIRS_PER_TURN, () => {
        const at = next(THEIRS_PER_TURN);
        for (let i = at; i < at + THEIRS_PER_TURN; i++) {
          const digest = signed.digests.subarray(32 * i, 32 * i + 32);
          native.ecdsaVerify(signed.signatures.subarray(65 * i, 65 * i + 64), digest, signed.publicKeys[i]!);
        }
      }) / 1e3,
  );
}

function timeNoble(signed: Signed): number {
  const verify = () => {
    for (let i = 0; i < NOBLE_SIGNATURES; i++) {
      const digest = signed.digests.subarray(32 * i, 32 * i + 32);
      noble.verify(signed.signatures.subarray(65 * i, 65 * i + 64), digest, signed.publicKeys[i]!, {
        prehash: false,
      });
    }
  };
  verify();
  return timeEach(NOBLE_SIGNATURES, verify) / 1e3;
}

async function compareHashes(): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  const keccak = await createKeccak(256);
  for (const length of [65, 300]) {
    const data = randomBytes(length * MESSAGES);
    const offsets = Uint32Array.from({ length: MESSAGES + 1 }, (_, i) => i * length);
    const messages = Array.from({ length: MESSAGES }, (_, i) => data.subarray(offsets[i], offsets[i + 1]));
    const turn = (hashBatch: () => void) => () =>
      timeEach(HASH_BATCHES_PER_TURN * MESSAGES, () => {
        for (let i = 0; i < HASH_BATCHES_PER_TURN; i++) hashBatch();
      });
    const each = (hashOne: (message: Uint8Array) => unknown) =>
      turn(() => {
        for (const message of messages) hashOne(message);
      });
    const sha256 = turn(() => sha256Batch(data, offsets));
    const keccak256 = turn(() => keccak256Batch(data, offsets));
    const against = (what: string, rival: string, ours: () => number, theirs: () => number) =>
      comparisons.push(print("ns", rival, compare(`${what}, ${length} bytes`, ours, theirs)));
    against(
      "SHA-256",
      "crypto.hash, bytes",
      sha256,
      each((message) => hash("sha256", message, "buffer")),
    );
    against(
      "SHA-256",
      "crypto.hash, hex",
      sha256,
      each((message) => hash("sha256", message)),
    );
    against(
      "keccak-256",
      "hash-wasm",
      keccak256,
      each((message) => keccak.init().update(message).digest("binary")),
    );
  }
  return comparisons;
}

function compareDigests(count: number): Comparison {
  const context = { separator: randomBytes(32), logId: randomBytes(32) };
  const batches = Array.from({ length: Math.ceil(DIGESTS_PER_TURN / count) }, () =>
    Array.from({ length: count }, () => ({
      from: randomBytes(20),
      nonce: randomBytes(8).readBigUInt64BE(),
      expires: Date.now(),
      data: randomBytes(300),
    })),
  );
  const each = (work: (batch: (typeof batches)[number]) => void) => () =>
    timeEach(count * batches.length, () => batches.forEach(work));
  return compare(
    `${count} at a time`,
    each((batch) => transactionDigests(context, batch)),
    each((batch) => {
      for (const transaction of batch) transactionDigest(context, transaction);
    }),
  );
}

function compare(what: string, ours: () => number, theirs: () => number): Comparison {
  const turns = Array.from({ length: TURNS + 3 }, () => ({ ours: ours(), theirs: theirs() })).slice(3);
  return {
    what,
    ours: median(turns.map((turn) => turn.ours)),
    theirs: median(turns.map((turn) => turn.theirs)),
    ratio: median(turns.map((turn) => turn.theirs / turn.ours)),
  };
}

/** Nanoseconds of processor time per item: what other processes do meanwhile is not counted. */
function timeEach(items: number, work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * 1_000) / items;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
