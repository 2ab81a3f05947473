/**
 * The project's own worked examples, byte for byte: genesis, entries, ids, digests, signatures, notes and proofs.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { checkpointDigest, domainSeparator } from "../../src/base/eip712.ts";
import { recoverAddress, recoveredFrom } from "../../src/base/secp256k1.ts";
import { CheckpointVerifier, formatCheckpoint, verifierKeys } from "../../src/log/checkpoint.ts";
import { decodeEntry, encodeEntry } from "../../src/log/entry.ts";
import { decodeGenesis, encodeGenesis, type Genesis } from "../../src/log/genesis.ts";
import { leafHash } from "../../src/log/merkle.ts";
import { unpackProof, verifyInclusion } from "../../src/log/proof.ts";
import { CheckpointSigner, operatorIdentity } from "../../src/sequencing/checkpoint-signer.ts";
import { decodeOperation, encodeOperation, operationId } from "../../src/sequencing/transaction.ts";
import { newWriter, operator, signOperation, writer } from "../helpers/accounts.ts";
import { CountedTree } from "../helpers/trees.ts";
import { sequencerVectors as vectors } from "../helpers/vectors.ts";

const genesis: Genesis = {
  origin: vectors.origin,
  chainId: vectors.chainId,
  bond: fromHex(vectors.bond),
  ...operatorIdentity(operator.key),
  maxTransactionLifetimeMs: vectors.maxTransactionLifetimeMs,
  admins: [operator.address],
  writers: [writer.address],
};
const context = { separator: domainSeparator(genesis), logId: fromHex(vectors.logId) };
const entries = vectors.entries.map(({ entry }) => fromHex(entry));
const accounts = [operator, writer, newWriter];

suite("genesis", () => {
  test("keys give the addresses and the note key", () => {
    const { operator: address, noteKey } = operatorIdentity(operator.key);
    assert.equal(toHex(address), vectors.addresses.operator);
    assert.equal(toHex(noteKey), vectors.noteKey);
  });

  test("the payload is encoded byte for byte and decodes to the same genesis", () => {
    assert.equal(toHex(encodeGenesis(genesis)), vectors.entries[0]!.payload);
    assert.deepEqual(decodeGenesis(fromHex(vectors.entries[0]!.payload)), genesis);
  });

  test("its leaf hash is the log's id", () => {
    assert.equal(toHex(leafHash(entries[0]!)), vectors.logId);
  });

  test("both verifier keys are spelled as other tools expect them", () => {
    assert.deepEqual(verifierKeys(genesis), [vectors.vkey, vectors.vkeySecp256k1]);
  });

  test("the domain separator of chain 0 and no bond is the documented one", () => {
    const separator = domainSeparator({ chainId: 0, bond: new Uint8Array(20) });
    assert.equal(toHex(separator), vectors.zeroDomainSeparator);
  });
});

suite("entries", () => {
  for (const { sequence, timestamp, payload, entry, leafHash: leaf, id } of vectors.entries) {
    test(`entry ${sequence} is encoded, hashed and identified as documented`, () => {
      const bytes = encodeEntry({ timestamp, payload: fromHex(payload) });
      assert.equal(toHex(bytes), entry);
      assert.equal(toHex(leafHash(bytes)), leaf);
      const decoded = decodeEntry(fromHex(entry))!;
      assert.equal(decoded.timestamp, timestamp);
      assert.equal(toHex(decoded.payload), payload);
      if (id === undefined) return;

      const operation = decodeOperation(decoded.payload);
      assert.equal(toHex(encodeOperation(operation)), payload);
      assert.equal(toHex(operationId(context, operation)), id);
      assert.equal(toHex(recoverAddress(fromHex(id), operation.signature)!), toHex(operation.from));
      const account = accounts.find(({ address }) => toHex(address) === toHex(operation.from))!;
      const { signature: _, ...unsigned } = operation;
      assert.equal(toHex(encodeOperation(signOperation(context, unsigned, account))), payload);
    });
  }
});

suite("checkpoints", () => {
  const signer = new CheckpointSigner(genesis, context, operator.key);
  const verifier = new CheckpointVerifier(genesis, context);

  for (const { size, root, digest, ecdsa, note } of vectors.checkpoints) {
    test(`the checkpoint of size ${size} is signed byte for byte and opens`, () => {
      const head = { size, root: fromHex(root) };
      assert.equal(toHex(checkpointDigest(context, head)), digest);
      const signed = signer.sign(head);
      assert.equal(signed.note, note);
      assert.equal(toHex(signed.signature), ecdsa);
      assert.ok(note.startsWith(`${formatCheckpoint(vectors.origin, head)}\n`));
      assert.ok(recoveredFrom(fromHex(digest), fromHex(ecdsa), operator.address));

      const opened = verifier.open(note)!;
      assert.equal(opened.size, size);
      assert.equal(toHex(opened.root), root);
      assert.equal(toHex(opened.signature), ecdsa);
      assert.equal(opened.note, note);
    });
  }
});

suite("proofs", () => {
  const tree = new CountedTree();
  const growths = entries.map((entry) => tree.grow([leafHash(entry)]));

  test("the tree has the documented root at every size", () => {
    assert.deepEqual(
      growths.map(({ root }) => toHex(root)),
      vectors.checkpoints.map(({ root }) => root),
    );
  });

  for (const { index, size, proof } of vectors.proofs) {
    test(`the proof of entry ${index} in the tree of size ${size} verifies`, () => {
      const hashes = unpackProof(fromHex(proof))!;
      const root = fromHex(vectors.checkpoints[size - 1]!.root);
      assert.ok(verifyInclusion(index, size, leafHash(entries[index]!), hashes, root));
      const growth = growths.find((each) => each.size === size && each.first === index);
      if (growth !== undefined) assert.equal(toHex(growth.inclusionProof(index)), proof);
    });
  }
});
