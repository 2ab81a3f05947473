/**
 * Genesis: what SPEC section 1 demands of it, field by field, on both sides of the encoding.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { compareBytes, concatBytes, toHex, utf8 } from "../../src/base/bytes.ts";
import { SequencerError } from "../../src/base/errors.ts";
import { ENTRY_BYTES_MAX } from "../../src/base/limits.ts";
import { rlpBytes, rlpInteger, rlpList } from "../../src/base/rlp.ts";
import { TIMESTAMP_BYTES } from "../../src/log/entry.ts";
import { decodeGenesis, encodeGenesis, type Genesis } from "../../src/log/genesis.ts";
import { bytesOf, hostile } from "../helpers/arbitraries.ts";

const malformed = { name: "SequencerError", code: "verification" };
const account = (byte: number): Uint8Array => new Uint8Array(20).fill(byte);
const valid: Genesis = {
  origin: "example.com/log",
  chainId: 1,
  bond: account(0),
  operator: account(1),
  noteKey: new Uint8Array(32).fill(2),
  maxTransactionLifetimeMs: 1_000,
  admins: [account(1), account(3)],
  writers: [account(2)],
};

const accounts = fc
  .uniqueArray(bytesOf(20), { minLength: 1, maxLength: 6, selector: toHex })
  .map((all) => all.filter((each) => each.some((byte) => byte !== 0)))
  .filter((all) => all.length > 0);
const genesis: fc.Arbitrary<Genesis> = fc
  .record(
    {
      origin: fc.stringMatching(/^[a-z0-9./äß日-]{1,40}$/),
      chainId: fc.maxSafeNat(),
      bond: bytesOf(20),
      operator: bytesOf(20).filter((bytes) => bytes.some((byte) => byte !== 0)),
      noteKey: bytesOf(32),
      maxTransactionLifetimeMs: fc.integer({ min: 1_000, max: 3_600_000 }),
      accounts,
      split: fc.nat(),
      predecessor: fc.option(
        fc.record(
          { logId: bytesOf(32), size: fc.maxSafeNat(), root: bytesOf(32) },
          { noNullPrototype: true },
        ),
        { nil: undefined },
      ),
    },
    { noNullPrototype: true },
  )
  .map(({ accounts: all, split, predecessor, ...fields }) => {
    const admins = all.slice(0, 1 + (split % all.length)).sort(compareBytes);
    const writers = all.slice(admins.length).sort(compareBytes);
    return { ...fields, admins, writers, ...(predecessor !== undefined && { predecessor }) };
  });

suite("round trip", () => {
  test("every genesis decodes to itself", () => {
    fc.assert(fc.property(genesis, (each) => assert.deepEqual(decodeGenesis(encodeGenesis(each)), each)));
  });

  test("whatever decodes re-encodes to the same bytes, everything else is a documented refusal", () => {
    fc.assert(
      fc.property(hostile(genesis.map(encodeGenesis)), (bytes) => {
        let decoded: Genesis;
        try {
          decoded = decodeGenesis(bytes);
        } catch (error) {
          assert.ok(error instanceof SequencerError, String(error));
          assert.ok(error.code === "verification" || error.code === "upgrade-required");
          return;
        }
        assert.equal(toHex(encodeGenesis(decoded)), toHex(bytes));
      }),
      { numRuns: 1_000 },
    );
  });
});

suite("rules", () => {
  const broken: Record<string, Partial<Genesis>> = {
    "an empty origin": { origin: "" },
    "an origin of 256 bytes": { origin: "ä".repeat(128) },
    "an origin with a space": { origin: "a b" },
    "an origin with a no-break space": { origin: "a\u00a0b" },
    "an origin with a control character": { origin: "a\u0001b" },
    "an origin with a next-line character": { origin: "a\u0085b" },
    "an origin with a newline": { origin: "a\nb" },
    "an origin with a plus": { origin: "a+b" },
    "a lifetime of 999 ms": { maxTransactionLifetimeMs: 999 },
    "a lifetime of more than an hour": { maxTransactionLifetimeMs: 3_600_001 },
    "the zero address as operator": { operator: account(0) },
    "no admin": { admins: [] },
    "the zero address as admin": { admins: [account(0)] },
    "the zero address as writer": { writers: [account(0)] },
    "admins out of order": { admins: [account(3), account(1)] },
    "an admin twice": { admins: [account(1), account(1)] },
    "writers out of order": { writers: [account(5), account(4)] },
    "an account that is admin and writer": { writers: [account(3)] },
  };
  for (const [what, change] of Object.entries(broken)) {
    test(`${what} is refused on both sides`, () => {
      assert.throws(() => encodeGenesis({ ...valid, ...change }), malformed);
      assert.throws(() => decodeGenesis(rawGenesis({ ...valid, ...change })), malformed);
    });
  }

  test("the limits themselves are allowed", () => {
    for (const change of [
      { origin: "ä".repeat(127) },
      { maxTransactionLifetimeMs: 3_600_000 },
      { chainId: Number.MAX_SAFE_INTEGER },
      { writers: [] },
    ]) {
      assert.equal(toHex(encodeGenesis({ ...valid, ...change })), toHex(rawGenesis({ ...valid, ...change })));
    }
  });

  test("more accounts than one entry holds are refused where genesis is made", () => {
    const many = (count: number): Uint8Array[] =>
      Array.from({ length: count }, (_, i) =>
        concatBytes(account(9).subarray(0, 16), Uint8Array.of(9, i >> 8, i & 255, 1)),
      );
    assert.ok(encodeGenesis({ ...valid, writers: many(3_000) }).length + TIMESTAMP_BYTES <= ENTRY_BYTES_MAX);
    assert.throws(() => encodeGenesis({ ...valid, writers: many(3_200) }), malformed);
  });
});

suite("encoding", () => {
  const items = rawItems(valid);
  const payload = (list: readonly Uint8Array[]): Uint8Array => concatBytes(utf8("G"), rlpList(list));

  test("a missing or surplus field is refused", () => {
    assert.deepEqual(decodeGenesis(payload(items)), valid);
    for (let i = 0; i < items.length; i++) {
      assert.throws(() => decodeGenesis(payload(items.toSpliced(i, 1))), malformed, `without field ${i}`);
    }
    assert.throws(() => decodeGenesis(payload([...items, rlpInteger(0)])), malformed);
    assert.throws(() => decodeGenesis(concatBytes(payload(items), Uint8Array.of(0))), malformed);
  });

  test("a predecessor is absent or has its three fields", () => {
    const hash = rlpBytes(new Uint8Array(32));
    const withPredecessor = (list: readonly Uint8Array[]): Uint8Array =>
      payload([...items.slice(0, -1), rlpList(list)]);
    assert.equal(decodeGenesis(withPredecessor([hash, rlpInteger(7), hash])).predecessor?.size, 7);
    for (const list of [
      [hash],
      [hash, rlpInteger(7)],
      [hash, rlpInteger(7), hash, hash],
      [hash, hash, hash],
    ]) {
      assert.throws(() => decodeGenesis(withPredecessor(list)), malformed);
    }
  });

  test("a field of the wrong length or with leading zeros is refused", () => {
    const wrong: [number, Uint8Array][] = [
      [0, Uint8Array.of(0)],
      [2, Uint8Array.of(0x82, 0, 1)],
      [2, rlpInteger(2n ** 53n)],
      [3, rlpBytes(account(1).subarray(1))],
      [4, rlpBytes(concatBytes(account(1), account(1)))],
      [5, rlpBytes(new Uint8Array(31))],
      [5, rlpBytes(new Uint8Array(33))],
      [6, Uint8Array.of(0x83, 0, 4, 0)],
      [7, rlpBytes(account(1))],
      [7, rlpList([rlpBytes(account(1).subarray(1))])],
      [1, rlpBytes(Uint8Array.of(0xff, 0xfe))],
      [0, rlpInteger(0)],
    ];
    for (const [i, item] of wrong) {
      assert.throws(
        () => decodeGenesis(payload(items.toSpliced(i, 1, item))),
        malformed,
        `field ${i} ${toHex(item)}`,
      );
    }
  });

  test("a later version asks for a newer release, whatever follows it", () => {
    const later = payload([rlpInteger(2), rlpBytes(utf8("anything"))]);
    assert.throws(() => decodeGenesis(later), { code: "upgrade-required", hint: /newer release/ });
  });

  test("another type of payload is no genesis", () => {
    assert.throws(() => decodeGenesis(new Uint8Array(0)), malformed);
    assert.throws(() => decodeGenesis(concatBytes(utf8("S"), rlpList(items))), malformed);
  });
});

/** The fields as SPEC lists them, without any check. */
function rawItems(fields: Genesis): Uint8Array[] {
  return [
    rlpInteger(1),
    rlpBytes(utf8(fields.origin)),
    rlpInteger(fields.chainId),
    rlpBytes(fields.bond),
    rlpBytes(fields.operator),
    rlpBytes(fields.noteKey),
    rlpInteger(fields.maxTransactionLifetimeMs),
    rlpList(fields.admins.map(rlpBytes)),
    rlpList(fields.writers.map(rlpBytes)),
    rlpList([]),
  ];
}

function rawGenesis(fields: Genesis): Uint8Array {
  return concatBytes(utf8("G"), rlpList(rawItems(fields)));
}
