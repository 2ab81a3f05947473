/**
 * Which accounts have a table, in which slot, and which are about to earn one. Bounded in slots and in
 * candidates; knows nothing of cryptography.
 *
 * An account earns a table only by signatures that the reference accepted, so junk under its name costs
 * nothing here. While slots are free the second one does; once they are taken a table costs another account
 * its own, and building it takes as long as some fifteen signatures by the reference, so it takes many.
 */
import { equalBytes } from "../base/bytes.ts";

export const ADDRESS_BYTES = 20;

/** Signatures accepted by the reference that earn a free slot, and one that another account has to leave. */
export const ACCEPTS_FOR_FREE_SLOT = 2;
export const ACCEPTS_FOR_TAKEN_SLOT = 64;

/** Accounts without a table whose accepted signatures are counted. The longest without one is forgotten first. */
export const CANDIDATES_MAX = 8_192;

interface Account {
  readonly address: Uint8Array;
  /** x || y. */
  readonly publicKey: Uint8Array;
  readonly slot: number;
  lastUsed: number;
}

export class Accounts {
  readonly #slotsMax: number;
  /** By the first six bytes of the address. Of accounts that share them only one has a table. */
  readonly #accounts = new Map<number, Account>();
  readonly #free: number[] = [];
  readonly #candidates = new Map<number, number>();
  #slotsUsed = 0;
  #clock = 0;

  constructor(slotsMax: number) {
    this.#slotsMax = slotsMax;
  }

  get size(): number {
    return this.#accounts.size;
  }

  /** The account at `offset` of packed addresses, if it has a table; using it keeps it. */
  find(addresses: Uint8Array, offset: number): Account | undefined {
    const account = this.#accounts.get(prefixOf(addresses, offset));
    if (account === undefined) return undefined;
    for (let i = 6; i < ADDRESS_BYTES; i++)
      if (account.address[i] !== addresses[offset + i]) return undefined;
    account.lastUsed = ++this.#clock;
    return account;
  }

  /** Counts a signature that the reference accepted; true if the account has earned a table now. */
  accepted(address: Uint8Array): boolean {
    const prefix = prefixOf(address, 0);
    if (this.#accounts.has(prefix)) return false;
    const count = (this.#candidates.get(prefix) ?? 0) + 1;
    this.#candidates.delete(prefix);
    this.#candidates.set(prefix, count);
    if (this.#candidates.size > CANDIDATES_MAX)
      this.#candidates.delete(this.#candidates.keys().next().value!);
    return count >= (this.#hasFreeSlot() ? ACCEPTS_FOR_FREE_SLOT : ACCEPTS_FOR_TAKEN_SLOT);
  }

  /** A slot for a new account: a free one, or that of the account used longest ago. Undefined if there is none. */
  takeSlot(): number | undefined {
    if (!this.#hasFreeSlot()) this.#removeOldest();
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    return this.#slotsUsed < this.#slotsMax ? this.#slotsUsed++ : undefined;
  }

  /** Gives back a slot whose table could not be built. */
  returnSlot(slot: number): void {
    this.#free.push(slot);
  }

  /** Records that the table in `slot` is this account's. */
  add(address: Uint8Array, publicKey: Uint8Array, slot: number): void {
    const prefix = prefixOf(address, 0);
    this.#candidates.delete(prefix);
    const previous = this.#accounts.get(prefix);
    if (previous !== undefined) this.#free.push(previous.slot);
    this.#accounts.set(prefix, { address: address.slice(), publicKey, slot, lastUsed: ++this.#clock });
  }

  /** False if the account had no table. */
  remove(address: Uint8Array): boolean {
    const prefix = prefixOf(address, 0);
    this.#candidates.delete(prefix);
    const account = this.#accounts.get(prefix);
    if (account === undefined || !equalBytes(account.address, address)) return false;
    this.#accounts.delete(prefix);
    this.#free.push(account.slot);
    return true;
  }

  #hasFreeSlot(): boolean {
    return this.#free.length > 0 || this.#slotsUsed < this.#slotsMax;
  }

  #removeOldest(): void {
    let oldest: Account | undefined;
    for (const account of this.#accounts.values()) {
      if (oldest === undefined || account.lastUsed < oldest.lastUsed) oldest = account;
    }
    if (oldest !== undefined) this.remove(oldest.address);
  }
}

function prefixOf(address: Uint8Array, at: number): number {
  const low =
    (address[at + 2]! << 24) | (address[at + 3]! << 16) | (address[at + 4]! << 8) | address[at + 5]!;
  return (address[at]! * 256 + address[at + 1]!) * 2 ** 32 + (low >>> 0);
}
