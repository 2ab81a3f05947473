/**
 * EIP-712 against viem's general encoder: the same digests, and signatures of viem's accounts recover.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { hashTypedData, type TypedDataDomain } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { checkpointDigest, domainSeparator, type SigningDomain } from "../../src/base/eip712.ts";
import { recoverAddress } from "../../src/base/secp256k1.ts";
import { ROLES } from "../../src/permission/policy.ts";
import { type Operation, operationId } from "../../src/sequencing/transaction.ts";
import { bytesOf, operation } from "../helpers/arbitraries.ts";

const types = {
  Transaction: [
    { name: "logId", type: "bytes32" },
    { name: "from", type: "address" },
    { name: "nonce", type: "uint64" },
    { name: "expires", type: "uint64" },
    { name: "data", type: "bytes" },
  ],
  PermissionChange: [
    { name: "logId", type: "bytes32" },
    { name: "from", type: "address" },
    { name: "nonce", type: "uint64" },
    { name: "expires", type: "uint64" },
    { name: "account", type: "address" },
    { name: "role", type: "uint8" },
  ],
  Checkpoint: [
    { name: "logId", type: "bytes32" },
    { name: "size", type: "uint64" },
    { name: "root", type: "bytes32" },
  ],
} as const;

const domainOf = ({ chainId, bond }: SigningDomain): TypedDataDomain => ({
  name: "Sequencer",
  version: "1",
  chainId,
  verifyingContract: toHex(bond),
});

/** The same operation as viem takes it. */
function typedData(domain: SigningDomain, logId: Uint8Array, signed: Operation) {
  const message = {
    logId: toHex(logId),
    from: toHex(signed.from),
    nonce: signed.nonce,
    expires: BigInt(signed.expires),
  };
  return signed.type === "transaction"
    ? ({
        domain: domainOf(domain),
        types,
        primaryType: "Transaction",
        message: { ...message, data: toHex(signed.data) },
      } as const)
    : ({
        domain: domainOf(domain),
        types,
        primaryType: "PermissionChange",
        message: { ...message, account: toHex(signed.account), role: ROLES[signed.role] },
      } as const);
}

const domain = fc.record({ chainId: fc.maxSafeNat(), bond: bytesOf(20) });

suite("digests", () => {
  test("operations hash as viem hashes them", () => {
    fc.assert(
      fc.property(domain, bytesOf(32), operation, (signingDomain, logId, signed) => {
        const context = { separator: domainSeparator(signingDomain), logId };
        assert.equal(
          toHex(operationId(context, signed)),
          hashTypedData(typedData(signingDomain, logId, signed)),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("checkpoints hash as viem hashes them", () => {
    fc.assert(
      fc.property(domain, bytesOf(32), fc.maxSafeNat(), bytesOf(32), (signingDomain, logId, size, root) => {
        const message = { logId: toHex(logId), size: BigInt(size), root: toHex(root) };
        const expected = hashTypedData({
          domain: domainOf(signingDomain),
          types,
          primaryType: "Checkpoint",
          message,
        });
        const context = { separator: domainSeparator(signingDomain), logId };
        assert.equal(toHex(checkpointDigest(context, { size, root })), expected);
      }),
      { numRuns: 40 },
    );
  });
});

test("a signature by viem's account recovers to its address", async () => {
  const account = privateKeyToAccount(`0x${"11".repeat(32)}`);
  await fc.assert(
    fc.asyncProperty(domain, bytesOf(32), operation, async (signingDomain, logId, random) => {
      const signed = { ...random, from: fromHex(account.address) };
      const data = typedData(signingDomain, logId, signed);
      const signature = fromHex(
        data.primaryType === "Transaction"
          ? await account.signTypedData(data)
          : await account.signTypedData(data),
      );
      signature[64]! -= 27;
      const id = operationId({ separator: domainSeparator(signingDomain), logId }, signed);
      assert.equal(toHex(recoverAddress(id, signature)!), account.address.toLowerCase());
    }),
    { numRuns: 15 },
  );
});
