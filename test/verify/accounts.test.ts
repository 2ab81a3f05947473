/** Which accounts earn, keep and lose a table. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  ACCEPTS_FOR_FREE_SLOT,
  ACCEPTS_FOR_TAKEN_SLOT,
  Accounts,
  ADDRESS_BYTES,
  CANDIDATES_MAX,
} from "../../src/verify/accounts.ts";

/** Multipliers that give every address the same hash. */
const ALL_EQUAL = new Uint32Array(5);
const KEY = new Uint8Array(64);

function address(number: number, tail = 0): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  new DataView(bytes.buffer).setUint32(2, number);
  bytes[19] = tail;
  return bytes;
}

function acceptTimes(accounts: Accounts, of: Uint8Array, times: number): boolean[] {
  return Array.from({ length: times }, () => accounts.accepted(of));
}

function give(accounts: Accounts, to: Uint8Array): number | undefined {
  const slot = accounts.takeSlot();
  if (slot !== undefined) accounts.add(to, KEY, slot);
  return slot;
}

describe("accounts with tables", () => {
  it("earn a free slot by a few accepted signatures, and a taken one by many", () => {
    const accounts = new Accounts(1);
    const earned = (times: number) => Array.from({ length: times }, (_, i) => i === times - 1);
    assert.deepEqual(acceptTimes(accounts, address(1), ACCEPTS_FOR_FREE_SLOT), earned(ACCEPTS_FOR_FREE_SLOT));
    assert.equal(give(accounts, address(1)), 0);
    assert.deepEqual(
      acceptTimes(accounts, address(2), ACCEPTS_FOR_TAKEN_SLOT),
      earned(ACCEPTS_FOR_TAKEN_SLOT),
    );
    assert.equal(give(accounts, address(2)), 0);
    assert.equal(accounts.find(address(1), 0), undefined);
    assert.equal(accounts.size, 1);
  });

  it("lose it in the order in which they were last used", () => {
    const accounts = new Accounts(3);
    for (const number of [1, 2, 3]) give(accounts, address(number));
    assert.equal(accounts.find(address(1), 0)?.slot, 0);
    assert.equal(give(accounts, address(4)), 1);
    assert.equal(give(accounts, address(5)), 2);
    assert.equal(give(accounts, address(6)), 0);
    assert.equal(accounts.size, 3);
  });

  it("are told apart by the whole address even where their hashes are equal", () => {
    const accounts = new Accounts(4, ALL_EQUAL);
    give(accounts, address(1, 7));
    assert.equal(accounts.find(address(1, 8), 0), undefined);
    assert.deepEqual(accounts.find(address(1, 7), 0)?.address, address(1, 7));
    assert.equal(accounts.remove(address(1, 8)), false);
    assert.ok(!acceptTimes(accounts, address(1, 8), 1_000).includes(true), "no second table with this hash");
  });

  it("never share a slot nor leak one, whatever is added and removed", () => {
    const equal = new Accounts(4, ALL_EQUAL);
    for (let tail = 0; tail < 9; tail++) give(equal, address(1, tail));
    assert.equal(equal.size, 1);
    const accounts = new Accounts(4);
    give(accounts, address(1, 8));
    const slots = [2, 3, 4].map((number) => give(accounts, address(number))!);
    slots.push(accounts.find(address(1, 8), 0)!.slot);
    assert.deepEqual(slots.toSorted(), [0, 1, 2, 3]);
    assert.ok(accounts.remove(address(3)));
    assert.equal(give(accounts, address(9)), slots[1]);
  });

  it("have no slot where none is allowed", () => {
    const accounts = new Accounts(0);
    assert.equal(accounts.takeSlot(), undefined);
    accounts.returnSlot(5);
    assert.equal(accounts.takeSlot(), 5);
  });

  it("are found at an offset of packed addresses", () => {
    const accounts = new Accounts(2);
    give(accounts, address(3));
    const packed = new Uint8Array([...address(9), ...address(3)]);
    assert.equal(accounts.find(packed, 0), undefined);
    assert.equal(accounts.find(packed, ADDRESS_BYTES)?.slot, 0);
  });

  it("forget the candidate that has been silent longest", () => {
    const accounts = new Accounts(1);
    assert.equal(accounts.accepted(address(0)), false);
    for (let number = 1; number <= CANDIDATES_MAX; number++) accounts.accepted(address(number));
    assert.equal(accounts.accepted(address(0)), false, "counted from one again");
    assert.equal(accounts.accepted(address(CANDIDATES_MAX)), true);
  });
});
