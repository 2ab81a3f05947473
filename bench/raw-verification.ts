/**
 * How fast npm's native `secp256k1` verifies on these cores, as many threads as there are: what a sequencer that
 * verifies with it can at best do. Verification with the known public key, its fastest way.
 */
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { keccak256 } from "../src/base/hash.ts";

interface Binding {
  publicKeyCreate(privateKey: Uint8Array, compressed: boolean): Uint8Array;
  ecdsaSign(digest: Uint8Array, privateKey: Uint8Array): { signature: Uint8Array };
  ecdsaVerify(signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean;
}

interface Count {
  readonly verified: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export interface RawVerification {
  /** Verifications a second, all cores together. */
  readonly rate: number;
  /** Verifications a second of processor time: not disturbed by what else runs here. */
  readonly ratePerCpuSecond: number;
}

const SIGNATURES = 256;

export async function rawVerification(seconds: number): Promise<RawVerification> {
  const counts = await Promise.all(
    Array.from(
      { length: availableParallelism() },
      () =>
        new Promise<Count>((resolve, reject) => {
          const worker = new Worker(new URL(import.meta.url), { workerData: seconds });
          worker.once("message", resolve).once("error", reject);
        }),
    ),
  );
  const sum = (of: (count: Count) => number): number => counts.reduce((total, count) => total + of(count), 0);
  return {
    rate: sum(({ verified, seconds: elapsed }) => verified / elapsed),
    ratePerCpuSecond: sum(({ verified }) => verified) / sum(({ cpuSeconds }) => cpuSeconds),
  };
}

function verifyFor(seconds: number): Count {
  const binding = createRequire(import.meta.url)("secp256k1/bindings.js") as Binding;
  const privateKey = keccak256(new Uint8Array(1));
  const publicKey = binding.publicKeyCreate(privateKey, false);
  const signed = Array.from({ length: SIGNATURES }, (_, i) => {
    const digest = keccak256(Uint8Array.of(i));
    return { digest, signature: binding.ecdsaSign(digest, privateKey).signature };
  });
  const cpuBefore = process.threadCpuUsage();
  const start = performance.now();
  let verified = 0;
  let elapsed = 0;
  while (elapsed < seconds) {
    for (const { digest, signature } of signed) {
      if (!binding.ecdsaVerify(signature, digest, publicKey)) throw new Error("a signature was refused");
    }
    verified += SIGNATURES;
    elapsed = (performance.now() - start) / 1_000;
  }
  const { user, system } = process.threadCpuUsage(cpuBefore);
  return { verified, seconds: elapsed, cpuSeconds: (user + system) / 1e6 };
}

if (!isMainThread) parentPort?.postMessage(verifyFor(workerData as number));
