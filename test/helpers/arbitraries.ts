/**
 * Random values for properties: the project's own types, and hostile bytes close to valid ones.
 */
import fc from "fast-check";
import type { SignedOperation } from "../../src/sequencing/transaction.ts";

/** Exactly `length` random bytes. */
export function bytesOf(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length });
}

/** Addresses of few accounts, so that random operations meet each other. */
export const address = fc.integer({ min: 1, max: 5 }).map((byte) => new Uint8Array(20).fill(byte));

export const nonce = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

const signed = {
  from: bytesOf(20),
  nonce,
  expires: fc.maxSafeNat(),
  signature: fc.tuple(bytesOf(64), fc.nat(255)).map(([rs, v]) => Uint8Array.from([...rs, v])),
};

/** Operations of any content, most of them signed by nobody. */
export const operation: fc.Arbitrary<SignedOperation> = fc.oneof(
  fc.record(
    { type: fc.constant("transaction" as const), ...signed, data: fc.uint8Array({ maxLength: 300 }) },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      type: fc.constant("permission" as const),
      ...signed,
      account: bytesOf(20),
      role: fc.constantFrom("none" as const, "writer" as const, "admin" as const),
    },
    { noNullPrototype: true },
  ),
);

/** The bytes with a few of them changed, removed, doubled or added. */
export function mutated(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({ at: fc.nat(), kind: fc.nat(3), value: fc.nat(255) });
  return fc.tuple(bytes, fc.array(edit, { minLength: 1, maxLength: 4 })).map(([original, edits]) => {
    let result = [...original];
    for (const { at, kind, value } of edits) {
      const i = at % (result.length + 1);
      if (kind === 0 && i < result.length) result[i] = value;
      else if (kind === 1) result = result.toSpliced(i, 1);
      else if (kind === 2) result = result.toSpliced(i, 0, value);
      else result = result.slice(0, i);
    }
    return Uint8Array.from(result);
  });
}

/** Random bytes, and mutations of valid ones. */
export function hostile(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated(valid));
}
